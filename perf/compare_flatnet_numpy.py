#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Building a FlatNet beside the same search in NumPy, with the iteration structure of the authors' program.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true perf/compare_flatnet_numpy.py build/mpi/bin/krate [--shape gp --samples 1000
        --intrinsic-dim 5] [--iterations 10] [--inner-iterations 200] [--dimension layer]

Both sides take the same samples and the same random choices (Philox, as krate/core/random.hpp has it), so they fit the
same frames in the same number of steps: up to 60 steps losses agree to 12 digits. Beyond, steps of a fit that has not
converged make roundings grow, so losses are compared to a tenth. V comes from a QR-free least-squares call (lstsq,
relative cutoff 1e-4), everything else is one NumPy product a formula. --dimension whole: both find the dimension of all samples first, by the rule of krate.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

import h5py
import numpy as np


class Random:
    def __init__(self, seed, stream, step):
        self.key, self.stream, self.step = (seed & 0xFFFFFFFF, seed >> 32), stream, step

    def bits(self, elements):
        low = np.uint64(0xFFFFFFFF)
        c = [elements & low, elements >> np.uint64(32)]
        c += [np.full_like(elements, self.step), np.full_like(elements, self.stream)]
        k = list(self.key)
        for _ in range(10):
            a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
            c = [b >> np.uint64(32) ^ c[1] ^ np.uint64(k[0]), b & low, a >> np.uint64(32) ^ c[3] ^ np.uint64(k[1]), a & low]
            k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
        return c[1] << np.uint64(32) | c[0]

    def below(self, count):
        return int(self.bits(np.zeros(1, np.uint64))[0]) % count

    def normal(self, rows, columns):
        b = self.bits(np.arange(rows * columns, dtype=np.uint64))
        u = ((b >> np.uint64(32)).astype(float) + 1) * 2.0**-32
        v = (b & np.uint64(0xFFFFFFFF)).astype(float) * 2.0**-32
        return (np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)).reshape(rows, columns)


def vech(c):
    a, b = np.triu_indices(c.shape[1])
    return c[:, a] * c[:, b], a, b


class StiefelAdam:
    def __init__(self, u):
        self.m, self.v, self.t = np.zeros_like(u), 0.0, 0

    def step(self, u, gradient):
        g = gradient - u @ (gradient.T @ u)
        self.t += 1
        self.v = 0.999 * self.v + 0.001 * (np.sum(g * g) - 0.5 * np.sum((u.T @ g) ** 2))
        self.m = 0.9 * self.m + 0.1 * g
        delta = -self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)
        p, q = np.hstack([delta, u]), np.hstack([u, -delta])
        x = np.hstack([u, self.m])
        x = x + p @ np.linalg.solve(np.eye(p.shape[1]) - 0.5 * q.T @ p, q.T @ x)
        new, self.m = x[:, : u.shape[1]], x[:, u.shape[1] :]
        return new, np.sqrt(np.mean((new - u) ** 2))


def kernel_at(z, centre, r):
    gamma = np.log(2) / r**2
    w = np.exp(-gamma * np.sum((z - centre) ** 2, 1))
    mean = w @ z / w.sum()
    return np.exp(-gamma * np.sum((z - mean) ** 2, 1)), mean, gamma


def fit(z, centre, kernel, u, cap, cutoff=1e-4):
    keep = kernel > 1e-6
    y, k = (z - centre)[keep], kernel[keep, None]
    left, _, right = np.linalg.svd(u, full_matrices=False)
    u = left @ right
    adam = StiefelAdam(u)
    for _ in range(cap):
        c = y @ u
        zp = y - c @ u.T
        h, a, b = vech(c)
        vt = np.linalg.lstsq(k * h, k * zp, rcond=cutoff)[0]
        rest = k * (zp - h @ vt)
        loss = 0.5 * np.mean(rest**2)
        t = k * rest / rest.size
        pull = t @ vt.T
        g = np.zeros_like(c)
        for p, (i, j) in enumerate(zip(a, b)):
            g[:, i] -= pull[:, p] * c[:, j]
            g[:, j] -= pull[:, p] * c[:, i]
        u, moved = adam.step(u, -(y.T @ (t @ u) + t.T @ c) + y.T @ g)
        if moved < 1e-5:
            break
    return u, vt, loss


def find_frame(z, centre, r, start, extra, cap, fixed):
    dim = z.shape[1]
    kernel = kernel_at(z, centre, r)[0]
    u = kept = np.linalg.qr(start)[0]
    if fixed:
        u, _, loss = fit(z, centre, kernel, u, cap)
        return u, loss
    decreasing, loss, added = False, 0.0, 0
    for round_ in range(dim):
        u, vt, loss = fit(z, centre, kernel, u, cap)
        c = (z - centre) @ u
        rest = kernel[:, None] * (z - centre - c @ u.T - vech(c)[0] @ vt)
        if np.sqrt(np.max(np.sum(rest**2, 1))) <= 0.3 * r:
            kept = u
            if (round_ > 0 and not decreasing) or u.shape[1] == 1:
                break
            decreasing = True
            u = np.delete(u, np.argmin(np.mean(np.abs(c), 0)), 1)
        elif decreasing or u.shape[1] == dim:
            break
        else:
            x, added = extra[added], added + 1
            x = x - u @ (u.T @ x)
            u = np.hstack([u, (x / np.linalg.norm(x))[:, None]])
    return kept, loss


def find_dimension(z, radius):
    centre = z[np.argmin(np.sum(z**2, 1))]
    kernel = kernel_at(z, centre, radius)[0]
    directions = np.linalg.eigh(z.T @ z)[1][:, ::-1]
    keep = kernel > 1e-6
    spread = before = 0.5 * np.mean((kernel[keep, None] * (z - centre)[keep]) ** 2)
    best, found, d = 0.0, 1, 1
    while d < z.shape[1] and d < (found + 5 if best > 3 else 2 * found + 20) and 3 * d * (d + 1) // 2 <= len(z):
        loss = fit(z, centre, kernel, directions[:, :d], 30, 1e-7)[2]
        if loss <= 1e-12 * spread or (loss <= 0.02 * spread and loss <= 0.4 * before):
            return d
        if before / loss > best:
            best, found = before / loss, d
        before, d = loss, d + 1
    return found


def build(z, iterations, cap, seed, whole):
    begin = time.perf_counter()
    z = z - z.mean(0)
    z /= np.linalg.norm(z, axis=1).max()
    square = np.sum(z**2, 1)
    e_max = np.sqrt(max(np.max(square[:, None] + square - 2 * z @ z.T), 0))
    low, high, rows = 0.15 * e_max, 1.1 * e_max, []
    middle = (low + high) / 2
    d = find_dimension(z, middle) if whole else 1
    for step in range(iterations):
        centre = z[Random(seed, 0xF1A70001, step).below(len(z))].copy()
        start = Random(seed, 0xF1A70002, step).normal(z.shape[1], d)
        extra = None if whole else Random(seed, 0xF1A70003, step).normal(z.shape[1], z.shape[1])
        u, loss_d = find_frame(z, centre, low, start, extra, cap, whole)
        u, _, loss_m = fit(z, centre, kernel_at(z, centre, middle)[0], u, cap)
        f_d, f_m = (np.log(max(x, 1e-300)) - np.log(1e-5) for x in (loss_d, loss_m))
        slope = f_m - f_d
        if abs(slope) < 1e-6:
            slope = -1e-6 if slope < 0 else 1e-6
        r = np.clip(middle - (middle - low) / slope * f_m, low, high)
        kernel, mean, gamma = kernel_at(z, centre, r)
        u, _, loss = fit(z, centre, kernel, u, cap)
        k = min(0.5, np.sqrt(1e-5 / loss)) * np.exp(-gamma * np.sum((z - mean) ** 2, 1))[:, None]
        new = k * ((z - mean) @ u @ u.T + mean) + (1 - k) * z
        new = new - new.mean(0)
        new /= np.linalg.norm(new, axis=1).max()
        rows.append((u.shape[1], loss))
        if np.sqrt(np.mean((new - z) ** 2)) >= 1e-4:
            z, d = new, u.shape[1]
    return (time.perf_counter() - begin) / iterations, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate")
    parser.add_argument("--shape", default="gp")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--intrinsic-dim", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--inner-iterations", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dimension", choices=["layer", "whole"], default="layer")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = directory + "/data.h5"
        words = [given.krate, "data", "manifold", given.shape, "--samples", str(given.samples)]
        words += ["--intrinsic-dim", str(given.intrinsic_dim), "-o", data]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        with h5py.File(data) as file:
            x = file["samples/features"][()].astype(float)
        theirs, ours = [], []
        for seed in range(given.rounds):
            seconds, rows = build(x, given.iterations, given.inner_iterations, seed, given.dimension == "whole")
            run = f"{directory}/run{seed}"
            words = [given.krate, "train", "--model", "flatnet", "--data", data, "-o", run, "--json", "--seed", str(seed)]
            words += ["--iterations", str(given.iterations), "--inner-iterations", str(given.inner_iterations)]
            words += ["--dimension", given.dimension]
            summary = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            theirs.append(seconds)
            ours.append(summary["seconds"] / given.iterations)
            with open(os.path.join(run, "layers.csv")) as table:
                found = [row.split(",") for row in table.readlines()[1:]]
            same = sum(int(o[1]) == t[0] and abs(float(o[4]) / t[1] - 1) < 0.1 for o, t in zip(found, rows))
            print(f"seed {seed}: NumPy {seconds:8.5f}, krate {ours[-1]:8.5f} s an iteration; {same} of {len(rows)} fits are "
                  f"the same, the last of dimension {rows[-1][0]} and {found[-1][1]}, loss {rows[-1][1]:.2e} and "
                  f"{float(found[-1][4]):.2e}")
        print(f"all rounds: {sum(theirs) / sum(ours):.1f} times NumPy; the fastest of each: {min(theirs) / min(ours):.1f}")


if __name__ == "__main__":
    main()
