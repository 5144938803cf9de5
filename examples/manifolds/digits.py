#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Digits beside what comes back of them from a FlatNet of their principal directions: needs numpy, h5py and Pillow.

    digits.py MNIST.h5 LABEL PRINCIPAL.h5 PREDICTED.h5 PICTURE.png

PRINCIPAL.h5 is what `krate data principal MNIST.h5 --label LABEL` wrote, PREDICTED.h5 what `krate predict` made of it.
Three rows of digits that were not trained on: the images, along their principal directions alone, and what comes back.
"""
import sys

import h5py
import numpy as np
from PIL import Image

if len(sys.argv) != 6:
    sys.exit(__doc__)
images_file, label, principal_file, predicted_file, picture = sys.argv[1:]
with h5py.File(images_file) as f:
    images, labels, test = f["samples/images"][:], f["labels"][:], f["split"][:] == 1
with h5py.File(principal_file) as f:
    codes, code_test = f["samples/features"][:], f["split"][:] == 1
with h5py.File(predicted_file) as f:
    back = f["reconstruction"][:]

pixels = images.reshape(len(images), -1).astype(np.float64) / (255 if images.dtype == np.uint8 else 1)
train, held_out = pixels[(labels == int(label)) & ~test], pixels[(labels == int(label)) & test]
mean = train.mean(0)
to_pixels = np.linalg.lstsq(codes[~code_test], train - mean, rcond=None)[0]  # the directions, from what they gave
rows = [held_out, mean + codes[code_test] @ to_pixels, mean + back[code_test] @ to_pixels]
shape = images.shape[-2:]
page = np.vstack([np.hstack([np.pad(x.reshape(shape), 1, constant_values=1) for x in row[:16]]) for row in rows])
page = Image.fromarray((255 * np.clip(page, 0, 1)).astype(np.uint8))
page.resize((2 * page.width, 2 * page.height), Image.NEAREST).save(picture, optimize=True)
