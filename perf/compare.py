#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares two results of the benchmark programs, and fails where the new one is more than 5 % slower.

    krate_bench_ista --benchmark_out=old.json --benchmark_repetitions=7      (the same later as new.json)
    perf/compare.py old.json new.json

Of repetitions the fastest counts.
"""
import json
import sys

TOLERANCE = 0.05


def seconds(path):
    """Fastest time of each benchmark."""
    unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
    try:
        with open(path, encoding="utf-8") as file:
            runs = json.load(file)["benchmarks"]
        times = {}
        for run in runs:
            if run.get("run_type") == "aggregate" or run.get("error_occurred"):
                continue
            name, time = run.get("run_name", run["name"]), run["real_time"] * unit[run["time_unit"]]
            times[name] = min(time, times.get(name, time))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"compare.py: {path}: is no result of Google Benchmark ({error!r}); give what --benchmark_out wrote")
    return times


def main(arguments):
    if len(arguments) != 2:
        sys.exit("compare.py: two files are needed: compare.py OLD.json NEW.json")
    old, new = (seconds(path) for path in arguments)
    common = [name for name in old if name in new and old[name] > 0 and new[name] > 0]
    if not common:
        sys.exit("compare.py: the files have no benchmark in common; run the same program twice")
    slower = 0
    for name in common:
        speed = old[name] / new[name] - 1
        mark = "  SLOWER" if speed < -TOLERANCE else ""
        slower += bool(mark)
        print(f"{name:60} {1e3 * old[name]:12.4f} ms {1e3 * new[name]:12.4f} ms {100 * speed:+7.1f} %{mark}")
    for name in sorted(set(old) ^ set(new)):
        print(f"{name:60} only in {arguments[0] if name in old else arguments[1]}")
    print(f"{slower} of {len(common)} are more than {100 * TOLERANCE:.0f} % slower")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
