#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Coding rates, alone and with their gradients, beside PyTorch on the processor: ratios of times, PyTorch / krate.

    OMP_PROC_BIND=true OMP_PLACES=cores perf/compare_rate_pytorch.py build/mpi/bin/krate [--rounds 5] [--precision fp64]

The two sides take turns, each in a process of its own, since two OpenMP runtimes in one process spoil each other. A
round gives each side's fastest run; the table has the ratio of the fastest rounds, and that of the median rounds.
Where the Python package `mcr2` is installed, it is one more peer; its classes take memory for a matrix [dim, dim] a
sample, so that it has a smaller case.
"""
import argparse
import json
import os
import statistics
import sys

from turns import fastest, output

CASES = [(10000, 512, 0), (2000, 1024, 0), (10000, 512, 10), (10000, 512, 100), (2000, 256, 10)]
EPS_SQUARED = 0.5


def peers(torch, samples, dim, classes, value, dtype):
    """What a user of PyTorch would write: name -> function that returns the value, or value and gradient."""
    torch.manual_seed(1)
    z = torch.randn(samples, dim, dtype=dtype) / dim**0.5
    labels = torch.arange(samples) % max(classes, 1)
    identity = torch.eye(dim, dtype=dtype)

    def by_determinant(x):
        return 0.5 * torch.logdet(identity + dim / (x.shape[0] * EPS_SQUARED) * (x.T @ x))

    def by_factor(x):
        factor = torch.linalg.cholesky(identity + dim / (x.shape[0] * EPS_SQUARED) * (x.T @ x))
        return factor.diagonal().log().sum()

    def over_classes(rate):
        def total(x):
            parts = [x[labels == k] for k in range(classes)]
            return sum(part.shape[0] / samples * rate(part) for part in parts)

        return total if classes else rate

    def autograd(rate):
        def alone():
            with torch.no_grad():
                return rate(z)

        def run():
            x = z.detach().requires_grad_()
            result = rate(x)
            result.backward()
            return result, x.grad

        return alone if value else run

    def closed(by_inverse):
        def run():
            alpha = dim / (samples * EPS_SQUARED)
            factor = torch.linalg.cholesky(torch.addmm(identity, z.T, z, alpha=alpha))
            gradient = (
                alpha * (z @ torch.cholesky_inverse(factor))
                if by_inverse
                else alpha * torch.cholesky_solve(z.T, factor).T
            )
            return factor.diagonal().log().sum(), gradient

        return run

    found = {
        "logdet" if value else "autograd, logdet": autograd(over_classes(by_determinant)),
        "Cholesky" if value else "autograd, Cholesky": autograd(over_classes(by_factor)),
    }
    if not classes and not value:
        found |= {"closed form, inverse": closed(True), "closed form, solves": closed(False)}
    try:
        from mcr2.primitives import coding_rate
    except ImportError:
        return found
    eps = EPS_SQUARED**0.5
    if classes and samples * dim**2 > 2e8:
        return found
    if classes:
        memberships = torch.nn.functional.one_hot(labels, classes).to(dtype)
        found["package mcr2"] = autograd(lambda x: coding_rate.Rc(x, memberships, eps))
    else:
        found["package mcr2"] = autograd(lambda x: coding_rate.R(x, eps))
    return found


def measure_peers(sizes, precision, repeat):
    import torch

    dtype = {"fp32": torch.float32, "fp64": torch.float64}[precision]
    print(json.dumps({name: fastest(run, repeat, 1) for name, run in peers(torch, *sizes, dtype).items()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate", help="the command krate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--precision", choices=["fp32", "fp64"], default="fp64")
    parser.add_argument("--case", action="append", default=[], help="samples,dim,classes instead of the usual cases")
    parser.add_argument("--peer", nargs=4, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return measure_peers(options.peer, options.precision, options.repeat)
    common = ["--precision", options.precision, "--repeat", str(options.repeat)]
    for case in [tuple(map(int, c.split(","))) for c in options.case] or CASES:
        for value in (False,) if case[2] else (True, False):
            compare(options, common, case, value)


def compare(options, common, case, value):
    samples, dim, classes = map(str, case)
    bench = [options.krate, "bench", "rate", "--samples", samples, "--dim", dim, "--classes", classes, "--json"]
    bench += ["--value"] * value
    peer = [sys.executable, os.path.abspath(__file__), options.krate, "--peer", samples, dim, classes, str(int(value))]
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(output(bench + common))
        theirs.append(output(peer + common))
    seconds = [record["seconds_min"] for record in ours]
    title = f"{samples} x {dim}" + (f", {classes} classes" if case[2] else "") + (", value alone" if value else "")
    roof = max(record["roof_percent"] for record in ours)
    print(f"{title}: {1e3 * min(seconds):.1f} ms, {roof:.0f} % of the roof")
    for name in theirs[0]:
        times = [t[name] for t in theirs]
        best, middle = min(times) / min(seconds), statistics.median(times) / statistics.median(seconds)
        print(f"  {name:22} {1e3 * min(times):8.1f} ms  ratio {best:.2f}, by medians {middle:.2f}", flush=True)


if __name__ == "__main__":
    main()
