#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The experiment on real data of Wang et al. 2024: the first three classes of MNIST, 100 samples each, one batch, a
# network of two layers, the regularised rate reduction. Do the singular values of each class become the one number
# that theory gives? Writes DIRECTORY/regularised.md and DIRECTORY/spectrum.svg.
# usage: regularised.sh KRATE mnist_5k.csv[.gz] [DIRECTORY]     a sample a line, the label last; default ./regularised
# STEPS=n changes the number of steps from 805.

set -euo pipefail
krate=$(realpath "$1")
table=$2
out=${3:-regularised}
steps=${STEPS:-805}
rm -rf "$out"
mkdir -p "$out"

# 125 of each class: a fifth is for testing.
case $table in *.gz) gzip -dc "$table" ;; *) cat "$table" ;; esac |
  awk -F, '$NF < 3 && n[$NF + 0]++ < 125' > "$out/three.csv"
"$krate" data csv "$out/three.csv" --shape 1,28,28 -o "$out/three.h5"
flags=(--model mlp --hidden 2048 --dim 128 --objective mcr2 --eps-squared 0.5 --frobenius 0.002 --batch 300
       --steps "$steps" --learning-rate 5e-3 --weight-decay 5e-4 --schedule crate --warmup $((steps / 4)) --clip 0
       --checkpoint-every "$steps")
"$krate" train --data "$out/three.h5" "${flags[@]}" -o "$out/run"
"$krate" analyze probe "$out/run/model.h5" --data "$out/three.h5" -o "$out"

{
  echo "# Regularised MCR2 on three classes of MNIST"
  echo
  echo "Made by \`examples/mcr2/regularised.sh\`: \`krate train --data three.h5 ${flags[*]}\`."
  echo "Theory (Wang et al. 2024, theorem 1): at a maximum all singular values of a class that are not 0 are sigma."
  echo
  echo "| class | samples | sigma | largest | 10th | 20th | 30th | 40th | within 5 % of sigma | above sigma / 100 |"
  echo "|---|---|---|---|---|---|---|---|---|---|"
  awk -F, 'NR > 1 {
      k = $1; samples[k] = $2; value[k, $3] = $4; sigma[k] = $5
      if ($4 > 0.95 * $5 && $4 < 1.05 * $5) close_by[k]++
      if ($4 > $5 / 100) alive[k]++
    }
    END {
      for (k = 0; k < 3; ++k)
        printf "| %d | %d | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | %d | %d |\n", k, samples[k], sigma[k], value[k, 1],
               value[k, 10], value[k, 20], value[k, 30], value[k, 40], close_by[k], alive[k]
    }' "$out/spectrum.csv"
  echo
  # Classes are of one size, so all maxima with 128 directions together have one value.
  awk -F, 'NR == 2 {
      d = 128; m = 3 * $2; q = 3; s = $5 * $5; alpha = d / (m * 0.5)
      printf "In theory the objective is at least %.6f. ",
             -d * (log(1 + alpha * s) / 2 - log(1 + q * alpha * s) / (2 * q) - 0.002 * s / 2)
    }' "$out/spectrum.csv"
  awk -F, '$3 == "train" {if (!first) first = $4; last = $4} $3 == "test" {test = $5}
    END {printf "It was %.6f at the first step and %.6f at the last; nearest subspace %.1f %% of the test samples.\n",
         first, last, 100 * test}' "$out/run/metrics.csv"
} > "$out/regularised.md"
cat "$out/regularised.md"
