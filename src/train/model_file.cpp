// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/train/model_file.hpp"

#include "krate/core/error.hpp"

namespace krate::train {

namespace {

double number(std::size_t n) {
  return static_cast<double>(n);
}

/// @param needed  of the largest matrices alone, in floating point: products of a made-up configuration may be beyond
///                all integers
void require_room(double needed, io::CheckpointReader const& file) {
  file.comm().guarded([&] {
    double held = 0;
    for (auto const& name : file.tensors("/model")) held += number(file.info("/model/" + name).size());
    if (needed <= held) return;
    throw IoError("krate::train::load_" + file.model(),
                  file.path() + ": /model holds fewer numbers than its configuration needs (" +
                      krate::impl::value_text(held) + " of " + krate::impl::value_text(needed) +
                      "); take another copy of the file");
  });
}

/// Numbers of all blocks of multi-head attention and MLP.
template <class Config>
double transformer_numbers(Config const& config) {
  double const inner = number(config.heads) * number(config.head_dim()),
               hidden = Config::mlp_ratio * number(config.dim);
  return number(config.depth) * number(config.dim) * (4 * inner + 2 * hidden);
}

/// With so many atoms in each block.
void require_crate(models::CrateConfig const& config, double atoms, io::CheckpointReader const& file) {
  double const inner = number(config.heads) * number(config.head_dim()),
               outside = number(config.patch_dim()) + number(config.tokens()) + number(config.classes);
  require_room(number(config.dim) * (number(config.depth) * (inner + atoms) + outside), file);
}

}  // namespace

void require_room_for(models::CrateConfig const& config, io::CheckpointReader const& file) {
  require_crate(config, number(config.dim), file);
}

void require_room_for(models::CrateAlphaConfig const& config, io::CheckpointReader const& file) {
  require_crate(config, number(config.expansion) * number(config.dim), file);
}

void require_room_for(models::CrateMaeConfig const& config, io::CheckpointReader const& file) {
  auto both = config.encoder();
  both.depth += config.decoder_depth;  // their blocks hold as much
  require_crate(both, number(config.dim), file);
}

void require_room_for(models::CausalCrateConfig const& config, io::CheckpointReader const& file) {
  double const codes = number(config.dim) * (config.overcomplete ? config.expansion : 1),
               block = number(config.dim) * (2 * number(config.heads) * number(config.head_dim()) + codes);
  require_room(number(config.depth) * block + number(config.dim) * (number(config.vocabulary) + number(config.context)),
               file);
}

void require_room_for(models::CrateBertConfig const& config, io::CheckpointReader const& file) {
  double const block = number(config.dim) * (2 * number(config.heads) * number(config.head_dim()) + number(config.dim)),
               tables = number(config.vocabulary) + number(config.positions()) + number(config.dim);
  require_room(number(config.depth) * block + number(config.dim) * tables, file);
}

void require_room_for(models::TostConfig const& config, io::CheckpointReader const& file) {
  double const mlp = 2 * models::TostConfig::mlp_ratio,
               maps = number(config.depth) * (2 + mlp) + number(config.class_layers) * (4 + mlp);
  require_room(number(config.dim) * (number(config.dim) * maps + number(config.classes)), file);
}

void require_room_for(models::TostCausalConfig const& config, io::CheckpointReader const& file) {
  double const inner = number(config.heads) * number(config.head_dim()), ratio = models::TostCausalConfig::mlp_ratio,
               block = 2 * number(config.dim) * (inner + ratio * number(config.dim)),
               tables = number(config.vocabulary) + number(config.context);
  require_room(number(config.depth) * block + number(config.dim) * tables, file);
}

void require_room_for(models::VitConfig const& config, io::CheckpointReader const& file) {
  double const outside = number(config.patch_dim()) + number(config.tokens()) + number(config.classes);
  require_room(transformer_numbers(config) + number(config.dim) * outside, file);
}

void require_room_for(models::Gpt2Config const& config, io::CheckpointReader const& file) {
  double const tables = number(config.vocabulary) + number(config.context);
  require_room(transformer_numbers(config) + number(config.dim) * tables, file);
}

void require_room_for(models::MlpConfig const& config, io::CheckpointReader const& file) {
  require_room(number(config.hidden) * (number(config.pixels()) + number(config.dim)) +
                   number(config.dim) * number(config.classes),
               file);
}

}  // namespace krate::train
