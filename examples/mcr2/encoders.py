#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two encoders that learn by MCR2, read by three classifiers: digits and MNIST (5,000), three seeds.

    encoders.py KRATE mnist_5k.csv[.gz] [DIRECTORY]      a sample a line, the label last; default ./encoders

Writes DIRECTORY/encoders.md. All numbers are of the last step; a fifth of the samples is for testing.
"""
import os
import sys

from runs import CLASSIFIERS, cell, krate, train_and_probe

SEEDS = (0, 1, 2)
LEARNING = "--objective mcr2 --eps-squared 0.5 --dim 128 --learning-rate 1e-3 --weight-decay 5e-4"
ENCODERS = {"two-layer network": "--model mlp --hidden 512", "CRATE": "--model crate --depth 3 --heads 8 --pool mean"}
DATA = {"digits": {"common": "--batch 500 --epochs 200", "CRATE": "--patch-size 4"},
        "MNIST": {"common": "--batch 1000 --epochs 60", "CRATE": "--patch-size 7"}}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    command, table = sys.argv[1:3]
    out = sys.argv[3] if len(sys.argv) > 3 else "encoders"
    os.makedirs(out, exist_ok=True)
    krate(command, "data", "digits", "-o", f"{out}/digits.h5")
    krate(command, "data", "csv", table, "--shape", "1,28,28", "-o", f"{out}/MNIST.h5")
    lines = ["# Encoders that learn by MCR2", "",
             "Made by `examples/mcr2/encoders.py`: test accuracy in %, mean and deviation of three seeds.", "",
             f"`krate train {LEARNING}`, and", ""]
    lines += [f"* {name}: `{flags}`" for name, flags in ENCODERS.items()]
    lines += [f"* {name}: " + ", ".join(f"{k} `{v}`" for k, v in flags.items()) for name, flags in DATA.items()]
    lines += ["", "| data | encoder | " + " | ".join(CLASSIFIERS[c] for c in CLASSIFIERS if c != "head") + " |",
              "|---|---|---|---|---|"]
    for data, settings in DATA.items():
        for encoder, flags in ENCODERS.items():
            found = {}
            for seed in SEEDS:
                words = [*LEARNING.split(), *flags.split(), *settings["common"].split()]
                words += [*settings.get(encoder, "").split(), "--seed", seed]
                run = f"{out}/{data}-{encoder.replace(' ', '-')}-{seed}"
                accuracy = train_and_probe(command, f"{out}/{data}.h5", words, run)
                print(data, encoder, seed, accuracy, flush=True)
                for classifier, value in accuracy.items():
                    found.setdefault(classifier, []).append(value)
            cells = [cell(found.get(c, [])) for c in CLASSIFIERS if c != "head"]
            lines.append(f"| {data} | {encoder} | " + " | ".join(cells) + " |")
    with open(f"{out}/encoders.md", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
