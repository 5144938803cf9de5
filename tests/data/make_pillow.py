#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes pillow.h5: small pictures, and what Pillow makes of them: the shorter side to `resize` (bicubic), the middle
`crop` x `crop`. Sizes as torchvision's Resize and CenterCrop compute them. Needs numpy, h5py and Pillow."""
import h5py
import numpy
import PIL
from PIL import Image


def picture(random, height, width, channels):
    """Waves, a hard edge and noise: what rings, aliases and saturates."""
    rows, columns = numpy.mgrid[0:height, 0:width]
    layers = []
    for _ in range(channels):
        a, b, phase = random.uniform(-1.5, 1.5, 3)
        layer = 128 + 110 * numpy.sin(a * rows + b * columns + phase) + random.normal(0, 25, (height, width))
        layer[rows * random.uniform(0.2, 2) > columns] = random.choice([0, 255])
        layers.append(layer)
    return numpy.clip(numpy.stack(layers, -1), 0, 255).astype(numpy.uint8)


def transformed(pixels, resize, crop):
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    width, height = image.size
    if width <= height:
        size = (resize, int(resize * height / width))
    else:
        size = (int(resize * width / height), resize)
    image = image.resize(size, Image.BICUBIC)
    left, top = int(round((size[0] - crop) / 2.0)), int(round((size[1] - crop) / 2.0))
    return numpy.asarray(image.crop((left, top, left + crop, top + crop))).reshape(crop, crop, -1)


random = numpy.random.default_rng(5)
with h5py.File("pillow.h5", "w") as file:
    file.attrs["pillow"] = numpy.bytes_(PIL.__version__)
    for i in range(20):
        height, width = random.integers(9, 41, 2)
        resize = int(random.integers(5, 33))
        crop = int(random.integers(3, resize + 1))
        pixels = picture(random, height, width, 1 if i % 3 == 0 else 3)
        group = file.create_group(f"{i:02}")
        group["picture"] = pixels
        group["expected"] = transformed(pixels, resize, crop)
        group.attrs["resize"], group.attrs["crop"] = resize, crop
