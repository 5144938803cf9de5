// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The images of an optimizer step, moved at random where the options say so.
#pragma once

#include <algorithm>

#include "krate/linalg/elementwise.hpp"
#include "krate/train/impl/gather_decl.hpp"
#include "krate/train/train_step.hpp"

namespace krate::train {

namespace {
constexpr std::uint32_t shift_stream = 0x53484946;  // "SHIF": apart from all streams of parameters
}

inline models::Pass pass_of(TrainStepOptions const& o) {
  return o.recompute ? models::Pass::recompute : models::Pass::training;
}

template <class Space, class T>
struct ImageBatch {
  Tensor4<T, Space> images, shifted;
  Vector<std::size_t, Space> numbers;  ///< of the samples, where something random hangs on them
  Vector<T, Space> background;
  Vector<Label, Space> labels;

  template <class W, class Config>
  ImageBatch(W& work, Config const& c, std::size_t batch, bool shifts, bool numbered)
      : images(work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width)),
        shifted(shifts ? work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width) : images),
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

  void fill_from(Space const& space, BatchSource<Space, T>& source, std::span<std::size_t const> mine,
                 std::int64_t step, TrainStepOptions const& o) const {
    source.fill(space, Part::train, mine, images, labels);
    if (numbers.size() > 0) number(space, mine);
    if (o.shift == 0) return;
    for (std::size_t c = 0; c < background.size(); ++c)
      fill(space, Kokkos::subview(background, std::pair<std::size_t, std::size_t>(c, c + 1)), source.background(c));
    krate::impl::SampleKernels<Space, T>::shift(space, images, numbers, background,
                                                Random(o.seed, shift_stream, static_cast<std::uint32_t>(step)), o.shift,
                                                shifted);
  }
};

}  // namespace krate::train
