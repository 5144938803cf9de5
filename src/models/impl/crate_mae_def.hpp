// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/masked_embedding.hpp"
#include "krate/nn/sine_positions.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
typename CrateMae<Space, T>::Layers CrateMae<Space, T>::list(ParameterTable& table, CrateMaeConfig const& c) {
  c.validate();
  std::size_t const d = c.dim, n = c.tokens(), pixels = c.patch_dim();
  Initial const token{Initial::normal, 0.02}, zero{Initial::zero};
  std::vector<std::size_t> decayed;
  auto const add = [&](std::string const& name, std::string const& official, std::vector<std::size_t> shape,
                       Initial initial, bool decays) {
    std::size_t const p = table.add(name, official, std::move(shape), initial);
    if (decays) decayed.push_back(p);
    return p;
  };
  auto const add_linear = [&](std::string const& name, std::string const& official, std::size_t out, bool decays) {
    add(name + "/weight", official + ".weight", {out, d}, Initial::glorot(d, out), decays);
    return add(name + "/bias", official + ".bias", {out}, zero, false);
  };
  auto const add_norm = [&](std::string const& name, std::string const& official) {
    add(name + "/weight", official + ".weight", {d}, {Initial::one}, false);
    return add(name + "/bias", official + ".bias", {d}, zero, false);
  };
  Layers at{};
  at.class_token = add("class_token", "cls_token", {d}, token, true);
  at.mask_token = add("mask_token", "mask_token", {d}, token, true);
  at.encoder_positions = add("encoder_positions", "pos_embed", {n, d}, zero, false);
  at.positions = add("positions", "decoder_pos_embed", {n, d}, zero, false);
  table.set_official_shape(at.class_token, {1, 1, d});
  table.set_official_shape(at.mask_token, {1, 1, d});
  table.set_official_shape(at.encoder_positions, {1, n, d});
  table.set_official_shape(at.positions, {1, n, d});
  at.convolution_weight =
      add("patch_embedding/convolution/weight", "patch_embed.proj.weight",
          {d, c.channels, c.patch_size.height, c.patch_size.width}, Initial::glorot(pixels, d), true);
  at.convolution_bias =
      add("patch_embedding/convolution/bias", "patch_embed.proj.bias", {d}, Initial::linear(pixels), false);

  BlockConfig const block{.dim = d,
                          .heads = c.heads,
                          .head_dim = c.encoder().head_dim(),
                          .eta = c.eta,
                          .lambda = c.lambda,
                          .norm_eps = c.norm_eps,
                          .products = c.products};
  auto decoder_block = block;
  decoder_block.heads = c.decoder_heads;
  decoder_block.head_dim = d / c.decoder_heads;
  auto const start = [&](auto const& stack) {
    for (std::size_t i = 0; i < stack.depth(); ++i) {
      auto const& b = stack.block(i);
      decayed.insert(decayed.end(), {b.dictionary, b.projection});
      table.set_initial(b.projection, Initial::glorot(d, stack.config().inner()));
      if (!stack.config().has_output_map()) continue;
      decayed.push_back(b.output_weight);
      table.set_initial(b.output_weight, Initial::glorot(stack.config().inner(), d));
      table.set_initial(b.output_bias, zero);
    }
  };
  at.encoder = {table, block, c.depth, crate_mae_names()};
  start(at.encoder);
  at.norm_bias = add_norm("norm", "norm");
  at.norm_weight = at.norm_bias - 1;
  at.unused_bias = add_linear("decoder_embedding", "decoder_embed", d, false);
  at.decoder = {table, decoder_block, c.decoder_depth};
  start(at.decoder);
  at.decoder_norm_bias = add_norm("decoder_norm", "decoder_norm");
  at.decoder_norm_weight = at.decoder_norm_bias - 1;
  at.prediction_bias = add_linear("prediction", "decoder_pred", pixels, true);
  at.prediction_weight = at.prediction_bias - 1;
  table.decay_only(decayed);
  return at;
}

template <class Space, class T>
ParameterTable CrateMae<Space, T>::parameter_table(CrateMaeConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
CrateMae<Space, T>::CrateMae(Space const& space, CrateMaeConfig const& config, Seed seed)
    : config_(config), at_(list(table_, config_)), parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
  std::size_t const columns = config_.image_size.width / config_.patch_size.width;
  std::size_t const rows = config_.patches() / columns;
  sine_positions(space, rows, columns, parameters_.value_matrix(at_.encoder_positions));
  sine_positions(space, rows, columns, parameters_.value_matrix(at_.positions));
}

template <class Space, class T>
PatchOptions CrateMae<Space, T>::patching(PatchOrder order) const {
  return {config_.patch_size.height, config_.patch_size.width, order};
}

template <class Space, class T>
PixelLossOptions CrateMae<Space, T>::objective(std::size_t removed) const {
  return {config_.norm_pix_loss, 1 / (static_cast<double>(removed) * static_cast<double>(config_.patch_dim()))};
}

template <class Space, class T>
void CrateMae<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  std::size_t const patches = batch * config_.patches(), n = config_.tokens(), rows = batch * n;
  state.patches = work.template take<T>(patches, config_.patch_dim());
  state.target = work.template take<T>(patches, config_.patch_dim());
  state.embedded = work.template take<T>(patches, config_.dim);
  state.encoder.cut(work, at_.encoder.config(), at_.encoder.depth(), batch, n, pass);
  for (auto* sums : {&state.mean_encoded, &state.deviation_encoded, &state.mean_decoded, &state.deviation_decoded})
    *sums = work.template take<T>(rows);
  state.decoder.cut(work, at_.decoder.config(), at_.decoder.depth(), batch, n, pass);
  state.decoded_normed = work.template take<T>(batch, n, config_.dim);
  state.prediction = work.template take<T>(batch, n, config_.patch_dim());
}

template <class Space, class T>
std::size_t CrateMae<Space, T>::backward_workspace(std::size_t batch) const {
  std::size_t const patches = batch * config_.patches(), n = config_.tokens(), d = config_.dim;
  std::size_t const gradients = measure<Space>([&](auto& work) {
    work.template take<T>(batch, n, d);
    work.template take<T>(patches, d);
    work.template take<T>(patches, config_.patch_dim());
  });
  return gradients +
         std::max({at_.encoder.workspace(batch, n, Pass::training), at_.decoder.workspace(batch, n, Pass::training),
                   layer_norm_backward_workspace<T>(d), embed_masked_tokens_backward_workspace<Space, T>(patches, d),
                   linear_backward_workspace<T>(std::max(d, config_.patch_dim()))});
}

template <class Space, class T>
std::size_t CrateMae<Space, T>::plan(std::size_t batch, Pass pass) const {
  std::size_t const n = config_.tokens(), state = measure<Space>([&](auto&work) {
                                            State s;
                                            cut(work, batch, pass, s);
                                          });
  return state + (pass != Pass::inference
                      ? backward_workspace(batch)
                      : std::max(at_.encoder.workspace(batch, n, pass), at_.decoder.workspace(batch, n, pass)));
}

template <class Space, class T>
void CrateMae<Space, T>::forward(Space const& space, ConstTensor4<T, Space> const& images,
                                 ConstMatrix<bool, Space> const& removed, State& state, Workspace<Space> work,
                                 Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CrateMae::forward"));
  constexpr char const* where = "krate::models::CrateMae::forward";
  std::size_t const batch = state.prediction.extent(0);
  require_shape(where, "images", images, {batch, config_.channels, config_.image_size.height, config_.image_size.width},
                "the state's batch, and the configuration");
  require_shape(where, "removed", removed, {batch, config_.patches()},
                "the state's batch, and the patches of an image");
  auto const& p = parameters_;
  state.removed = removed;
  patchify(space, images, patching(PatchOrder::channel_first), state.patches);
  patchify(space, images, patching(PatchOrder::channel_last), state.target);
  linear(space, state.patches, p.value_matrix(at_.convolution_weight), p.value(at_.convolution_bias), state.embedded);
  embed_masked_tokens(space, state.embedded, removed, p.value(at_.class_token), p.value(at_.mask_token),
                      p.value_matrix(at_.positions), state.encoder.tokens.front());
  at_.encoder.forward(space, p, state.encoder, work, tap);
  layer_norm(space, as_rows(state.encoder.tokens.back()), p.value(at_.norm_weight), p.value(at_.norm_bias),
             {config_.final_norm_eps}, as_rows(state.decoder.tokens.front()), state.mean_encoded,
             state.deviation_encoded);
  at_.decoder.forward(space, p, state.decoder, work);
  layer_norm(space, as_rows(state.decoder.tokens.back()), p.value(at_.decoder_norm_weight),
             p.value(at_.decoder_norm_bias), {config_.final_norm_eps}, as_rows(state.decoded_normed),
             state.mean_decoded, state.deviation_decoded);
  linear(space, as_rows(state.decoded_normed), p.value_matrix(at_.prediction_weight), p.value(at_.prediction_bias),
         as_rows(state.prediction));
}

template <class Space, class T>
void CrateMae<Space, T>::backward(Space const& space, ConstTensor3<T, Space> const& dprediction, State& state,
                                  Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                                  GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CrateMae::backward"));
  auto const& p = parameters_;
  auto const announce = [&](std::size_t first, std::size_t last) {
    if (ready) ready(range_of(p, first, last));
  };
  auto const dnormed = work.template take<T>(state.prediction.extent(0), config_.tokens(), config_.dim);
  auto const dembedded = work.template take<T>(state.embedded.extent(0), config_.dim);
  auto const dpatches = work.template take<T>(state.patches.extent(0), config_.patch_dim());
  linear_backward(space, as_rows(state.decoded_normed), p.value_matrix(at_.prediction_weight), as_rows(dprediction),
                  work, as_rows(dnormed), p.gradient_matrix(at_.prediction_weight), p.gradient(at_.prediction_bias));
  layer_norm_backward(space, as_rows(state.decoder.tokens.back()), p.value(at_.decoder_norm_weight), state.mean_decoded,
                      state.deviation_decoded, as_rows(dnormed), InputGradient::write, work,
                      as_rows(state.decoder.gradient[at_.decoder.depth() % 2]), p.gradient(at_.decoder_norm_weight),
                      p.gradient(at_.decoder_norm_bias));
  announce(at_.decoder_norm_weight, at_.prediction_bias + 1);
  at_.decoder.backward(space, p, state.decoder, work, ready);
  layer_norm_backward(space, as_rows(state.encoder.tokens.back()), p.value(at_.norm_weight), state.mean_encoded,
                      state.deviation_encoded, as_rows(state.decoder.gradient[0]), InputGradient::write, work,
                      as_rows(state.encoder.gradient[at_.encoder.depth() % 2]), p.gradient(at_.norm_weight),
                      p.gradient(at_.norm_bias));
  announce(at_.norm_weight, at_.unused_bias + 1);
  at_.encoder.backward(space, p, state.encoder, work, tap, ready);
  embed_masked_tokens_backward(space, state.encoder.gradient[0], state.removed, work, dembedded,
                               p.gradient(at_.class_token), p.gradient(at_.mask_token));
  linear_backward(space, state.patches, p.value_matrix(at_.convolution_weight), dembedded, work,
                  dimages.size() > 0 ? dpatches : Matrix<T, Space>(), p.gradient_matrix(at_.convolution_weight),
                  p.gradient(at_.convolution_bias));
  announce(at_.class_token, at_.convolution_bias + 1);
  if (dimages.size() > 0) patchify_backward(space, dpatches, patching(PatchOrder::channel_first), dimages);
}

}  // namespace krate::models
