#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Token statistics attention beside PyTorch on the processor: ratios of times, PyTorch / krate.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true OMP_PLACES=cores perf/compare_tssa_pytorch.py build/mpi/bin/krate [--rounds 5]

Both begin with projected tokens in memory, [batch, tokens, heads * head_dim], and end with the attention in that
layout; a step is forward and backward. PyTorch writes the formulas of the authors' layers out, `eager` as they stand
and `compiled` by torch.compile. The sides take turns, each in a process of its own, since two OpenMP runtimes in one
process spoil each other; the table has the ratio of the fastest rounds.
"""
import argparse
import json
import os
import sys

from turns import fastest, output

SIZES = [(8, 196, 4, 48), (8, 196, 8, 48), (8, 197, 12, 48), (2, 784, 8, 48)]  # batch, tokens, heads, head width
CAUSAL_SIZES = [(4, 256, 12, 64), (2, 1024, 12, 64)]


def full(torch, w, temperature):
    """w [batch, heads, tokens, head width]"""
    shares = torch.nn.functional.normalize(w, dim=-2) ** 2
    membership = torch.softmax(shares.sum(-1) * temperature, dim=1)
    weights = membership / (membership.sum(-1, keepdim=True) + 1e-8)
    moment = weights.unsqueeze(-2) @ w**2
    return -(w * membership.unsqueeze(-1)) * (1 / (1 + moment))


def causal(torch, w, temperature):
    squares = w**2
    shares = squares / torch.cumsum(squares, dim=-2).clamp_min(1e-12)
    membership = torch.softmax(shares.sum(-1) * temperature, dim=1).unsqueeze(-1)
    moment = torch.cumsum(squares * membership, dim=-2) / (torch.cumsum(membership, dim=-2) + 1e-8)
    return -(w * membership) * (1 / (1 + moment))


def measure_peers(batch, tokens, heads, head_dim, is_causal, backward, repeat):
    import torch

    torch.manual_seed(1)
    w = torch.randn(batch, tokens, heads * head_dim)
    temperature = torch.ones(heads, 1)
    upstream = torch.randn_like(w)

    def layer(x, t):
        o = (causal if is_causal else full)(torch, x.view(batch, tokens, heads, head_dim).transpose(1, 2), t)
        return o.transpose(1, 2).reshape(batch, tokens, heads * head_dim)

    def run(attention):
        if not backward:
            with torch.no_grad():
                return attention(w, temperature)
        x, t = w.detach().requires_grad_(), temperature.detach().requires_grad_()
        attention(x, t).backward(upstream)
        return x.grad

    compiled = torch.compile(layer)
    print(json.dumps({"eager": fastest(lambda: run(layer), repeat, 2), "compiled": fastest(lambda: run(compiled), repeat, 3)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate", help="the command krate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--peer", nargs=6, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return measure_peers(*options.peer, options.repeat)
    for is_causal, sizes in ((0, SIZES), (1, CAUSAL_SIZES)):
        for batch, tokens, heads, head_dim in sizes:
            for backward in (0, 1):
                flags = ["--batch", batch, "--heads", heads, "--tokens", tokens, "--head-dim", head_dim]
                bench = [options.krate, "bench", "tssa", *map(str, flags), "--repeat", str(options.repeat), "--json"]
                bench += ["--backward"] * backward + ["--causal"] * is_causal
                peer = [sys.executable, os.path.abspath(__file__), options.krate, "--repeat", str(options.repeat)]
                peer += ["--peer", *map(str, (batch, tokens, heads, head_dim, is_causal, backward))]
                ours, theirs = [], []
                for _ in range(options.rounds):
                    ours.append(output(bench)["seconds_min"])
                    theirs.append(output(peer))
                best = {name: min(t[name] for t in theirs) for name in theirs[0]}
                print(
                    f"{'causal' if is_causal else 'full  '} {batch} x {tokens:4} tokens, {heads:2} heads of {head_dim},"
                    f" {'step   ' if backward else 'forward'}: krate {1e3 * min(ours):6.2f} ms,"
                    f" compiled {1e3 * best['compiled']:6.2f} ms, ratio {best['compiled'] / min(ours):.2f};"
                    f" eager {1e3 * best['eager']:6.2f} ms, ratio {best['eager'] / min(ours):.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
