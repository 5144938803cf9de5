# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The digits as IDX files, with one fixed fifth for testing and, for training, all of the rest or a part of it."""
import gzip
import os
import random
import struct


def read_table(path):
    """Rows of 785 numbers, the label last, by label."""
    rows = [[] for _ in range(10)]
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
        for line in file:
            numbers = [int(float(cell)) for cell in line.split(",")]
            rows[numbers[-1]].append(numbers[:-1])
    return rows


def split(rows, seed=0):
    """For testing and for training: lists of (pixels, label), each class in the same proportion and in turn."""
    draw = random.Random(seed)
    test, train = [], []
    for label, images in enumerate(rows):
        images = draw.sample(images, len(images))
        fifth = len(images) // 5
        test += [(image, label) for image in images[:fifth]]
        train.append([(image, label) for image in images[fifth:]])
    return test, [sample for turn in zip(*train) for sample in turn]


def write_idx(directory, train, test):
    os.makedirs(directory, exist_ok=True)
    for part, samples in (("train", train), ("t10k", test)):
        with open(f"{directory}/{part}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">4I", 0x803, len(samples), 28, 28))
            file.write(b"".join(bytes(pixels) for pixels, _ in samples))
        with open(f"{directory}/{part}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">2I", 0x801, len(samples)) + bytes(label for _, label in samples))
