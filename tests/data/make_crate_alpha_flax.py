# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes crate_alpha_flax.npz: the parameters of crate_alpha.h5 as the JAX code of CRATE-alpha has them (flax tree)."""
import pathlib

import h5py
import numpy

here = pathlib.Path(__file__).parent
with h5py.File(here / "crate_alpha.h5") as file:
    official = {name: numpy.array(file["params"][name]) for name in file["params"]}
    heads, depth = int(file.attrs["heads"]), int(file.attrs["depth"])

dim = official["cls_token"].shape[-1]
flax = {
    "cls": official["cls_token"],
    "pos_embedding": official["pos_embedding"],
    "embedding/kernel": official["conv1.weight"].transpose(2, 3, 1, 0),
    "embedding/bias": official["conv1.bias"],
    "encoder_norm/scale": official["mlp_head.0.weight"],
    "encoder_norm/bias": official["mlp_head.0.bias"],
    "head/kernel": official["mlp_head.1.weight"].T,
    "head/bias": official["mlp_head.1.bias"],
}
for i in range(depth):
    block, port = f"Transformer/encoderblock_{i}/", f"transformer.layers.{i}."
    for j in (0, 1):
        flax[block + f"LayerNorm_{j}/scale"] = official[port + f"{j}.norm.weight"]
        flax[block + f"LayerNorm_{j}/bias"] = official[port + f"{j}.norm.bias"]
    attention = block + "MultiHeadDotProductSubspaceAttention_0/"
    flax[attention + "proj/kernel"] = official[port + "0.fn.qkv.weight"].T.reshape(dim, heads, -1)
    flax[attention + "out/kernel"] = official[port + "0.fn.to_out.0.weight"].T.reshape(heads, -1, dim)
    for name in ("D", "D1"):
        flax[block + f"OvercompleteISTABlock_0/{name}"] = official[port + f"1.fn.{name}"]

# The values are single-precision numbers.
numpy.savez_compressed(
    here / "crate_alpha_flax.npz", **{"params/" + name: array.astype(numpy.float32) for name, array in flax.items()}
)
