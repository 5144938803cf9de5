#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains the family on digits and on a text, three seeds each, one run after the other.

    nice -n 19 env OMP_NUM_THREADS=1 run.py KRATE mnist_5k.csv.gz text.txt [DIRECTORY]      default ./runs

Writes DIRECTORY/GROUP-NAME-SEED for each run and, as they end, a line each into DIRECTORY/results.jsonl. A run that is
there is not done again, so a stopped script goes on. Then `table.py DIRECTORY text.txt` makes the tables.
"""
import json
import os
import shutil
import subprocess
import sys
import time

import experiments
from samples import read_table, split, write_idx


class Runs:
    def __init__(self, command, out):
        self.command, self.out = os.path.abspath(command), out
        self.done = {}
        if os.path.exists(f"{out}/results.jsonl"):
            with open(f"{out}/results.jsonl", encoding="utf-8") as file:
                self.done = {one["run"]: one for one in map(json.loads, file)}

    def krate(self, *words):
        done = subprocess.run([self.command, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"run.py: {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def train(self, run):
        """Trains a run of experiments.py, unless it is there."""
        if run.name in self.done:
            return
        directory = f"{self.out}/{run.name}"
        shutil.rmtree(directory, ignore_errors=True)
        start = time.time()
        flags = [word.replace("RUNS", self.out) for word in run.flags.split()]
        self.krate("train", "--data", f"{self.out}/{run.data}.h5", *flags, "--checkpoint-every", 1000000, "--seed",
                   run.seed, "-o", directory)
        shutil.rmtree(f"{directory}/checkpoints", ignore_errors=True)
        with open(f"{directory}/summary.json", encoding="utf-8") as file:
            summary = json.load(file)
        result = {"run": run.name, "group": run.group, "model": run.model, "seed": run.seed, "flags": run.flags,
                  "data": run.data, "wall": time.time() - start, **{k: summary[k] for k in (
                      "parameters", "steps", "train_loss", "test_loss", "test_accuracy", "seconds", "peak_bytes")}}
        self.done[run.name] = result
        with open(f"{self.out}/results.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        print(f"{run.name}: {result['parameters']} parameters, test {result['test_loss']:.4f} "
              f"{result['test_accuracy']}, {result['wall']:.0f} s", flush=True)


def make_data(runs, table, text):
    test, train = split(read_table(table))
    for name, count in experiments.PARTS.items():
        if os.path.exists(f"{runs.out}/{name}.h5"):
            continue
        write_idx(f"{runs.out}/idx", train[:count], test)
        runs.krate("data", "mnist", f"{runs.out}/idx", "-o", f"{runs.out}/{name}.h5")
    if not os.path.exists(f"{runs.out}/text.h5"):
        runs.krate("data", "text", text, "--context", experiments.CONTEXT, "-o", f"{runs.out}/text.h5")


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    command, table, text = sys.argv[1:4]
    out = sys.argv[4] if len(sys.argv) > 4 else "runs"
    os.makedirs(out, exist_ok=True)
    runs = Runs(command, out)
    make_data(runs, table, text)
    for run in experiments.all_runs():
        runs.train(run)


if __name__ == "__main__":
    main()
