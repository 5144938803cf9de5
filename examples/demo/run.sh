#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Trains a small CRATE on real handwritten digits, interrupts it on purpose and goes on, looks inside, writes a page
# about it, and repeats the first epochs on two ranks.
# usage: run.sh KRATE [DIRECTORY]     KRATE: the command; DIRECTORY: for the results, default ./report

set -euo pipefail
krate=$(realpath "$1")
report=${2:-report}
run=$report/run
flags=(--model crate --data "$report/digits.h5" --dim 256 --depth 3 --heads 32 --patch-size 4 --batch 64
       --learning-rate 5e-4 --weight-decay 0.05 --warmup 690 --augment shift1 --pool mean --seed 0)
interrupt_after=600

rm -rf "$report"
mkdir -p "$report"
start=$(date +%s)
"$krate" data digits -o "$report/digits.h5"

echo "-- training; a signal will interrupt it, as the time limit of a queue does"
"$krate" train "${flags[@]}" --epochs 100 -o "$run" > "$report/first.log" 2> "$report/first.err" &
pid=$!
while kill -0 $pid 2>/dev/null; do
  [ "$(ls "$run/checkpoints" 2>/dev/null | sort | tail -n 1)" \> "step-00000${interrupt_after}.h5" ] && break
  sleep 0.2
done
kill -TERM $pid 2>/dev/null || true
wait $pid || cat "$report/first.err"
echo "-- resuming from $(ls "$run/checkpoints" | sort | tail -n 1)"
"$krate" resume "$run"

echo "-- coding rate and density, layer by layer"
"$krate" analyze layers "$run/model.h5" --data "$report/digits.h5" -o "$report/analysis"
"$krate" analyze attention "$run/model.h5" --data "$report/digits.h5" -o "$report/analysis"
"$krate" report "$run" -o "$report"

if command -v mpirun >/dev/null && "$krate" info | grep -qiE '^ *MPI[: ]+(on|[a-z].*)'; then
  echo "-- five epochs on one rank and on two: the same losses"
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
  "$krate" train "${flags[@]}" --epochs 5 --precision fp64 -o "$report/one" > /dev/null
  OMP_NUM_THREADS=1 mpirun -n 2 "$krate" train "${flags[@]}" --epochs 5 --precision fp64 -o "$report/two" > /dev/null
  echo "epoch   one rank              two ranks"
  paste -d ' ' <(awk -F, '$3 == "test" {print $2 + 1, $4}' "$report/one/metrics.csv") \
               <(awk -F, '$3 == "test" {print $4}' "$report/two/metrics.csv") |
    awk '{printf "%5d   %-20s  %s\n", $1, $2, $3}'
fi

accuracy=$(sed -n 's/.*"test_accuracy": \([0-9.]*\).*/\1/p' "$run/summary.json")
LC_ALL=C printf 'krate demo: test accuracy %.3f in %d s, report: %s\n' "$accuracy" $(($(date +%s) - start)) \
  "$report/index.html"
