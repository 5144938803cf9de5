// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/require.hpp"
#include "krate/train/dataset_source.hpp"
#include "train/worker.hpp"

namespace krate::train {

/// A batch that is loaded before it is asked for.
template <class Space, class T>
class DatasetSource<Space, T>::Ahead {
 public:
  explicit Ahead(DatasetSource const& source)
      : source_(source), worker_([this] { source_.load(part_, samples_, images_.data(), labels_.data()); }) {}

  void begin(Part part, std::span<std::size_t const> samples, std::size_t sample_size) {
    worker_.wait();
    part_ = part;
    samples_.assign(samples.begin(), samples.end());
    images_.resize(samples.size() * sample_size);
    labels_.resize(samples.size());
    worker_.start();
  }
  /// Whether these are the samples that were loaded; waits for them.
  bool holds(Part part, std::span<std::size_t const> samples) {
    worker_.wait();
    return part == part_ && std::equal(samples.begin(), samples.end(), samples_.begin(), samples_.end());
  }
  void give(T* images, Label* labels) const {
    std::copy(images_.begin(), images_.end(), images);
    std::copy(labels_.begin(), labels_.end(), labels);
  }

 private:
  DatasetSource const& source_;
  Part part_ = Part::train;
  std::vector<std::size_t> samples_;
  std::vector<T> images_;
  std::vector<Label> labels_;
  Worker worker_;  // last: it ends before the rest does
};

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
DatasetSource<Space, T>::~DatasetSource() = default;

template <class Space, class T>
T DatasetSource<Space, T>::background(std::size_t channel) const {
  auto const& bias = table_.description().bias;
  return static_cast<T>(bias.size() == 1 ? bias[0] : bias[channel]);
}

template <class Space, class T>
void DatasetSource<Space, T>::select(std::vector<std::size_t> train, std::vector<std::size_t> test) {
  ahead_.reset();  // it reads them
  train_ = std::move(train);
  test_ = std::move(test);
}

template <class Space, class T>
void DatasetSource<Space, T>::load(Part part, std::span<std::size_t const> samples, T* images, Label* labels) const {
  std::size_t const size = shape_[0] * shape_[1] * shape_[2];
  auto const& chosen = rows(part);
  bool const labelled = table_.description().has_labels;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    table_.get(chosen[samples[i]], images + i * size);
    labels[i] = labelled ? table_.label(chosen[samples[i]]) : 0;
  }
}

template <class Space, class T>
void DatasetSource<Space, T>::prefetch(Part part, std::span<std::size_t const> samples) {
  if (samples.empty()) return;
  if (!ahead_) ahead_ = std::make_unique<Ahead>(*this);
  ahead_->begin(part, samples, shape_[0] * shape_[1] * shape_[2]);
}

template <class Space, class T>
void DatasetSource<Space, T>::fill(Space const& space, Part part, std::span<std::size_t const> samples,
                                   Tensor4<T, Space> const& images, Vector<Label, Space> const& labels) {
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
  if (ahead_ && ahead_->holds(part, samples)) {
    ahead_->give(pixels, names);
  } else {
    load(part, samples, pixels, names);
  }
  if constexpr (impl::is_device<Space>) {
    Kokkos::deep_copy(space, Vector<T, Space>(images.data(), images.size()),
                      Kokkos::subview(staged_images_, std::pair<std::size_t, std::size_t>(0, images.size())));
    Kokkos::deep_copy(space, labels,
                      Kokkos::subview(staged_labels_, std::pair<std::size_t, std::size_t>(0, labels.size())));
  }
}

}  // namespace krate::train
