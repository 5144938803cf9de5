// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/train/batch_source.hpp"
#include "krate/train/impl/gather_decl.hpp"

namespace krate::train {

/// The user's own images and labels, where they are; the Views must outlive the source.
template <class Space, class T>
class ViewSource final : public BatchSource<Space, T> {
 public:
  /// @param images   [samples, channels, height, width], LayoutRight and contiguous, normalised, reachable by Space
  /// @param labels   [samples] of Label, each in [0, classes)
  /// @throws ShapeError if the extents disagree
  template <class Images, class Labels>
  ViewSource(Images const& images, Labels const& labels, std::size_t classes) : classes_(classes) {
    static_assert(Images::rank() == 4 && std::is_same_v<typename Images::array_layout, Kokkos::LayoutRight>,
                  "images must be a LayoutRight View of rank 4");
    krate::impl::check_reachable<Space, Images>();
    require_shape("krate::train::ViewSource", "labels", labels, {images.extent(0)}, "one a sample");
    parts_[0] = part_of(images, labels);
    parts_[1] = {ConstTensor4<T, Space>(nullptr, 0, images.extent(1), images.extent(2), images.extent(3)), {}};
  }

  /// The test part.
  template <class Images, class Labels>
  ViewSource& test(Images const& images, Labels const& labels) {
    require_shape("krate::train::ViewSource::test", "images", images, {images.extent(0), channels(), height(), width()},
                  "same sample shape as the train part");
    require_shape("krate::train::ViewSource::test", "labels", labels, {images.extent(0)}, "one a sample");
    parts_[1] = part_of(images, labels);
    return *this;
  }

  std::size_t channels() const override { return parts_[0].images.extent(1); }
  std::size_t height() const override { return parts_[0].images.extent(2); }
  std::size_t width() const override { return parts_[0].images.extent(3); }
  std::size_t classes() const override { return classes_; }
  std::size_t size(Part part) const override { return at(part).images.extent(0); }
  T background(std::size_t) const override { return T(0); }

  void fill(Space const& space, Part part, std::span<std::size_t const> samples, Tensor4<T, Space> const& images,
            Vector<Label, Space> const& labels) override {
    using Host = Kokkos::View<std::size_t const*, Kokkos::HostSpace, krate::impl::Unmanaged>;
    if (chosen_.size() < samples.size())
      chosen_ = Indices(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::train::chosen"), samples.size());
    auto const chosen = Kokkos::subview(chosen_, std::pair<std::size_t, std::size_t>(0, samples.size()));
    if constexpr (krate::impl::is_device<Space>) {
      Kokkos::deep_copy(space, chosen, Host(samples.data(), samples.size()));
      space.fence(KRATE_LABEL("krate::train::ViewSource: sample numbers are read"));
    } else {
      std::copy(samples.begin(), samples.end(), chosen.data());
    }
    krate::impl::SampleKernels<Space, T>::gather(space, at(part).images, at(part).labels,
                                                 ConstVector<std::size_t, Space>(chosen.data(), chosen.size()), images,
                                                 labels);
  }

 private:
  using Indices = Kokkos::View<std::size_t*, DeviceOf<Space>>;
  struct Samples {
    ConstTensor4<T, Space> images;
    ConstVector<Label, Space> labels;
  };
  template <class Images, class Labels>
  static Samples part_of(Images const& images, Labels const& labels) {
    require_value(images.span_is_contiguous(), "krate::train::ViewSource", "images", "strided", "must be contiguous");
    return {
        ConstTensor4<T, Space>(images.data(), images.extent(0), images.extent(1), images.extent(2), images.extent(3)),
        as_vector<Space>(labels)};
  }
  Samples const& at(Part part) const { return parts_[part == Part::train ? 0 : 1]; }

  std::size_t classes_;
  Samples parts_[2];
  Indices chosen_;
};

}  // namespace krate::train
