#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pictures distance.png and atoms.png of this page: needs numpy, h5py and Pillow.

    pictures.py CSC_CTRL_MODEL.h5 DIRECTORY
"""
import sys

import h5py
import numpy as np
from PIL import Image


def distance(a, b, eps_squared=0.5):
    """Delta R of two sets of as many rows, by the eigenvalues of the one moment against the other."""
    scale = a.shape[1] / eps_squared
    first, second = (np.eye(a.shape[1]) + scale * x.T @ x / len(x) for x in (a, b))
    root = np.linalg.inv(np.linalg.cholesky(first))
    rho = np.linalg.eigvalsh(root @ second @ root.T)
    return 0.5 * np.sum(np.log(np.cosh(0.5 * np.log(rho))))


def main():
    model, out = sys.argv[1:]
    height, width = 240, 480
    page = np.full((height, width), 255, np.uint8)
    angles = np.linspace(0, np.pi, width)
    random = np.random.default_rng(0)
    basis = random.standard_normal((200, 2)) @ np.eye(2, 4)  # a plane in four dimensions
    values = []
    for angle in angles:
        turned = basis @ np.array([[1, 0, 0, 0], [0, np.cos(angle), np.sin(angle), 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
        values.append(distance(basis / np.linalg.norm(basis, axis=1)[:, None], turned / np.linalg.norm(turned, axis=1)[:, None]))
    values = np.array(values)
    for x, v in enumerate(values):
        row = int((height - 6) * (1 - v / values.max())) + 1
        page[row : row + 3, x] = 60
    Image.fromarray(page).save(f"{out}/distance.png", optimize=True)
    print(f"largest distance {values.max():.4f} at {np.degrees(angles[values.argmax()]):.0f} degrees, at 180 {values[-1]:.1e}")

    with h5py.File(model) as f:
        atoms = f["model/encoder/00/dictionary"][:][:, 0]
    n, k, _ = atoms.shape
    columns = 8
    sheet = np.full((-(-n // columns) * (k + 1) + 1, columns * (k + 1) + 1), 255, np.uint8)
    for i, atom in enumerate(atoms):
        y, x = i // columns * (k + 1) + 1, i % columns * (k + 1) + 1
        sheet[y : y + k, x : x + k] = 127.5 * (1 + atom / np.abs(atom).max())
    picture = Image.fromarray(sheet)
    picture.resize((12 * picture.width, 12 * picture.height), Image.NEAREST).save(f"{out}/atoms.png", optimize=True)


if __name__ == "__main__":
    main()
