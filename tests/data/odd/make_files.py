# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the HDF5 files of the tests of io with another program than krate: h5py 3.7 on HDF5 1.10.8.

Usage: python3 make_files.py   (in this directory). Half of the files are wrong on purpose.
"""
import h5py
import numpy as np

NAMED_TYPES = {"int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4",
               "int64": "<i8", "uint64": "<u8", "float16": "<f2", "float32": "<f4", "float64": "<f8",
               "int32_big_endian": ">i4", "float64_big_endian": ">f8", "bool": "?"}


def new(name, **options):
    return h5py.File(name + ".h5", "w", **options)


with new("types") as f:  # values 0 1 1 0 / 1 0 1 1: exact in every type
    values = np.array([[0, 1, 1, 0], [1, 0, 1, 1]])
    for name, kind in NAMED_TYPES.items():
        f.create_dataset("numbers/" + name, data=values.astype(kind))
    f["scalar"] = 2.5
    f["text"] = "not a number"
    g = f.create_group("attributes", track_order=True)
    g.attrs["zulu"] = np.int8(-3)
    g.attrs["fixed"] = np.bytes_("fixed text")
    g.attrs["variable"] = "variable text"
    g.attrs["flag"] = True
    g.attrs["short"] = np.uint16(65535)
    g.attrs["single"] = np.float32(0.25)
    g.attrs["pair"] = np.array([16, 8])
    g.attrs["numbers"] = np.array([0.5, -1.5])
    g.attrs["none"] = np.array([], dtype="f8")
    g.attrs["null"] = h5py.Empty("f8")
    g.attrs["words"] = ["two", "words"]
    g.attrs["compound"] = np.array((1, 2.0), dtype=[("a", "i4"), ("b", "f8")])
    g.attrs["alpha"] = 7
    f["soft"] = h5py.SoftLink("/numbers/int32")

with new("packed") as f:
    values = np.arange(60, dtype="f4").reshape(20, 3)
    f.create_dataset("deflate", data=values, chunks=(7, 2), compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("chunked", data=values, chunks=(6, 3))
    damaged = f.create_dataset("damaged", shape=(20, 3), dtype="f4", chunks=(20, 3), compression="gzip")
    damaged.id.write_direct_chunk((0, 0), b"this is no deflate stream")

with new("compound") as f:
    f["samples/features"] = np.zeros((4, 2), dtype=[("a", "i4"), ("b", "f8")])
with new("strings") as f:
    f["samples/features"] = np.full((4, 2), b"abc")
with new("null_space") as f:
    f["samples/features"] = h5py.Empty("f4")
with new("huge_chunked") as f:
    f.create_dataset("samples/features", shape=(1 << 40, 1000), dtype="f4", chunks=(16, 1000))
with new("huge_packed") as f:  # one chunk of two terabytes would be declared; deflate is never that good
    d = f.create_dataset("samples/features", shape=(1 << 20, 512), dtype="f4", chunks=(1 << 20, 512), compression="gzip")
    d.id.write_direct_chunk((0, 0), b"short")
with new("huge_contiguous") as f:
    f.create_dataset("samples/features", shape=(1 << 40, 1000), dtype="f4")
with new("overflow") as f:  # 2^66 elements
    f.create_dataset("samples/features", shape=(1 << 33, 1 << 33), dtype="f4", chunks=(16, 16))
with new("missing_chunks") as f:
    d = f.create_dataset("samples/features", shape=(64, 8), dtype="f4", chunks=(8, 8))
    d[:32] = 1
with new("external_storage") as f:
    f.create_dataset("samples/features", shape=(4, 2), dtype="f4", external=[("types.h5", 0, 32)])
with new("virtual") as f:
    layout = h5py.VirtualLayout(shape=(2, 4), dtype="f8")
    layout[:] = h5py.VirtualSource("types.h5", "numbers/float64", shape=(2, 4))
    f.create_virtual_dataset("samples/features", layout)
with new("external_link") as f:
    f["samples"] = h5py.ExternalLink("types.h5", "/numbers")
    f["indirect"] = h5py.SoftLink("/samples")
with new("soft_cycle") as f:
    f["samples"] = h5py.SoftLink("/other")
    f["other"] = h5py.SoftLink("/samples")
with new("dangling") as f:
    f["samples/features"] = np.zeros((4, 2))
    f["labels"] = h5py.SoftLink("/nowhere")
with new("unknown_filter") as f:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4, 2))
    plist.set_filter(31999, h5py.h5z.FLAG_OPTIONAL, ())
    group = f.create_group("samples")
    d = h5py.h5d.create(group.id, b"features", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 2)), plist)
    d.write_direct_chunk((0, 0), b"0123456789")
with new("group_cycle", libver="latest") as f:  # claims to be a checkpoint
    f.attrs["format"] = "krate-checkpoint"
    f.attrs["format_version"] = 1
    f.attrs["complete"] = 1
    f.create_group("config").attrs["model"] = "crate"
    f["model/one"] = np.zeros(3)
    f["model/self"] = f["model"]
    f["model/again"] = f["model"]
