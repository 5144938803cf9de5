#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Looks into the models of seed 0 that run.py left: rate and density by layer side by side, what layers do to the sparse
# rate reduction, how far the decoder of the masked autoencoder undoes its encoder, and samples of the language models.
# usage: look.sh KRATE RUNS

set -euo pipefail
krate=$1
runs=$2
of() { echo "$runs/$1-0/model.h5"; }
"$krate" analyze layers "$(of digits-CRATE)" "$(of digits-CRATE-alpha)" "$(of digits-ToST_patch_4)" \
  "$(of mae-CRATE-MAE)" --data "$runs/mnist.h5" -o "$runs/layers"
for run in digits-CRATE digits-CRATE-alpha regularised-0.003 regularised-0.03; do
  if [ -e "$(of $run)" ]; then
    "$krate" analyze objective "$(of $run)" --data "$runs/mnist.h5" -o "$runs/objective-$run"
  fi
done
"$krate" analyze objective "$(of digits-CRATE)" --variants --data "$runs/mnist.h5" -o "$runs/variants"
"$krate" analyze inversion "$(of mae-CRATE-MAE)" --data "$runs/mnist.h5" -o "$runs/inversion"
for run in text-causal_CRATE text-causal_ToST text-GPT-2; do
  echo "== $run"
  "$krate" generate "$(of $run)" --prompt "And God said" --tokens 200 --temperature 0.7
  echo
done
