#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inference and training steps of a CRATE beside PyTorch on the processor: ratios PyTorch / krate of time and memory.

    OMP_NUM_THREADS=2 OMP_PROC_BIND=true OMP_PLACES=cores perf/compare_pytorch.py build/mpi/bin/krate [--rounds 3]
        [--output compare]

The peer is this file's CRATE in PyTorch, eager and compiled, with attention written out (explicit) or by
scaled_dot_product_attention (sdpa); and one with our own folded dictionary, as nobody publishes it (folded). Its step
has the fused AdamW and clips as we do. The sides take turns, each in a process of its own; ratios are those of the
fastest rounds, and of the median rounds. Writes OUTPUT.json and OUTPUT.md.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

from turns import fastest, output

MODELS = {
    "8 x 197 tokens, dim 576": {"dim": 576, "heads": 12, "image_size": 224, "patch_size": 16, "classes": 1000, "batch": 8},
    "64 x 65 tokens, dim 384": {"dim": 384, "heads": 6, "image_size": 32, "patch_size": 4, "classes": 10, "batch": 64},
}
VARIANTS = [f"{mode} {attention}" for mode in ("eager", "compiled") for attention in ("explicit", "sdpa", "sdpa folded")]


def crate(torch, size, depth, attention, folded):
    """The authors' model (Yu et al. 2023) in the words of PyTorch."""
    from torch import nn
    from torch.nn import functional as F

    dim, heads, patch = size["dim"], size["heads"], size["patch_size"]
    eta = lambda_ = 0.1

    class Mssa(nn.Module):
        def __init__(self):
            super().__init__()
            self.project, self.back = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim)

        def forward(self, x):
            batch, tokens, _ = x.shape
            w = self.project(x).view(batch, tokens, heads, -1).transpose(1, 2)
            if attention == "sdpa":
                y = F.scaled_dot_product_attention(w, w, w)
            else:
                y = torch.softmax(w @ w.transpose(-1, -2) * w.shape[-1] ** -0.5, -1) @ w
            return self.back(y.transpose(1, 2).reshape(batch, tokens, dim))

    class Ista(nn.Module):
        def __init__(self):
            super().__init__()
            self.dictionary = nn.Parameter(torch.empty(dim, dim))
            nn.init.kaiming_uniform_(self.dictionary)

        def forward(self, x):
            d = self.dictionary
            if folded:
                fold = torch.eye(dim) + eta * (d - d.T @ d)
                return torch.relu(F.linear(x, fold.T, torch.full((dim,), -eta * lambda_)))
            return torch.relu(x + eta * (F.linear(x, d.T) - F.linear(F.linear(x, d), d.T)) - eta * lambda_)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.mssa, self.ista = Mssa(), Ista()
            self.norm_mssa, self.norm_ista = nn.LayerNorm(dim), nn.LayerNorm(dim)

        def forward(self, z):
            z = z + self.mssa(self.norm_mssa(z))
            return self.ista(self.norm_ista(z))

    class Crate(nn.Module):
        def __init__(self):
            super().__init__()
            pixels, patches = 3 * patch**2, (size["image_size"] // patch) ** 2
            self.embed = nn.Sequential(nn.LayerNorm(pixels), nn.Linear(pixels, dim), nn.LayerNorm(dim))
            self.positions = nn.Parameter(torch.randn(1, patches + 1, dim))
            self.class_token = nn.Parameter(torch.randn(1, 1, dim))
            self.blocks = nn.Sequential(*(Block() for _ in range(depth)))
            self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, size["classes"]))

        def forward(self, images):
            side = size["image_size"] // patch
            x = images.view(-1, 3, side, patch, side, patch).permute(0, 2, 4, 3, 5, 1).reshape(-1, side**2, 3 * patch**2)
            x = torch.cat((self.class_token.expand(x.shape[0], -1, -1), self.embed(x)), 1) + self.positions
            return self.head(self.blocks(x)[:, 0])

    torch.manual_seed(1)
    return Crate()


def resident(what):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(what))


def measure_peer(size, depth, step, variant, repeat):
    import torch

    base = resident("VmRSS")
    mode, attention, *folded = variant.split()
    model = crate(torch, size, depth, attention, bool(folded))
    run_model = torch.compile(model) if mode == "compiled" else model
    images = torch.randn(size["batch"], 3, size["image_size"], size["image_size"])
    labels = torch.arange(size["batch"]) % size["classes"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)

    def train():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(run_model(images), labels, label_smoothing=0.1).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    def infer():
        with torch.inference_mode():
            run_model(images)

    run = train if step else infer
    fastest(run, 1, 1)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    seconds = fastest(run, repeat, 0)
    print(json.dumps({"seconds_min": seconds, "peak_bytes": resident("VmHWM") - base}))


def compare(options, name, step):
    size = MODELS[name]
    bench = [options.krate, "bench", "step" if step else "infer", "--model", "crate", "--depth", str(options.depth)]
    bench += [word for key, value in size.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    bench += ["--repeat", str(options.repeat), "--json"]
    peer = [sys.executable, os.path.abspath(__file__), options.krate, "--repeat", str(options.repeat)]
    peer += ["--depth", str(options.depth), "--peer", name, "step" if step else "infer"]
    ours, theirs = [], {variant: [] for variant in options.variant or VARIANTS}
    for variant in theirs:
        if variant.startswith("compiled"):
            output(peer + [variant])  # fills the compiler's cache
    for _ in range(options.rounds):
        ours.append(output(bench))
        for variant, records in theirs.items():
            records.append(output(peer + [variant]))
    mine = [record["seconds_min"] for record in ours]
    row = {
        "row": f"{name}, {'step' if step else 'inference'}",
        "milliseconds": 1e3 * min(mine),
        "spread_percent": 100 * (max(mine) / min(mine) - 1),
        "roof_percent": max(record["roof_percent"] for record in ours),
        "peak_bytes": ours[0]["peak_bytes"],
        "peers": {},
    }
    for variant, records in theirs.items():
        times = [record["seconds_min"] for record in records]
        row["peers"][variant] = {
            "milliseconds": 1e3 * min(times),
            "ratio": min(times) / min(mine),
            "ratio_of_medians": statistics.median(times) / statistics.median(mine),
            "peak_bytes": min(record["peak_bytes"] for record in records),
        }
    print(json.dumps(row), flush=True)
    return row


def table(rows):
    lines = ["| row | krate, ms | % of roof | best as published (by medians) | best with our fold | memory: krate, least peer |"]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        groups = [[], []]
        for name, peer in row["peers"].items():
            groups["folded" in name].append((peer["milliseconds"], name, peer))
        cells = []
        for group in groups:
            if group:
                _, name, peer = min(group)
                cells.append(f"{peer['ratio']:.2f} ({peer['ratio_of_medians']:.2f}), {name}")
            else:
                cells.append("")
        least = min(peer["peak_bytes"] for peer in row["peers"].values())
        memory = f"{row['peak_bytes'] / 1e6:.0f} MB, {least / 1e6:.0f} MB"
        cells = [row["row"], f"{row['milliseconds']:.0f}", f"{row['roof_percent']:.0f}", *cells, memory]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate", help="the command krate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="instead of all")
    parser.add_argument("--output", default="compare")
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        name, case, variant = options.peer
        return measure_peer(MODELS[name], options.depth, case == "step", variant, options.repeat)
    rows = [compare(options, name, step) for name in MODELS for step in (False, True)]
    info = json.loads(subprocess.run([options.krate, "info", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    result = {"machine": platform.processor() or platform.machine(), "krate": info, "rows": rows}
    with open(options.output + ".json", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    lines = table(rows)
    with open(options.output + ".md", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
