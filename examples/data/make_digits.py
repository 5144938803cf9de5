#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes digits.h5 from digits.csv.gz, as scikit-learn carries it (sklearn/datasets/data).

usage: make_digits.py digits.csv.gz digits.h5        (needs numpy and h5py)
"""
import hashlib
import sys

import h5py
import numpy as np

EXPECTED = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"


def stratified_split(labels, seed):
    """A fifth of each class for testing (1), in whole samples that add up to a fifth of all, rounded up."""
    split = np.zeros(len(labels), np.uint8)
    counts = np.bincount(labels)
    test = counts // 5
    extra = -(-len(labels) // 5) - test.sum()
    test[np.argsort(-(counts % 5), kind="stable")[:extra]] += 1
    random = np.random.Generator(np.random.PCG64(seed))
    for label, count in enumerate(test):
        split[random.permutation(np.flatnonzero(labels == label))[:count]] = 1
    return split


def main(source, target):
    if hashlib.sha256(open(source, "rb").read()).hexdigest() != EXPECTED:
        sys.exit(f"make_digits.py: {source} is not the file that digits.h5 was made from")
    table = np.loadtxt(source, delimiter=",")
    images = table[:, :64].astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = table[:, 64].astype(np.int32)
    with h5py.File(target, "w", libver=("earliest", "v110")) as file:
        file.attrs["title"] = "Optical Recognition of Handwritten Digits, test part, 8 x 8 pixels"
        file.attrs["source"] = "UCI Machine Learning Repository, doi:10.24432/C50P49; E. Alpaydin and C. Kaynak, 1998"
        file.attrs["licence"] = "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/; shape and type were changed"
        samples = file.create_dataset("/samples/images", data=images, track_times=False)
        samples.attrs["axes"] = "sample,channel,row,column"
        samples.attrs["description"] = "bitmaps of 32 x 32 pixels, counted over blocks of 4 x 4"
        samples.attrs["units"] = "inked sixteenths of a block, after scaling: inked part"
        samples.attrs["scale"] = 1 / 16
        samples.attrs["bias"] = 0.0
        file.create_dataset("/labels", data=labels, track_times=False).attrs["classes"] = 10
        split = file.create_dataset("/split", data=stratified_split(labels, seed=0), track_times=False)
        split.attrs["description"] = "0 train, 1 test; drawn at random within each class, once for all"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
