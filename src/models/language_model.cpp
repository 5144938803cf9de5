// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/language_model.hpp"

namespace krate::models {

TokenTables TokenTables::list(ParameterTable& table, std::size_t vocabulary, std::size_t context, std::size_t dim) {
  Initial const start{Initial::normal, 0.02};
  TokenTables at{vocabulary, context};
  at.tokens = table.add("token_embedding", "transformer.wte.weight", {vocabulary, dim}, start);
  table.tie(at.tokens, "lm_head.weight");
  at.positions = table.add("position_embedding", "transformer.wpe.weight", {context, dim}, start);
  return at;
}

FinalNorm FinalNorm::list(ParameterTable& table, std::size_t dim, double norm_eps, bool biased) {
  FinalNorm norm{.present = true, .biased = biased, .norm_eps = norm_eps};
  norm.weight = table.add("norm/weight", "transformer.ln_f.weight", {dim}, {Initial::one});
  if (biased) norm.bias = table.add("norm/bias", "transformer.ln_f.bias", {dim}, {Initial::zero});
  return norm;
}

}  // namespace krate::models
