#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sequential games of linear maps beside PyTorch: the decoder's steps, which are nearly all of the work.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true perf/compare_ctrl_pytorch.py build/mpi/bin/krate [--games 200] [--rounds 3]

Figure 1 of the paper: samples of 50 numbers, codes of 40, three classes, batches of 50, double precision, one thread.
PyTorch plays the loop as published (a rate distance a class from samples, autograd, torch.optim.Adam), and once more by
the closed-form gradient; with many games also all of them at once as batched matrices. Both sides take turns, each in a
process of its own; a row has the fastest and the median round.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def torch_seconds(kind, games, noise, steps):
    """Seconds of an inner step of a game."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    dim, width, counts = 50, 40, (17, 17, 16)
    batch = games if kind == "batched" else 1
    samples = []
    for j, count in enumerate(counts):
        basis = torch.randn(batch, dim, 3 + j) / dim**0.5
        x = basis @ torch.randn(batch, 3 + j, count)
        samples.append(x + (noise / dim) ** 0.5 * torch.randn_like(x))
    encoder, decoder = torch.randn(batch, width, dim), torch.randn(batch, dim, width)
    if batch == 1:
        samples, encoder, decoder = [x[0] for x in samples], encoder[0], decoder[0]
    eye = torch.eye(width)
    codes = [encoder @ x for x in samples]
    moments = [z @ z.mT / z.shape[-1] for z in codes]

    def rate(z):
        return 0.5 * torch.logdet(eye + width / z.shape[-1] * z @ z.mT)

    def distance(a, b):
        return rate(torch.cat([a, b], -1)) - 0.5 * rate(a) - 0.5 * rate(b)

    def slope():
        product, total = encoder @ decoder, 0
        for c in moments:
            recoded = product @ c @ product.mT
            middle = torch.linalg.inv(eye + width / 2 * (c + recoded))
            total = total + width / 2 * (middle - torch.linalg.inv(eye + width * recoded)) @ product @ c
        return encoder.mT @ total

    decoder.requires_grad_(kind == "autograd")
    optimizer = torch.optim.Adam([decoder], lr=1e-3)

    def step():
        optimizer.zero_grad()
        if kind == "autograd":
            sum(distance(z, encoder @ (decoder @ z)) for z in codes).backward()
        else:
            decoder.grad = slope()
        optimizer.step()

    for _ in range(3):
        step()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begin) / steps / batch


def other_process(arguments):
    done = subprocess.run([sys.executable, __file__, "-", "--torch", json.dumps(arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout)


def krate_seconds(krate, games, noise, steps):
    done = subprocess.run(
        [krate, "bench", "ctrl", "--games", str(games), "--noise", str(noise), "--inner-steps", str(steps),
         "--repeat", "3", "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["seconds_median"] / steps / games


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate")
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.torch:
        print(torch_seconds(**json.loads(o.torch)))
        return
    print("microseconds of an inner step of a game: fastest (median) of the rounds")
    for noise in (0.0, 1e-2):
        rows = {
            "PyTorch autograd": lambda: other_process({"kind": "autograd", "games": 1, "noise": noise, "steps": 200}),
            "PyTorch closed form": lambda: other_process({"kind": "closed", "games": 1, "noise": noise, "steps": 300}),
            f"PyTorch closed form, {o.games} at once":
                lambda: other_process({"kind": "batched", "games": o.games, "noise": noise, "steps": 5}),
            "krate, one game": lambda: krate_seconds(o.krate, 1, noise, 2000),
            f"krate, {o.games} games": lambda: krate_seconds(o.krate, o.games, noise, 50),
        }
        times = {name: [] for name in rows}
        for _ in range(o.rounds):
            for name, run in rows.items():
                times[name].append(1e6 * run())
        print(f"noise {noise:g}")
        best = min(times["PyTorch autograd"]), statistics.median(times["PyTorch autograd"])
        for name, t in times.items():
            fastest, median = min(t), statistics.median(t)
            print(f"  {name:38s} {fastest:9.1f} ({median:9.1f})   autograd / this: {best[0] / fastest:6.1f} "
                  f"({best[1] / median:6.1f})")


if __name__ == "__main__":
    main()
