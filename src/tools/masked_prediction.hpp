// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a masked autoencoder makes of every sample: features and the image that it predicts.
#pragma once

#include "krate/nn/patch_embedding.hpp"
#include "krate/nn/pool.hpp"
#include "krate/nn/token_mask.hpp"
#include "tools/model_command.hpp"

namespace krate::tools {

/// A batch, cut from a workspace.
template <class Model>
struct MaskedBatch {
  using T = typename Model::Scalar;
  Tensor4<T, Space> images;
  Vector<Label, Space> labels;
  Vector<std::size_t, Space> numbers;
  Matrix<T, Space> noise;
  Matrix<bool, Space> removed;
  Matrix<T, Space> patches;   ///< [batch * patches, patch_dim], channels last
  Matrix<T, Space> features;  ///< [batch, dim]

  template <class W>
  MaskedBatch(W& work, Model const& model, std::size_t batch) {
    auto const& c = model.config();
    images = work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width);
    labels = work.template take<Label>(batch);
    numbers = work.template take<std::size_t>(batch);
    noise = work.template take<T>(batch, c.patches());
    removed = work.template take<bool>(batch, c.patches());
    patches = work.template take<T>(batch * c.patches(), c.patch_dim());
    features = work.template take<T>(batch, c.dim);
  }
};

/// Calls `use(done, features, images)` for each batch of the samples: how many are done with it; the class token behind
/// the encoder's norm, [batch, dim]; all patches as predicted, [batch, channels * height * width].
/// @param mask_ratio  of the patches is removed, of a sample the same ones each time
/// @param tap         called after each block of the encoder
template <class Model, class Use>
void predict_masked(ModelOnData<Model>& run, std::span<std::size_t const> samples, double mask_ratio, Use const& use,
                    models::Tap<Space, typename Model::Scalar> tap = {}) {
  using T = typename Model::Scalar;
  using Batch = MaskedBatch<Model>;
  auto const& c = run.model.config();
  PatchOptions const patching{c.patch_size.height, c.patch_size.width, PatchOrder::channel_last};
  // A training pass keeps the encoder's output; in inference the decoder's blocks take its place.
  auto const keep = models::Pass::training;
  Arena<Space> const arena(run.space, measure<Space>([&](auto& work) {
                                        Batch(work, run.model, run.batch);
                                      }) + run.model.plan(run.batch, keep),
                           "krate::tools::predict");
  typename Model::State state;
  for (std::size_t first = 0; first < samples.size(); first += run.batch) {
    std::size_t const count = std::min(run.batch, samples.size() - first);
    auto work = arena.workspace();
    Batch const b(work, run.model, count);
    run.model.cut(work, count, keep, state);
    run.source.fill(run.space, train::Part::train, samples.subspan(first, count), b.images, b.labels);
    Kokkos::deep_copy(run.space, b.numbers,
                      Kokkos::View<std::size_t const*, Kokkos::HostSpace, impl::Unmanaged>(&samples[first], count));
    draw_noise(run.space, Random(Seed{}, 0x50524544), b.numbers, b.noise);  // "PRED": apart from other streams
    mask_of_noise(run.space, b.noise, kept_patches(c.patches(), mask_ratio), b.removed);
    run.model.forward(run.space, b.images, b.removed, state, work, tap);
    pool_tokens(run.space, state.decoder.tokens.front(), Pool::cls, b.features);
    std::pair<std::size_t, std::size_t> const behind_class(1, c.tokens());
    Kokkos::deep_copy(run.space, Tensor3<T, Space>(b.patches.data(), count, c.patches(), c.patch_dim()),
                      Kokkos::subview(state.prediction, Kokkos::ALL, behind_class, Kokkos::ALL));
    patchify_backward(run.space, b.patches, patching, b.images);
    use(first + count, b.features, Matrix<T, Space>(b.images.data(), count, b.images.size() / count));
    run.space.fence("krate::tools::predict: the numbers are read");
  }
}

}  // namespace krate::tools
