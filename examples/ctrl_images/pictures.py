#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures and tables of a csc_ctrl or ctrl run, by krate predict: needs numpy, h5py and Pillow.

    pictures.py KRATE DATA.h5 RUN DIRECTORY [--lambdas 0 0.05 0.1 0.2]

DIRECTORY gets curve.png (the terms of the game), reconstructions.png (each pair of rows: test images and what comes
back, sorted by class), samples.png (a row a class: around the mean feature, along its principal directions), noise.png
and noise.md (test images with Gaussian noise of deviation 0.5 in [-1, 1]: what comes back with larger and larger lambda,
against the clean images).
"""
import argparse
import os
import subprocess

import h5py
import numpy as np
from PIL import Image


def sheet(path, rows, scale=2):
    """Images [n, H, W] in [0, 1], a list of rows."""
    height, width = rows[0][0].shape
    page = np.ones((len(rows) * (height + 1) + 1, max(map(len, rows)) * (width + 1) + 1))
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            page[i * (height + 1) + 1 :, j * (width + 1) + 1 :][:height, :width] = np.clip(image, 0, 1)
    picture = Image.fromarray((255 * page).astype(np.uint8))
    picture.resize((scale * picture.width, scale * picture.height), Image.NEAREST).save(path, optimize=True)


def curve(path, csv):
    table = np.genfromtxt(csv, delimiter=",", names=True)
    height, width, colours = 240, 480, {"rate_reduction": (200, 60, 40), "rate_reduction_regenerated": (40, 90, 200)}
    page = np.full((height, width, 3), 255, np.uint8)
    most = max(table[name].max() for name in colours)
    for name, colour in colours.items():
        y = np.interp(np.linspace(0, len(table) - 1, width), np.arange(len(table)), table[name]) / most
        for x, v in enumerate(y):
            row = int((height - 5) * (1 - v)) + 1
            page[row : row + 3, x] = colour
    Image.fromarray(page).save(path, optimize=True)
    return table


def write_images(path, images):
    with h5py.File(path, "w") as f:
        f["samples/images"] = images.astype(np.float32)


def predict(krate, model, data, out, *flags):
    subprocess.run([krate, "predict", model, "--data", data, "-o", out, *flags], check=True, stdout=subprocess.DEVNULL)
    with h5py.File(out) as f:
        return {name: f[name][:] for name in f}


def psnr(a, b):
    return float(np.mean(10 * np.log10(1 / np.mean((a - b) ** 2, axis=(1, 2, 3)))))


def ssim(a, b):
    """Mean over images; 11 x 11 Gaussian window of deviation 1.5."""
    window = np.exp(-((np.arange(11) - 5) ** 2) / 4.5)
    window /= window.sum()

    def blur(x):
        for axis in (-1, -2):
            x = np.apply_along_axis(lambda v: np.convolve(v, window, "valid"), axis, x)
        return x

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    both = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return float(np.mean((2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate"), parser.add_argument("data"), parser.add_argument("run"), parser.add_argument("out")
    parser.add_argument("--lambdas", nargs="*", default=["0", "0.05", "0.1", "0.2"])
    o = parser.parse_args()
    os.makedirs(o.out, exist_ok=True)
    scratch, model = f"{o.out}/scratch", f"{o.run}/model.h5"
    os.makedirs(scratch, exist_ok=True)
    with h5py.File(o.data) as f:
        raw, labels = f["samples/images"], f["labels"][:]
        scale = raw.attrs.get("scale", 1 / 255 if raw.dtype == np.uint8 else 1)
        images = raw[:] * np.float32(np.ravel(scale)[0])
        split = f["split"][:] if "split" in f else np.zeros(len(labels))
    test, train = np.flatnonzero(split == 1), np.flatnonzero(split == 0)
    classes = labels.max() + 1
    curve(f"{o.out}/curve.png", f"{o.run}/game.csv")

    found = predict(o.krate, model, o.data, f"{scratch}/all.h5")
    z, back = found["features"], found["reconstruction"]
    rows = []
    for half in (0, 1):
        chosen = [test[labels[test] == k][half * 2 : half * 2 + 2] for k in range(classes)]
        chosen = np.concatenate(chosen)
        rows += [images[chosen][:, 0], back[chosen][:, 0]]
    sheet(f"{o.out}/reconstructions.png", rows)
    print(f"test images and what comes back: PSNR {psnr(images[test], back[test]):.2f} dB,"
          f" SSIM {ssim(images[test][:200], back[test][:200]):.3f}")

    random = np.random.default_rng(0)
    drawn = []
    for k in range(classes):
        of_class = z[train[labels[train] == k]]
        mean = of_class.mean(0)
        _, s, v = np.linalg.svd(of_class - mean, full_matrices=False)
        code = mean + 0.2 * (random.standard_normal((12, len(s))) * np.sqrt(s / s.sum())) @ v
        drawn.append(code / np.linalg.norm(code, axis=1, keepdims=True))
    with h5py.File(f"{scratch}/codes.h5", "w") as f:
        f["samples/features"] = np.concatenate(drawn).astype(np.float32)
    made = predict(o.krate, model, f"{scratch}/codes.h5", f"{scratch}/made.h5", "--decode")["reconstruction"][:, 0]
    sheet(f"{o.out}/samples.png", list(made.reshape(classes, 12, *made.shape[1:])))

    some = test[:200]
    clean = images[some]
    noisy = np.clip(clean + 0.25 * random.standard_normal(clean.shape), 0, 1).astype(np.float32)  # 0.5 in [-1, 1]
    write_images(f"{scratch}/noisy.h5", noisy)
    lines = ["| lambda | PSNR | SSIM |", "|---|---|---|", f"| the noisy images | {psnr(clean, noisy):.2f} | {ssim(clean, noisy):.3f} |"]
    rows = [clean[:16, 0], noisy[:16, 0]]
    with h5py.File(model) as f:
        sparse = f["config"].attrs["model"] in ("csc_ctrl", b"csc_ctrl")
    for value in o.lambdas if sparse else ["0"]:
        flags = ["--lambda", value] if sparse else []
        again = predict(o.krate, model, f"{scratch}/noisy.h5", f"{scratch}/again.h5", *flags)["reconstruction"]
        lines.append(f"| {value} | {psnr(clean, again):.2f} | {ssim(clean, again):.3f} |")
        rows.append(again[:16, 0])
    sheet(f"{o.out}/noise.png", rows)
    with open(f"{o.out}/noise.md", "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
