// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <vector>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/io/sample_table.hpp"
#include "krate/train/batch_source.hpp"

namespace krate::train {

/// The images of a dataset file in host memory, copied to the device batch by batch. What prefetch() announces, a
/// thread of the source's own converts in the meantime; it calls neither MPI nor HDF5 nor Kokkos.
template <class Space, class T>
class DatasetSource final : public BatchSource<Space, T> {
 public:
  /// @throws ValueError if the samples are no images [C, H, W], or have no labels where `labelled`
  explicit DatasetSource(io::SampleTable table, bool labelled = true);
  ~DatasetSource() override;
  DatasetSource(DatasetSource const&) = delete;

  std::size_t channels() const override { return shape_[0]; }
  std::size_t height() const override { return shape_[1]; }
  std::size_t width() const override { return shape_[2]; }
  std::size_t classes() const override { return static_cast<std::size_t>(table_.description().classes); }
  std::size_t size(Part part) const override { return rows(part).size(); }
  T background(std::size_t channel) const override;
  void fill(Space const& space, Part part, std::span<std::size_t const> samples, Tensor4<T, Space> const& images,
            Vector<Label, Space> const& labels) override;
  void prefetch(Part part, std::span<std::size_t const> samples) override;

  io::SampleTable const& table() const { return table_; }
  /// Rows of the file that a part has, in file order.
  std::vector<std::size_t> const& rows(Part part) const { return part == Part::train ? train_ : test_; }
  /// Makes these rows the train part, and those the test part: for evaluating any choice of rows.
  void select(std::vector<std::size_t> train, std::vector<std::size_t> test = {});

 private:
  class Ahead;
  /// Samples from the table to host memory.
  void load(Part part, std::span<std::size_t const> samples, T* images, Label* labels) const;

  io::SampleTable table_;
  std::vector<std::size_t> shape_, train_, test_;
  template <class Element>
  using HostBuffer = Kokkos::View<Element*, Kokkos::HostSpace>;
  HostBuffer<T> staged_images_;
  HostBuffer<Label> staged_labels_;
  std::unique_ptr<Ahead> ahead_;  ///< once prefetch() was called
};

}  // namespace krate::train
