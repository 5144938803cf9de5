#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Coding rates of hard inputs: what the Python package mcr2 returns beside krate, and the exact value.

    pip install torch mcr2 h5py mpmath
    perf/compare_mcr2_package.py build/mpi/bin/krate      # prints a Markdown table

The package is called as its page says, in double where it takes double; it squares its eps, so it gets the root of
eps_squared. The exact value is computed with 60 digits.
"""
import json
import math
import os
import subprocess
import sys
import tempfile

import h5py
import mpmath
import numpy as np
import torch
from mcr2.primitives.coding_rate import DeltaR, R

mpmath.mp.dps = 60


def exact_rate(z, eps_squared):
    n, d = z.shape
    m = mpmath.matrix(z.tolist())
    s = mpmath.mpf(d) / (n * mpmath.mpf(eps_squared)) * (m.T * m) + mpmath.eye(d)
    factor = mpmath.cholesky(s)
    return mpmath.fsum(mpmath.log(factor[i, i]) for i in range(d))


def exact(z, labels, eps_squared):
    whole = exact_rate(z, eps_squared)
    if labels is None:
        return float(whole)
    parts = [(np.sum(labels == k), exact_rate(z[labels == k], eps_squared)) for k in np.unique(labels)]
    return float(whole - mpmath.fsum(mpmath.mpf(int(count)) / len(labels) * rate for count, rate in parts))


def package(z, labels, eps_squared):
    try:
        features = torch.from_numpy(z)
        if labels is None:
            return R(features, math.sqrt(eps_squared)).item()
        one_hot = torch.nn.functional.one_hot(torch.from_numpy(labels).long())
        return DeltaR(features, one_hot, math.sqrt(eps_squared)).item()
    except Exception as error:  # whatever it raises is its answer
        return f"{type(error).__name__}: {str(error).split('.')[0].splitlines()[0][:60]}"


def krate(command, z, labels, eps_squared, ranks=1):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "samples.h5")
        with h5py.File(path, "w") as file:
            file["samples/features"] = z
            if labels is not None:
                file["labels"] = labels.astype("int32")
        launch = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
        run = subprocess.run(
            launch + [command, "rate", path, "--eps-squared", repr(eps_squared), "--json"], capture_output=True, text=True
        )
    if run.returncode:
        return run.stderr.strip().split(": ", 4)[-1]
    found = json.loads(run.stdout)
    return found["rate"] if labels is None else found["rate_reduction"]


def show(value, reference=None):
    if isinstance(value, str):
        return value
    text = f"{value:.12g}"
    if reference is None or not math.isfinite(value):
        return text
    scale = abs(reference) or 1
    return f"{text} ({abs(value - reference) / scale:.0e})" if value != reference else text


def main():
    command = sys.argv[1]
    random = np.random.default_rng(7)
    z = random.standard_normal((60, 8))
    labels = np.arange(60) % 3
    thin = np.outer(random.standard_normal(40), random.standard_normal(8))
    bad = z.copy()
    bad[31, 2] = math.nan
    twice = np.concatenate([z[:20], z[:20]])
    cases = [
        ("rate, double", z, None, 0.5),
        ("rate reduction of 3 classes, double", z, labels, 0.5),
        ("the same, float", z.astype("float32"), labels, 0.5),
        ("rate, features of size 1e-9", 1e-9 * z, None, 0.5),
        ("rate, features of size 1e-5, float", (1e-5 * z).astype("float32"), None, 0.5),
        ("rate, rank 1, features of size 1e6, eps_squared 1e-6", 1e6 * thin, None, 1e-6),
        ("the same, float", (1e6 * thin).astype("float32"), None, 1e-6),
        ("reduction of two equal sets", twice.astype("float32"), np.repeat([0, 1], 20), 0.5),
        ("a NaN", bad, None, 0.5),
    ]
    print("| input | exact | mcr2 | krate |\n|---|---|---|---|")
    for name, samples, its, eps_squared in cases:
        finite = np.isfinite(samples).all()
        reference = exact(samples.astype("float64"), its, eps_squared) if finite else None
        theirs, ours = package(samples, its, eps_squared), krate(command, samples, its, eps_squared)
        print(f"| {name} | {show(reference) if finite else ''} | {show(theirs, reference)} | {show(ours, reference)} |")
    reference = exact(z, None, 0.5)
    halves = np.mean([package(half, None, 0.5) for half in np.array_split(z, 2)])
    print(
        f"| rate over two ranks (the package: mean of theirs) | {show(reference)} | {show(halves, reference)} "
        f"| {show(krate(command, z, None, 0.5, 2), reference)} |"
    )


if __name__ == "__main__":
    main()
