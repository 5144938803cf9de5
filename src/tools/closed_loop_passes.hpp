// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Samples on their way through encoder and decoder, and what they are worth.
#pragma once

#include <span>

#include "krate/analysis/class_subspaces.hpp"
#include "krate/core/arena.hpp"
#include "krate/io/sample_table.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/models/csc_ctrl.hpp"
#include "krate/nn/pixels.hpp"
#include "krate/rate/closed_loop.hpp"
#include "krate/rate/impl/host_copy.hpp"
#include "krate/train/inference.hpp"
#include "tools/space.hpp"

namespace krate::tools {

template <class T>
using Features = Kokkos::View<T**, Kokkos::LayoutRight, DeviceOf<Space>>;

/// This rank's part of a choice of samples, behind the encoder and behind the whole loop.
template <class T>
struct LoopRows {
  Features<T> z, z_hat;
  Kokkos::View<Label*, DeviceOf<Space>> labels;
  std::vector<T> images;  ///< what the decoder made, [samples, channels, height, width] in [0, 1]
  std::size_t total;      ///< of all ranks
  comm::Share share;
};

/// @param rows     of the table, all ranks the same
/// @param decode   the table holds features; else images in [0, 1]
template <class T>
LoopRows<T> run_loop(Space const& space, comm::Communicator const& comm, models::CscCtrl<Space, T> const& model,
                     io::SampleTable const& table, std::vector<std::size_t> const& rows, std::size_t batch,
                     bool decode = false) {
  auto const& c = model.config;
  auto const share = comm::share_of(rows.size(), comm.rank(), comm.size());
  std::size_t const size = c.channels * c.image_size.height * c.image_size.width;
  LoopRows<T> out{Features<T>(Kokkos::view_alloc(space, "krate::tools::features"), share.count, c.dim),
                  Features<T>(Kokkos::view_alloc(space, "krate::tools::regenerated"), share.count, c.dim),
                  Kokkos::View<Label*, DeviceOf<Space>>(Kokkos::view_alloc(space, "krate::tools::labels"), share.count),
                  std::vector<T>(share.count * size),
                  rows.size(),
                  share};
  auto const cut = [&](auto& work) {
    auto images = work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width);
    auto pixels = work.template take<T>(size / c.channels * batch, c.channels);
    return std::pair(images, pixels);
  };
  std::size_t const passes = std::max(model.encoder.forward_workspace(batch), model.decoder.workspace(batch));
  auto const states = [&](auto& work) {
    model.encoder.cut(work, batch);
    model.decoder.cut(work, batch);
  };
  Arena<Space> const arena(space, measure<Space>([&](auto& work) { cut(work); }) + measure<Space>(states) + passes);
  std::vector<T> host(batch * (decode ? c.dim : size));
  std::vector<Label> labels(share.count);
  using models::Statistics;
  comm::Communicator const alone;
  for (std::size_t begin = 0; begin < share.count; begin += batch) {
    std::size_t const count = std::min(batch, share.count - begin), width = decode ? c.dim : size;
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t const row = rows[share.begin + begin + i];
      table.get(row, host.data() + i * width);
      labels[begin + i] = table.description().has_labels ? table.label(row) : 0;
    }
    auto work = arena.workspace();
    auto const [all_images, all_pixels] = cut(work);
    Tensor4<T, Space> const images(all_images.data(), count, c.channels, c.image_size.height, c.image_size.width);
    Matrix<T, Space> const pixels(all_pixels.data(), count * c.image_size.height * c.image_size.width, c.channels);
    auto encoded = model.encoder.cut(work, count);
    auto decoded = model.decoder.cut(work, count);
    Matrix<T, Space> const z(&out.z(begin, 0), count, c.dim), z_hat(&out.z_hat(begin, 0), count, c.dim);
    if (decode) {
      impl::copy_to_device(space, host, Vector<T, Space>(z.data(), z.size()));
    } else {
      impl::copy_to_device(space, host, Vector<T, Space>(images.data(), images.size()));
      images_to_pixels(space, images, T(2), T(-1), pixels);
      model.encoder.forward(space, alone, Statistics::collected, 0, pixels, encoded, work);
      copy(space, encoded.features(), z);
    }
    model.decoder.forward(space, alone, Statistics::collected, z, decoded, work);
    pixels_to_images(space, decoded.pixels(), T(0.5), T(0.5), images);
    std::span<T> made(out.images.data() + begin * size, count * size);
    impl::copy_to_host(space, Vector<T, Space>(images.data(), images.size()), made, "krate::tools: images are read");
    if (decode) continue;
    model.encoder.forward(space, alone, Statistics::collected, 1, decoded.pixels(), encoded, work);
    copy(space, encoded.features(), z_hat);
    space.fence("krate::tools: the batch's memory is used again");
  }
  impl::copy_to_device(space, labels, Vector<Label, Space>(out.labels.data(), out.labels.size()));
  space.fence("krate::tools: labels are copied");
  return out;
}

/// Directions of a class: 10, as the authors take, or as many as leave room for all classes.
inline std::size_t subspace_directions(models::CscCtrlConfig const& c) {
  return std::clamp<std::size_t>(c.dim / c.classes, 1, 10);
}

/// The game's value on samples with its sign turned, and how many features are nearest to their class's subspace among
/// those that the samples `known` span. Collective.
template <class T>
train::Evaluation evaluate_loop(Space const& space, comm::Communicator const& comm, models::CscCtrlConfig const& c,
                                LoopRows<T> const& known, LoopRows<T> const& samples) {
  std::size_t const count = samples.share.count;
  Arena<Space> const arena(space, closed_loop_workspace<Space>(count, c.dim, c.classes));
  Kokkos::View<double*, DeviceOf<Space>> const values(Kokkos::view_alloc(space, "krate::tools::values"), 3);
  Features<T> const dz(Kokkos::view_alloc(space, "krate::tools::dz"), count, c.dim),
      dz_hat(Kokkos::view_alloc(space, "krate::tools::dz_hat"), count, c.dim);
  Kokkos::View<Label*, DeviceOf<Space>> const game_labels(Kokkos::view_alloc(space, "krate::tools::game_labels"),
                                                          count);
  if (!c.binary) copy(space, samples.labels, game_labels);
  closed_loop_rate(space, comm, samples.z, samples.z_hat, game_labels, {c.eps_squared, c.binary ? 1 : c.classes},
                   arena.workspace(), values, dz, dz_hat);
  std::vector<double> terms(3);
  impl::copy_to_host(space, Vector<double, Space>(values.data(), 3), terms, "krate::tools: the game's value");

  ClassMoments<Space> moments(space, comm, {.dim = c.dim, .classes = c.classes});
  moments.add(space, known.z, known.labels);
  analysis::ClassSubspaces<Space> const subspaces(space, moments, subspace_directions(c));
  subspaces.classify(space, samples.z, game_labels);
  std::vector<Label> found(count), right(count);
  impl::copy_to_host(space, Vector<Label, Space>(game_labels.data(), count), found, "krate::tools: answers are read");
  impl::copy_to_host(space, Vector<Label, Space>(samples.labels.data(), count), right, "krate::tools: labels are read");
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < count; ++i) correct += found[i] == right[i];
  train::Evaluation result;
  result.samples = static_cast<std::int64_t>(samples.total);
  result.correct = comm.all_reduce(correct);
  result.loss = -(terms[0] + terms[1] + terms[2]);
  return result;
}

}  // namespace krate::tools
