# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the experiments share: a call of krate, the accuracy of each classifier on a trained model, and a table's cell."""
import json
import statistics
import subprocess
import sys

CLASSIFIERS = {"head": "its head", "nearest_subspace": "nearest subspace", "nearest_neighbours": "5 neighbours",
               "linear_probe": "linear probe"}


def krate(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{sys.argv[0]}: {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def train_and_probe(command, data, flags, run):
    """Test accuracy by each classifier that the model has."""
    krate(command, "train", "--data", data, *flags, "--checkpoint-every", 1000000, "-o", run)
    probe = json.loads(krate(command, "analyze", "probe", f"{run}/model.h5", "--data", data, "-o", f"{run}/probe", "--json"))
    return {name: probe[name] for name in CLASSIFIERS if name in probe}


def cell(values):
    return f"{100 * statistics.mean(values):.2f} ± {100 * statistics.stdev(values):.2f}" if values else ""
