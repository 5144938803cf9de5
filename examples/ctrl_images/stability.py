#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How often do csc_ctrl and ctrl converge? Five learning rates, three seeds each, as a table.

    stability.py KRATE DATA.h5 DIRECTORY [--steps 150] [krate train's options ...]

A run converges if it ends with finite numbers and neither player was left behind: the rate reduction of the features
and that of what comes back end above half of the largest one seen in any run. DIRECTORY keeps the runs: the script goes
on where it was stopped.
"""
import argparse
import csv
import json
import os
import subprocess

RATES, SEEDS = ["1e-4", "3e-4", "1e-3", "3e-3", "1e-2"], ["0", "1", "2"]
TERMS = ["rate_reduction", "rate_reduction_regenerated"]


def play(o, model, rate, seed):
    run = f"{o.out}/{model}-{rate}-{seed}"
    if not os.path.exists(f"{run}/model.h5"):
        options = ["--model", model, "--data", o.data, "--learning-rate", rate, "--seed", seed, "--steps", o.steps]
        subprocess.run([o.krate, "train", *options, *o.rest, "-o", run], capture_output=True)
    if not os.path.exists(f"{run}/model.h5"):
        return None  # stopped by numbers that are not finite
    with open(f"{run}/game.csv") as f:
        last = list(csv.DictReader(f))[-1]
    command = [o.krate, "eval", f"{run}/model.h5", "--data", o.data, "--json"]
    measured = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [float(last[t]) for t in TERMS] + [measured["accuracy"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate"), parser.add_argument("data"), parser.add_argument("out")
    parser.add_argument("--steps", default="150")
    o, o.rest = parser.parse_known_args()
    os.makedirs(o.out, exist_ok=True)
    ends = {(m, r): [play(o, m, r, s) for s in SEEDS] for m in ("csc_ctrl", "ctrl") for r in RATES}
    most = [max(e[t] for of_rate in ends.values() for e in of_rate if e) for t in range(len(TERMS))]
    print("| model | learning rate | converged | rate reduction of features, of what comes back | nearest subspace |")
    print("|---|---|---|---|---|")
    for (model, rate), of_rate in ends.items():
        good = [e for e in of_rate if e and all(e[t] > most[t] / 2 for t in range(len(TERMS)))]
        text = ["not finite" if not e else f"{e[0]:.1f}, {e[1]:.1f}" for e in of_rate]
        accuracy = ["" if not e else f"{100 * e[2]:.0f} %" for e in of_rate]
        print(f"| {model} | {rate} | {len(good)} of {len(SEEDS)} | {'; '.join(text)} | {', '.join(accuracy)} |")


if __name__ == "__main__":
    main()
