// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/transfer.hpp"

namespace krate::models {

namespace {

/// A parameter of a CRATE among those of a CRATE-MAE.
std::string in_masked_autoencoder(std::string const& name) {
  if (name == "position_embedding") return "positions";
  if (name == "class_token" || name.starts_with("blocks/")) return name;
  for (auto const& [mine, its] :
       {std::pair{"patch_embedding/linear/", "patch_embedding/convolution/"}, {"head/norm/", "norm/"}}) {
    if (name.starts_with(mine)) return its + name.substr(std::string_view(mine).size());
  }
  return {};
}

}  // namespace

bool can_transfer(std::string_view to, std::string_view from) {
  return to == from || (to == "crate" && from == "crate_mae");
}

std::string transfer_source(std::string_view to, std::string_view from, std::string_view parameter) {
  std::string const name(parameter);
  if (to != from) return in_masked_autoencoder(name);
  bool const head = name.starts_with(to == "crate" ? "head/" : "head/linear/");  // the norm of others is the encoder's
  return head ? "" : name;
}

}  // namespace krate::models
