// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/train/dataset_source.hpp"

namespace krate::train {

template <class Space, class T>
DatasetSource<Space, T>::DatasetSource(io::SampleTable table, bool labelled)
    : table_(std::move(table)), shape_(table_.description().sample_shape) {
  auto const& about = table_.description();
  require_value(about.kind == io::SampleKind::images && shape_.size() == 3, "krate::train::DatasetSource", "samples",
                about.origin, "must hold images [n, C, H, W] in /samples/images");
  if (labelled) about.require_labels();
  train_ = about.indices(io::Subset::train);
  if (about.has_split()) test_ = about.indices(io::Subset::test);
}

template <class Space, class T>
T DatasetSource<Space, T>::background(std::size_t channel) const {
  auto const& bias = table_.description().bias;
  return static_cast<T>(bias.size() == 1 ? bias[0] : bias[channel]);
}

template <class Space, class T>
void DatasetSource<Space, T>::select(std::vector<std::size_t> train, std::vector<std::size_t> test) {
  train_ = std::move(train);
  test_ = std::move(test);
}

template <class Space, class T>
void DatasetSource<Space, T>::fill(Space const& space, Part part, std::span<std::size_t const> samples,
                                   Tensor4<T, Space> const& images, Vector<Label, Space> const& labels) {
  std::size_t const size = shape_[0] * shape_[1] * shape_[2];
  require_shape("krate::train::DatasetSource::fill", "images", images,
                {samples.size(), shape_[0], shape_[1], shape_[2]}, "samples asked for, and the dataset's sample shape");
  T* pixels = images.data();
  Label* names = labels.data();
  if constexpr (impl::is_device<Space>) {
    if (staged_images_.size() < images.size()) {
      staged_images_ =
          HostBuffer<T>(Kokkos::view_alloc(Kokkos::WithoutInitializing, "krate::train::staged_images"), images.size());
      staged_labels_ = HostBuffer<Label>(Kokkos::view_alloc(Kokkos::WithoutInitializing, "krate::train::staged_labels"),
                                         labels.size());
    }
    space.fence(KRATE_LABEL("krate::train::DatasetSource: staging memory is free again"));
    pixels = staged_images_.data();
    names = staged_labels_.data();
  }
  auto const& chosen = rows(part);
  bool const labelled = table_.description().has_labels;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    table_.get(chosen[samples[i]], pixels + i * size);
    names[i] = labelled ? table_.label(chosen[samples[i]]) : 0;
  }
  if constexpr (impl::is_device<Space>) {
    Kokkos::deep_copy(space, Vector<T, Space>(images.data(), images.size()),
                      Kokkos::subview(staged_images_, std::pair<std::size_t, std::size_t>(0, images.size())));
    Kokkos::deep_copy(space, labels,
                      Kokkos::subview(staged_labels_, std::pair<std::size_t, std::size_t>(0, labels.size())));
  }
}

}  // namespace krate::train
