#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Subspace attention beside PyTorch on the processor: ratios of times, PyTorch / krate.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true OMP_PLACES=cores perf/compare_mssa_pytorch.py build/mpi/bin/krate [--rounds 5]

Both begin with projected tokens in memory, [batch, tokens, heads * head_dim], and end with the attention in that
layout; a step is forward and backward. PyTorch writes it out, or calls scaled_dot_product_attention with one tensor
for query, key and value. The two sides take turns, each in a process of its own, since two OpenMP runtimes in one
process spoil each other; the table has the ratio of the fastest rounds, and that of the median rounds. With --causal
each token sees those up to itself.
"""
import argparse
import json
import os
import statistics
import sys

from turns import fastest, output

HEADS = 6
SIZES = [(65, 16), (197, 8), (577, 2), (1025, 1)]  # tokens, batch


def peers(torch, batch, tokens, head_dim, causal, backward):
    """What a user of PyTorch would write: name -> function of one run."""
    from torch.nn.functional import scaled_dot_product_attention

    torch.manual_seed(1)
    w = torch.randn(batch, tokens, HEADS * head_dim)
    upstream = torch.randn_like(w)

    hidden = torch.full((tokens, tokens), -torch.inf).triu(1) if causal else None

    def explicit(x):
        logits = x @ x.transpose(-1, -2) * head_dim**-0.5
        return torch.softmax(logits if hidden is None else logits + hidden, -1) @ x

    def fused(x):
        return scaled_dot_product_attention(x, x, x, is_causal=bool(causal))

    def layer(attention, x):
        y = attention(x.view(batch, tokens, HEADS, head_dim).transpose(1, 2))
        return y.transpose(1, 2).reshape(batch, tokens, HEADS * head_dim)

    def run(attention):
        if not backward:
            with torch.no_grad():
                return layer(attention, w)
        x = w.detach().requires_grad_()
        layer(attention, x).backward(upstream)
        return x.grad

    return {"explicit": lambda: run(explicit), "scaled_dot_product": lambda: run(fused)}


def measure_peers(batch, tokens, head_dim, causal, backward, repeat):
    import torch

    runs = peers(torch, batch, tokens, head_dim, causal, backward)
    print(json.dumps({name: fastest(run, repeat, 2) for name, run in runs.items()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate", help="the command krate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--peer", nargs=5, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return measure_peers(*options.peer, options.repeat)
    for head_dim in (48, 64):
        for tokens, batch in SIZES:
            for backward in (0, 1):
                flags = ["--batch", batch, "--heads", HEADS, "--tokens", tokens, "--head-dim", head_dim]
                bench = [options.krate, "bench", "mssa", *map(str, flags), "--repeat", str(options.repeat), "--json"]
                peer = [sys.executable, os.path.abspath(__file__), options.krate, "--repeat", str(options.repeat)]
                peer += ["--peer", *map(str, (batch, tokens, head_dim, int(options.causal), backward))]
                ours, theirs = [], []
                for _ in range(options.rounds):
                    causal = ["--causal"] * options.causal
                    ours.append(output(bench + ["--backward"] * backward + causal)["seconds_min"])
                    theirs.append(min(output(peer).values()))
                best, middle = min(theirs) / min(ours), statistics.median(theirs) / statistics.median(ours)
                print(
                    f"head dim {head_dim}, {tokens:4} tokens, {'step   ' if backward else 'forward'}: krate"
                    f" {1e3 * min(ours):7.2f} ms, best of PyTorch {1e3 * min(theirs):7.2f} ms,"
                    f" ratio {best:.2f}, by medians {middle:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
