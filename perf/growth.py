#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the cost of a CRATE grows with tokens, width, batch and threads: a picture of four curves, and their numbers.

    OMP_PROC_BIND=true OMP_PLACES=cores perf/growth.py build/mpi/bin/krate [--output growth] [--threads 1 2]

Training steps of `krate bench step` (float, two blocks, heads 64 wide), and its peak memory; dashed: inference. Needs
matplotlib. Writes OUTPUT.png and OUTPUT.json.
"""
import argparse
import json
import os

from turns import output

DEPTH, PATCH = 2, 4
SIDES = (8, 11, 16, 23, 32, 45, 64)  # patches; tokens are their square and one
WIDTHS = (128, 192, 256, 384, 512, 768, 1024, 1536)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


def measure(krate, case, side, dim, batch, threads, repeat):
    flags = {"dim": dim, "heads": max(1, dim // 64), "depth": DEPTH, "image-size": PATCH * side, "patch-size": PATCH}
    flags |= {"classes": 10, "batch": batch, "repeat": repeat}
    words = [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    os.environ["OMP_NUM_THREADS"] = str(threads)
    record = output([krate, "bench", case, "--model", "crate", *words, "--json"])
    tokens = batch * (side**2 + 1)
    print(case, tokens, dim, batch, threads, record["seconds_min"], flush=True)
    return {"side": side, "dim": dim, "batch": batch, "threads": threads, "tokens": side**2 + 1, "case": case,
            "seconds": record["seconds_min"], "microseconds_a_token": 1e6 * record["seconds_min"] / tokens,
            "roof_percent": record["roof_percent"], "peak_bytes": record["peak_bytes"]}


def curves(options):
    most = max(options.threads)

    def run(side=16, dim=384, batch=8, threads=most, case="step"):
        return measure(options.krate, case, side, dim, batch, threads, options.repeat)

    return {
        "tokens": [run(side=side, batch=2, case=case) for case in ("step", "infer") for side in SIDES],
        "width": [run(dim=dim, case=case) for case in ("step", "infer") for dim in WIDTHS],
        "batch": [run(batch=batch, case=case) for case in ("step", "infer") for batch in BATCHES],
        "threads": [run(side=side, threads=threads, batch=2) for threads in options.threads for side in SIDES],
    }


def draw(found, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(13, 7.5), constrained_layout=True)
    panels = [("tokens", "tokens", "tokens of a sample (batch 2, dim 384)"), ("width", "dim", "dim (8 x 257 tokens)"),
              ("batch", "batch", "batch (257 tokens, dim 384)")]
    for axis, (curve, key, label) in zip(axes.flat, panels):
        for case, style in (("step", "o-"), ("infer", "o--")):
            rows = [row for row in found[curve] if row["case"] == case]
            axis.plot([row[key] for row in rows], [row["microseconds_a_token"] for row in rows], style, label=case)
        axis.set(xscale="log", yscale="log" if key == "dim" else "linear", xlabel=label, ylabel="microseconds a token")
        if key != "dim":
            axis.set_ylim(bottom=0)
        axis.legend(frameon=False)
    memory = [row for row in found["tokens"] if row["case"] == "step"]
    axes[1, 0].plot([row["tokens"] for row in memory], [row["peak_bytes"] / 1e6 for row in memory], "o-")
    axes[1, 0].set(xlabel="tokens of a sample (batch 2, dim 384)", ylabel="peak memory of a step, MB", ylim=(0, None))
    for case, style in (("step", "o-"), ("infer", "o--")):
        rows = [row for row in found["width"] if row["case"] == case]
        axes[1, 1].plot([row["dim"] for row in rows], [row["roof_percent"] for row in rows], style, label=case)
    axes[1, 1].set(xscale="log", xlabel="dim (8 x 257 tokens)", ylabel="percent of the roof", ylim=(0, 100))
    axes[1, 1].legend(frameon=False)
    for threads in sorted({row["threads"] for row in found["threads"]}):
        rows = [row for row in found["threads"] if row["threads"] == threads]
        axes[1, 2].plot([row["tokens"] for row in rows], [row["microseconds_a_token"] for row in rows], "o-",
                        label=f"{threads} threads" if threads > 1 else "1 thread")
    axes[1, 2].set(xscale="log", xlabel="tokens of a sample (batch 2, dim 384)", ylabel="microseconds a token")
    axes[1, 2].set_ylim(bottom=0)
    axes[1, 2].legend(frameon=False)
    tokens = (65, 257, 1025, 4097)
    for axis, ticks in zip(axes.flat, (tokens, WIDTHS[::2], BATCHES[::2], None, WIDTHS[::2], tokens)):
        if ticks:
            axis.set_xticks(ticks, [str(tick) for tick in ticks])
            axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate", help="the command krate")
    parser.add_argument("--output", default="growth")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    found = curves(options)
    with open(options.output + ".json", "w", encoding="utf-8") as file:
        json.dump(found, file)
    draw(found, options.output + ".png")


if __name__ == "__main__":
    main()
