#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sequential games of two small networks beside PyTorch: the decoder's steps, which are nearly all of the work.

    OMP_NUM_THREADS=1 perf/compare_networks_pytorch.py build/mpi/bin/krate [--rounds 3]

Figure 4 of the paper: 784 numbers a sample, 150 between the layers and in a code, batches of 200 of ten classes, double
precision. PyTorch plays the loop as published: a rate distance a class, each of three matrices as wide as a code, by
autograd, torch.optim.Adam. Both sides take turns, each in a process of its own, of one thread; a row has the fastest
round and the median, in processor time, so that others' work on the machine matters less.
"""
import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time

DIM, HIDDEN, WIDTH, CLASSES, EACH = 784, 150, 150, 10, 20


def torch_seconds(steps):
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    layers = lambda a, b: torch.nn.Sequential(torch.nn.Linear(a, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, b))
    encoder, decoder = layers(DIM, WIDTH), layers(WIDTH, DIM)
    encode = lambda x: torch.nn.functional.normalize(encoder(x), dim=1)
    samples, eye = torch.rand(CLASSES * EACH, DIM), torch.eye(WIDTH)
    for p in encoder.parameters():
        p.requires_grad_(False)
    codes = encode(samples)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-3)

    def rate(z):
        return 0.5 * torch.logdet(eye + WIDTH / len(z) * z.T @ z)

    def step():
        optimizer.zero_grad()
        again = encode(decoder(codes))
        pairs = zip(codes.split(EACH), again.split(EACH))
        sum(rate(torch.cat(p)) - 0.5 * rate(p[0]) - 0.5 * rate(p[1]) for p in pairs).backward()
        optimizer.step()

    for _ in range(3):
        step()
    begin = time.process_time()
    for _ in range(steps):
        step()
    return (time.process_time() - begin) / steps


def krate_processor_seconds(krate, steps):
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    before = used()
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [krate, "game", "ctrl", "--hidden", str(HIDDEN), "--dim", str(DIM), "--width", str(WIDTH), "--subspaces",
             ",".join(["5"] * CLASSES), "--samples", str(EACH), "--batch", str(CLASSES * EACH), "--epochs", "1",
             "--inner-steps", str(steps), "--json", "-o", directory + "/game"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return used() - before


def krate_seconds(krate):
    """Without what a run does besides."""
    return (krate_processor_seconds(krate, 220) - krate_processor_seconds(krate, 20)) / 200


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", type=int, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.torch:
        print(torch_seconds(o.torch))
        return
    times = {"PyTorch": [], "krate": []}
    for _ in range(o.rounds):
        done = subprocess.run([sys.executable, __file__, "-", "--torch", "30"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        times["PyTorch"].append(1e3 * float(done.stdout))
        times["krate"].append(1e3 * krate_seconds(o.krate))
    print("milliseconds of an inner step: fastest (median) of the rounds")
    for name, t in times.items():
        print(f"  {name:8s} {min(t):8.2f} ({statistics.median(t):8.2f})")


if __name__ == "__main__":
    main()
