// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "krate/models/resolution.hpp"
#include "krate/nn/patch_embedding.hpp"

namespace krate::models {

/// What a model took over from another one and what was left as it was, each by the model's own names.
struct Transfer {
  std::vector<std::string> taken, resampled, fresh;
};

/// Where fine-tuning finds the start of a parameter: the name in the other model; empty: it starts anew. A classifier's
/// head always does, with its norm in a CRATE, where the norm is a part of it in the authors' code. A CRATE takes its
/// blocks, class token and positions from a CRATE-MAE's encoder, its linear map of the patches from the convolution,
/// and the head's norm from the encoder's: with CrateMaeConfig::encoder() for its configuration, it computes the
/// encoder's features. Norms around the linear map start anew.
/// @param to,from  families, such as "crate" and "crate_mae"
std::string transfer_source(std::string_view to, std::string_view from, std::string_view parameter);

/// Whether a model of one family can start from one of the other.
bool can_transfer(std::string_view to, std::string_view from);

/// Starts a model from another: parameters are copied by name where the shapes agree, the positions of the patches
/// are resampled where the grids differ, linearly in CRATE-alpha (see Resample), the rest stays as it is.
/// Source: the authors' programs for fine-tuning, which drop the head.
/// @throws ValueError unless can_transfer()
/// @note allocates: where positions are resampled, a model; fences: yes
template <class To, class From>
Transfer transfer(typename To::ExecutionSpace const& space, From const& from, To const& to) {
  require_value(can_transfer(To::name, From::name), "krate::models::transfer", "from", From::name,
                (std::string("is no model that a ") + To::name + " can start from").c_str());
  From source = from;
  bool moved = false;
  if constexpr (requires { from.config().patch_size.height; }) {
    auto const &mine = to.config(), &its = from.config();
    Extent2 const seen(mine.image_size.height / mine.patch_size.height * its.patch_size.height,
                       mine.image_size.width / mine.patch_size.width * its.patch_size.width);
    moved = !(seen == its.image_size);
    bool const linear = std::string_view(To::name) == "crate_alpha";
    if (moved) source = at_resolution(space, from, seen, linear ? Resample::linear : Resample::bicubic);
  }
  auto const &values = source.parameters(), &target = to.parameters();
  auto const entries = values.entries();
  Transfer result;
  for (std::size_t i = 0; i < target.entries().size(); ++i) {
    auto const& p = target.entries()[i];
    auto const name = transfer_source(To::name, From::name, p.name);
    auto const at = std::find_if(entries.begin(), entries.end(), [&](auto const& e) { return e.name == name; });
    std::size_t const k = static_cast<std::size_t>(at - entries.begin());
    if (at != entries.end() && at->shape == p.shape) {
      Kokkos::deep_copy(space, target.value(i), values.value(k));
    } else if (at != entries.end() && at->shape.size() == 4 && at->size == p.size && p.shape.size() == 2) {
      // The kernels of a convolution are images of one patch.
      ConstTensor4<typename To::Scalar, typename To::ExecutionSpace> const kernels(
          values.value(k).data(), at->shape[0], at->shape[1], at->shape[2], at->shape[3]);
      patchify(space, kernels, {at->shape[2], at->shape[3]}, target.value_matrix(i));
    } else {
      result.fresh.push_back(p.name);
      continue;
    }
    (moved && p.name == "position_embedding" ? result.resampled : result.taken).push_back(p.name);
  }
  space.fence("krate::models::transfer: parameters are in place");
  return result;
}

}  // namespace krate::models
