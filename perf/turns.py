# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What comparisons with another library share: the fastest of some runs, and a command's line of JSON."""
import json
import subprocess
import time


def fastest(run, repeat, warm_up):
    """Seconds of the fastest of `repeat` runs, after some that are not counted."""
    times = []
    for _ in range(warm_up + repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[warm_up:])


def output(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
