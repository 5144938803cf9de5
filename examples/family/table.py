#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of what run.py has done: table.py DIRECTORY text.txt. Writes DIRECTORY/tables.md."""
import json
import math
import statistics
import sys

import ngrams


def read(path):
    with open(path, encoding="utf-8") as file:
        results = {one["run"]: one for one in map(json.loads, file)}
    groups = {}
    for one in results.values():
        groups.setdefault(one["group"], {}).setdefault(one["model"], []).append(one)
    return groups


def of(runs, value, form="{:.1f}"):
    """Mean of the seeds, with their deviation where there are several."""
    found = [value(one) for one in sorted(runs, key=lambda one: one["seed"])]
    text = form.format(statistics.mean(found))
    return text + (" ± " + form.format(statistics.stdev(found)) if len(found) > 1 else "")


def accuracy(one):
    return 100 * one["test_accuracy"]


def bits(one):
    return one["test_loss"] / math.log(2)


def table(heads, rows):
    lines = ["| " + " | ".join(row) + " |" for row in (heads, *rows)]
    return [lines[0], "|" + "---|" * len(heads), *lines[1:], ""]


def digits(group):
    rows = [(model, f"{runs[0]['parameters']:,}", of(runs, accuracy), of(runs, lambda one: one["test_loss"], "{:.3f}"),
             str(len(runs))) for model, runs in group.items()]
    return table(("model", "parameters", "test accuracy, %", "test loss", "seeds"), rows)


def texts(group, path):
    train, test = ngrams.parts(path)
    one_byte, most_frequent = ngrams.unigram(train, test)
    alone, behind = ngrams.xz(train, test)
    rows = [(model, f"{runs[0]['parameters']:,}", of(runs, bits, "{:.3f}"), of(runs, accuracy), str(len(runs)))
            for model, runs in group.items()]
    rows += [("unigram", "", f"{one_byte:.3f}", f"{100 * most_frequent:.1f}", ""),
             ("trigram", "", f"{ngrams.trigram(train, test):.3f}", "", ""),
             ("xz -9, of the test part alone", "", f"{alone:.3f}", "", ""),
             ("xz -9, behind the training part", "", f"{behind:.3f}", "", "")]
    return table(("model", "parameters", "bits a byte", "next byte right, %", "seeds"), rows)


def scaling(group):
    counts = sorted({int(model.split()[-1]) for model in group})
    rows = {}
    for model, runs in group.items():
        family, *size, count = model.split()
        rows.setdefault((family, " ".join(size), f"{runs[0]['parameters']:,}"), {})[int(count)] = of(runs, accuracy)
    seeds = sorted({len(runs) for runs in group.values()})
    lines = [(*key, *(row.get(count, "") for count in counts)) for key, row in rows.items()]
    return table(("model", "width x depth", "parameters", *(f"{count} images" for count in counts)),
                 sorted(lines, key=lambda line: line[1].zfill(8))) + [f"Seeds a cell: {' to '.join(map(str, seeds))}.", ""]


def masked(group):
    return table(("masked autoencoder", "parameters", "test loss", "seeds"),
                 [(model, f"{runs[0]['parameters']:,}", of(runs, lambda one: one["test_loss"], "{:.3f}"),
                   str(len(runs))) for model, runs in group.items()])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    out, text = sys.argv[1:]
    groups = read(f"{out}/results.jsonl")
    lines = []
    for name, make in (("digits", digits), ("scale", scaling), ("mae", masked), ("fine-tune", digits),
                       ("text", lambda group: texts(group, text)), ("regularised", digits)):
        if name in groups:
            lines += [f"## {name}", "", *make(groups[name])]
    with open(f"{out}/tables.md", "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
