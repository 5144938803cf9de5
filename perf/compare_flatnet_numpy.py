#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Building a FlatNet beside the same algorithm in NumPy, with the iteration structure of the authors' program.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true perf/compare_flatnet_numpy.py build/mpi/bin/krate [--shape gp --samples 1000
        --intrinsic-dim 5] [--iterations 10] [--inner-iterations 200]

Both sides take the same samples and count seconds an outer iteration; their random choices differ. V comes from a
QR-free least-squares call (lstsq, relative cutoff 1e-4), everything else is one NumPy product a formula.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

import h5py
import numpy as np


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


def fit(z, centre, kernel, u, cap):
    keep = kernel > 1e-6
    y, k = (z - centre)[keep], kernel[keep, None]
    left, _, right = np.linalg.svd(u, full_matrices=False)
    u = left @ right
    adam = StiefelAdam(u)
    for _ in range(cap):
        c = y @ u
        zp = y - c @ u.T
        h, a, b = vech(c)
        vt = np.linalg.lstsq(k * h, k * zp, rcond=1e-4)[0]
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


def find_frame(z, centre, r, d, cap, random):
    dim = z.shape[1]
    kernel = kernel_at(z, centre, r)[0]
    u = kept = np.linalg.qr(random.standard_normal((dim, d)))[0]
    decreasing, loss = False, 0.0
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
            x = random.standard_normal(dim)
            x -= u @ (u.T @ x)
            u = np.hstack([u, (x / np.linalg.norm(x))[:, None]])
    return kept, loss


def build(z, iterations, cap, seed):
    random = np.random.default_rng(seed)
    z = z - z.mean(0)
    z /= np.linalg.norm(z, axis=1).max()
    square = np.sum(z**2, 1)
    e_max = np.sqrt(max(np.max(square[:, None] + square - 2 * z @ z.T), 0))
    low, high, d, dims = 0.15 * e_max, 1.1 * e_max, 1, []
    middle = (low + high) / 2
    begin = time.perf_counter()
    for _ in range(iterations):
        centre = z[random.integers(len(z))].copy()
        u, loss_d = find_frame(z, centre, low, d, cap, random)
        u, _, loss_m = fit(z, centre, kernel_at(z, centre, middle)[0], u, cap)
        f_d, f_m = (np.log(max(x, 1e-300)) - np.log(1e-5) for x in (loss_d, loss_m))
        slope = f_m - f_d if abs(f_m - f_d) > 1e-6 else 1e-6
        r = np.clip(middle - (middle - low) / slope * f_m, low, high)
        kernel, mean, gamma = kernel_at(z, centre, r)
        u, _, loss = fit(z, centre, kernel, u, cap)
        k = min(0.5, np.sqrt(1e-5 / loss)) * np.exp(-gamma * np.sum((z - mean) ** 2, 1))[:, None]
        new = k * ((z - mean) @ u @ u.T + mean) + (1 - k) * z
        new = new - new.mean(0)
        new /= np.linalg.norm(new, axis=1).max()
        if np.sqrt(np.mean((new - z) ** 2)) >= 1e-4:
            z, d = new, u.shape[1]
            dims.append(d)
    return (time.perf_counter() - begin) / iterations, dims


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate")
    parser.add_argument("--shape", default="gp")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--intrinsic-dim", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--inner-iterations", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
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
            seconds, dims = build(x, given.iterations, given.inner_iterations, seed)
            run = f"{directory}/run{seed}"
            words = [given.krate, "train", "--model", "flatnet", "--data", data, "-o", run, "--json", "--seed", str(seed)]
            words += ["--iterations", str(given.iterations), "--inner-iterations", str(given.inner_iterations)]
            summary = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            theirs.append(seconds)
            ours.append(summary["seconds"] / given.iterations)
            with open(os.path.join(run, "layers.csv")) as table:
                found = [int(row.split(",")[1]) for row in table.readlines()[1:]]
            print(f"NumPy {seconds:8.4f} s/iteration, dimensions {dims}   krate {ours[-1]:8.4f} s/iteration, {found}")
        print(f"fastest rounds: {min(theirs) / min(ours):.1f} times NumPy")


if __name__ == "__main__":
    main()
