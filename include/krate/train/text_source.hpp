// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <utility>
#include <vector>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/train/text_reader.hpp"
#include "krate/train/token_source.hpp"

namespace krate::train {

/// The tokens of a dataset file in host memory, copied to the device batch by batch; labels are those of the file, as a
/// rule the tokens that follow.
template <class Space>
class TextSource final : public TokenSource<Space> {
 public:
  /// @throws ValueError if the samples are no tokens [T], have no labels [T] where `labelled`, or do not follow each
  ///         other where options.windows
  explicit TextSource(io::SampleTable table, TextOptions const& options = {}, bool labelled = true)
      : reader_(std::move(table), options, labelled) {}

  std::size_t tokens() const override { return reader_.tokens(); }
  std::size_t classes() const override { return reader_.classes(); }
  std::size_t size(Part part) const override { return reader_.rows(part).size(); }

  std::size_t fill(Space const& space, Part part, std::span<std::size_t const> samples, Random const* random,
                   Matrix<Label, Space> const& ids, Vector<Label, Space> const& labels) override {
    require_shape("krate::train::TextSource::fill", "ids", ids, {samples.size(), tokens()},
                  "samples asked for, and tokens of a sample");
    if constexpr (krate::impl::is_device<Space>) {
      space.fence(KRATE_LABEL("krate::train::TextSource: staging memory is free again"));
      ids_.resize(ids.size());
      labels_.resize(ids.size());
      std::size_t const counted = reader_.read(part, samples, random, ids_.data(), labels_.data());
      Kokkos::deep_copy(space, Vector<Label, Space>(ids.data(), ids.size()), Host(ids_.data(), ids_.size()));
      Kokkos::deep_copy(space, labels, Host(labels_.data(), labels_.size()));
      return counted;
    } else {
      return reader_.read(part, samples, random, ids.data(), labels.data());
    }
  }
  void prefetch(Part part, std::span<std::size_t const> samples, Random const* random) override {
    reader_.prefetch(part, samples, random);
  }

  io::SampleTable const& table() const { return reader_.table(); }
  /// Makes these rows of the file the train part, and those the test part: for evaluating any choice of rows.
  void select(std::vector<std::size_t> train, std::vector<std::size_t> test = {}) {
    reader_.select(std::move(train), std::move(test));
  }

 private:
  using Host = Kokkos::View<Label const*, Kokkos::HostSpace, krate::impl::Unmanaged>;

  TextReader reader_;
  std::vector<Label> ids_, labels_;
};

}  // namespace krate::train
