#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What comes back of images that a csc_ctrl or ctrl never saw: needs numpy, h5py and Pillow (10.1 or newer).

    unseen.py KRATE MODEL.h5 MNIST.h5 DIGITS.h5 PICTURE.png

Test images of MNIST; the 8 x 8 digits of another set (`krate data digits`), enlarged; and letters A to Z of Pillow's
font. Prints PSNR and SSIM of each; the picture has a pair of rows for each.
"""
import os
import sys
import tempfile

import h5py
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pictures import predict, psnr, sheet, ssim, write_images


def images_of(path):
    with h5py.File(path) as f:
        raw = f["samples/images"]
        scale = raw.attrs.get("scale", 1 / 255 if raw.dtype == np.uint8 else 1)
        return raw[:][f["split"][:] == 1][:, 0] * np.float32(np.ravel(scale)[0])


def enlarged(image, side):
    inner = Image.fromarray((255 * image).astype(np.uint8)).resize((side - 8, side - 8), Image.BICUBIC)
    return np.pad(np.asarray(inner) / np.float32(255), 4)


def letter(text, side):
    page = Image.new("L", (side, side))
    ImageDraw.Draw(page).text((side / 2, side / 2), text, fill=255, font=ImageFont.load_default(0.8 * side), anchor="mm")
    return np.asarray(page) / np.float32(255)


if len(sys.argv) != 6:
    sys.exit(__doc__)
krate, model, mnist, digits, picture = sys.argv[1:]
seen = images_of(mnist)[:200]
side = seen.shape[-1]
kinds = {
    "MNIST, test": seen,
    "8 x 8 digits": np.stack([enlarged(x, side) for x in images_of(digits)[:200]]),
    "letters": np.stack([letter(chr(ord("A") + k), side) for k in range(26)]),
}
rows = []
print("| images | PSNR | SSIM |\n|---|---|---|")
with tempfile.TemporaryDirectory() as scratch:
    for name, images in kinds.items():
        images = images[:, None]
        write_images(os.path.join(scratch, "in.h5"), images)
        back = predict(krate, model, os.path.join(scratch, "in.h5"), os.path.join(scratch, "out.h5"))["reconstruction"]
        print(f"| {name} | {psnr(images, back):.2f} | {ssim(images, back):.3f} |")
        rows += [images[:16, 0], back[:16, 0]]
        os.remove(os.path.join(scratch, "out.h5"))
sheet(picture, rows)
