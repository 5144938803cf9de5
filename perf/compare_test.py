# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compare.py on files written by hand."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare.py")


def result(times):
    return json.dumps({"benchmarks": [
        {"name": name, "run_type": "iteration", "real_time": time, "time_unit": "ms"} for name, time in times]})


class Compare(unittest.TestCase):
    def run_on(self, *texts):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, text in enumerate(texts):
                paths.append(os.path.join(directory, f"{number}.json"))
                with open(paths[-1], "w", encoding="utf-8") as file:
                    file.write(text)
            return subprocess.run([sys.executable, PROGRAM, *paths], capture_output=True, text=True, check=False)

    def test_five_percent_is_the_border(self):
        old = result([("a", 10.0), ("b", 2.0)])
        self.assertEqual(self.run_on(old, result([("a", 10.4), ("b", 1.0)])).returncode, 0)
        slow = self.run_on(old, result([("a", 10.7), ("b", 1.0)]))
        self.assertEqual(slow.returncode, 1)
        self.assertIn("1 of 2", slow.stdout)

    def test_the_fastest_repetition_counts(self):
        old = result([("a", 10.0), ("a", 12.0)])
        self.assertEqual(self.run_on(old, result([("a", 30.0), ("a", 10.1)])).returncode, 0)

    def test_bad_files(self):
        good = result([("a", 1.0)])
        for bad in ("", "no json", "[]", "{}", '{"benchmarks": [{}]}', '{"benchmarks": 3}', result([("b", 1.0)])):
            failed = self.run_on(good, bad)
            self.assertEqual(failed.returncode, 1, bad)
            self.assertEqual(failed.stderr.count("\n"), 1, failed.stderr)
        self.assertEqual(self.run_on(good).returncode, 1)


if __name__ == "__main__":
    unittest.main()
