#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutional sparse coding beside PyTorch on the processor: ratios of times, PyTorch / krate.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true OMP_PLACES=cores perf/compare_csc_pytorch.py build/mpi/bin/krate [--rounds 5]

A layer is two steps of FISTA from images in memory to codes in memory; a step of training is forward and backward.
PyTorch writes the authors' layer with conv2d and conv_transpose2d, with channels first and last; the better one counts.
The sides take turns, each in a process of its own, since two OpenMP runtimes in one process spoil each other; the table
has the ratio of the fastest rounds.
"""
import argparse
import json
import os
import sys

from turns import fastest, output

SIZES = [  # batch, channels, size, atoms, kernel, stride, padding
    (64, 1, 28, 64, 4, 2, 1),
    (64, 64, 14, 128, 4, 2, 1),
    (256, 128, 7, 128, 7, 1, 0),
    (32, 128, 16, 256, 4, 2, 1),
    (32, 32, 32, 32, 3, 1, 1),
]


def measure_peers(batch, channels, size, atoms, kernel, stride, padding, backward, repeat):
    import torch
    from torch.nn.functional import conv2d, conv_transpose2d

    torch.manual_seed(1)
    seconds = {}
    for name, layout in (("first", torch.contiguous_format), ("last", torch.channels_last)):
        x = torch.randn(batch, channels, size, size).to(memory_format=layout)
        w = torch.nn.functional.normalize(torch.randn(atoms, channels, kernel, kernel).flatten(1)).view(
            atoms, channels, kernel, kernel
        )
        step, threshold = 0.1, 0.01
        rest = (size + 2 * padding - kernel) % stride
        shrink = torch.nn.functional.softshrink

        def layer(x, w):
            code = shrink(step * conv2d(x, w, stride=stride, padding=padding), threshold)
            made = conv_transpose2d(code, w, stride=stride, padding=padding, output_padding=rest)
            return shrink(code + step * conv2d(x - made, w, stride=stride, padding=padding), threshold)

        upstream = torch.randn_like(layer(x, w))

        def run():
            if not backward:
                with torch.no_grad():
                    return layer(x, w)
            a, b = x.detach().requires_grad_(), w.detach().requires_grad_()
            layer(a, b).backward(upstream)
            return a.grad

        seconds[name] = fastest(run, repeat, 3)
    print(json.dumps(seconds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate", help="the command krate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--peer", nargs=8, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return measure_peers(*options.peer, options.repeat)
    names = ("batch", "channels", "size", "atoms", "kernel", "stride", "padding")
    for sizes in SIZES:
        for backward in (0, 1):
            bench = [options.krate, "bench", "csc", "--repeat", str(options.repeat), "--json"] + ["--backward"] * backward
            for name, value in zip(names, sizes):
                bench += ["--" + name, str(value)]
            peer = [sys.executable, os.path.abspath(__file__), options.krate, "--repeat", str(options.repeat)]
            peer += ["--peer", *map(str, (*sizes, backward))]
            ours, theirs = [], []
            for _ in range(options.rounds):
                ours.append(output(bench))
                theirs.append(output(peer))
            mine = min(o["seconds_min"] for o in ours)
            best = {name: min(t[name] for t in theirs) for name in theirs[0]}
            batch, channels, size, atoms, kernel, stride, _ = sizes
            print(
                f"{batch:3} x {channels:3} x {size} x {size} to {atoms:3}, k{kernel} s{stride},"
                f" {'step   ' if backward else 'forward'}: krate {1e3 * mine:7.2f} ms"
                f" ({1e-9 * ours[0]['flops'] / mine:4.0f} GF/s), PyTorch channels first {1e3 * best['first']:7.2f} ms,"
                f" last {1e3 * best['last']:7.2f} ms, ratio {min(best.values()) / mine:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
