// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The images of an optimizer step, moved at random where the options say so.
#pragma once

#include <algorithm>
#include <chrono>

#include "krate/linalg/elementwise.hpp"
#include "krate/train/impl/gather_decl.hpp"
#include "krate/train/train_step.hpp"

namespace krate::train {

/// How long a piece of work keeps the thread that calls it, in seconds.
template <class Work>
double seconds_of(Work const& work) {
  auto const start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline krate::impl::Moves moves_of(TrainStepOptions const& o) {
  return {o.crop, o.flip, o.shift};
}

inline models::Pass pass_of(TrainStepOptions const& o) {
  return o.recompute ? models::Pass::recompute : models::Pass::training;
}

template <class Space, class T>
struct ImageBatch {
  Tensor4<T, Space> images, moved;
  Vector<std::size_t, Space> numbers;  ///< of the samples, where something random hangs on them
  Vector<T, Space> background;
  Vector<Label, Space> labels;

  template <class W, class Config>
  ImageBatch(W& work, Config const& c, std::size_t batch, bool moves, bool numbered)
      : images(work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width)),
        moved(moves ? work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width) : images),
        numbers(work.template take<std::size_t>(numbered ? batch : 0)),
        background(work.template take<T>(c.channels)),
        labels(work.template take<Label>(batch)) {}

  /// The samples' numbers go to the device, where it is one.
  void number(Space const& space, std::span<std::size_t const> samples) const {
    if constexpr (krate::impl::is_device<Space>) {
      Kokkos::deep_copy(
          space, numbers,
          Kokkos::View<std::size_t const*, Kokkos::HostSpace, krate::impl::Unmanaged>(samples.data(), samples.size()));
    } else {
      std::copy(samples.begin(), samples.end(), numbers.data());
    }
  }

  /// @return seconds until the source had given the images
  double fill_from(Space const& space, BatchSource<Space, T>& source, std::span<std::size_t const> mine,
                   std::uint32_t draw, TrainStepOptions const& o) const {
    double const waited = seconds_of([&] { source.fill(space, Part::train, mine, images, labels); });
    if (numbers.size() > 0) number(space, mine);
    auto const moves = moves_of(o);
    if (!moves.any()) return waited;
    for (std::size_t c = 0; c < background.size(); ++c)
      fill(space, Kokkos::subview(background, std::pair<std::size_t, std::size_t>(c, c + 1)), source.background(c));
    krate::impl::SampleKernels<Space, T>::move(space, images, numbers, background, o.seed, draw, moves, moved);
    return waited;
  }
};

}  // namespace krate::train
