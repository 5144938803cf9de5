#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MCR2 against cross-entropy where labels are wrong: one network, three seeds, MNIST (5,000).

    corruption.py KRATE mnist_5k.csv[.gz] [DIRECTORY]      a sample a line, the label last; default ./corruption

Writes DIRECTORY/corruption.md. Labels are wrong among the 4,000 training samples only. What learns from features
(nearest subspace, neighbours, linear probe) sees the same wrong labels. Nothing is chosen by looking at the test
samples: all numbers are of the last step.
"""
import os
import sys

from runs import CLASSIFIERS, cell, krate, train_and_probe

FRACTIONS = (0.0, 0.2, 0.4)
SEEDS = (0, 1, 2)
NETWORK = "--model mlp --hidden 512 --dim 128 --batch 1000 --epochs 40 --learning-rate 1e-3 --weight-decay 5e-4"
OBJECTIVES = {"cross-entropy": "--label-smoothing 0", "MCR2": "--objective mcr2 --eps-squared 0.5"}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    command, table = sys.argv[1:3]
    out = sys.argv[3] if len(sys.argv) > 3 else "corruption"
    os.makedirs(out, exist_ok=True)
    clean = f"{out}/mnist.h5"
    krate(command, "data", "csv", table, "--shape", "1,28,28", "-o", clean)
    found = {}
    for fraction in FRACTIONS:
        data = f"{out}/mnist{round(100 * fraction)}.h5"
        krate(command, "data", "corrupt", clean, "--fraction", fraction, "--seed", 0, "-o", data)
        for name, flags in OBJECTIVES.items():
            for seed in SEEDS:
                run = f"{out}/{name}-{round(100 * fraction)}-{seed}"
                accuracy = train_and_probe(command, data, [*NETWORK.split(), *flags.split(), "--seed", seed], run)
                print(fraction, name, seed, accuracy, flush=True)
                for classifier, value in accuracy.items():
                    found.setdefault((name, classifier, fraction), []).append(value)
    lines = ["# MCR2 against cross-entropy with wrong labels", "",
             "Made by `examples/mcr2/corruption.py`: test accuracy in %, mean and deviation of three seeds; "
             "MNIST (5,000 samples, 1,000 of them for testing).", "",
             f"`krate train {NETWORK}` and " + ", ".join(f"for {k} `{v}`" for k, v in OBJECTIVES.items()) + ".", "",
             "| objective | classifier | " + " | ".join(f"{round(100 * f)} % wrong" for f in FRACTIONS) + " |",
             "|---|---|" + "---|" * len(FRACTIONS)]
    for name in OBJECTIVES:
        for classifier, title in CLASSIFIERS.items():
            cells = [cell(found.get((name, classifier, f), [])) for f in FRACTIONS]
            if any(cells):
                lines.append(f"| {name} | {title} | " + " | ".join(cells) + " |")
    with open(f"{out}/corruption.md", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
