// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/io/sample_table.hpp"
#include "krate/train/token_source.hpp"

namespace krate::train {

struct TextOptions {
  /// Training sees stretches of the text that begin anywhere: each sample moves on by less than its own length, anew in
  /// each step. Needs a text whose samples follow each other; the end of a part bounds the last ones.
  bool windows = false;
  /// The part of the tokens that is to be filled in: they are the labels, all others are left out. Of these eight in
  /// ten become `mask_id`, one any token, and one stays. Source: Devlin et al. 2019 (BERT), section 3.1. 0: labels are
  /// the file's. An evaluation masks the same tokens each time.
  double masked = 0;
  Label mask_id = 0;
};

/// The tokens of a dataset file in host memory, copied to the device batch by batch; labels are those of the file, as a
/// rule the tokens that follow.
template <class Space>
class TextSource final : public TokenSource<Space> {
 public:
  /// @throws ValueError if the samples are no tokens [T], have no labels [T] where `labelled`, or do not follow each
  ///         other where options.windows
  explicit TextSource(io::SampleTable table, TextOptions const& options = {}, bool labelled = true)
      : table_(std::move(table)), options_(options) {
    constexpr char const* where = "krate::train::TextSource";
    auto const& about = table_.description();
    require_value(about.kind == io::SampleKind::tokens && about.sample_shape.size() == 1, where, "samples",
                  about.origin, "must hold tokens [n, T] in /samples/tokens");
    if (labelled) about.require_labels();
    require_value(!labelled || about.label_size() == tokens(), where, "labels", about.origin,
                  "must hold one label a token, [n, T]");
    train_ = about.indices(io::Subset::train);
    if (about.has_split()) test_ = about.indices(io::Subset::test);
    require_value(!options_.windows || follows(train_), where, "windows", about.origin,
                  "must hold a text whose samples follow each other, as krate data text makes it");
  }

  std::size_t tokens() const override { return table_.description().sample_size(); }
  std::size_t classes() const override { return static_cast<std::size_t>(table_.description().classes); }
  std::size_t size(Part part) const override { return rows(part).size(); }

  std::size_t fill(Space const& space, Part part, std::span<std::size_t const> samples, Random const* random,
                   Matrix<Label, Space> const& ids, Vector<Label, Space> const& labels) override {
    std::size_t const length = tokens();
    require_shape("krate::train::TextSource::fill", "ids", ids, {samples.size(), length},
                  "samples asked for, and tokens of a sample");
    if constexpr (krate::impl::is_device<Space>) {
      space.fence(KRATE_LABEL("krate::train::TextSource: staging memory is free again"));
      ids_.resize(ids.size());
      labels_.resize(ids.size());
      std::size_t const counted = take(part, samples, random, ids_.data(), labels_.data());
      Kokkos::deep_copy(space, Vector<Label, Space>(ids.data(), ids.size()), Host(ids_.data(), ids_.size()));
      Kokkos::deep_copy(space, labels, Host(labels_.data(), labels_.size()));
      return counted;
    } else {
      return take(part, samples, random, ids.data(), labels.data());
    }
  }

  io::SampleTable const& table() const { return table_; }
  /// Makes these rows of the file the train part, and those the test part: for evaluating any choice of rows.
  void select(std::vector<std::size_t> train, std::vector<std::size_t> test = {}) {
    train_ = std::move(train);
    test_ = std::move(test);
  }

 private:
  using Host = Kokkos::View<Label const*, Kokkos::HostSpace, krate::impl::Unmanaged>;
  std::vector<std::size_t> const& rows(Part part) const { return part == Part::train ? train_ : test_; }

  bool follows(std::vector<std::size_t> const& rows) const {
    std::vector<Label> next(tokens());
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
      table_.get_tokens(rows[i + 1], next.data());
      if (rows[i + 1] != rows[i] + 1 || table_.labels(rows[i]).back() != next.front()) return false;
    }
    return true;
  }

  std::size_t take(Part part, std::span<std::size_t const> samples, Random const* random, Label* ids, Label* labels) {
    std::size_t const length = tokens();
    auto const& chosen = rows(part);
    bool const labelled = table_.description().has_labels;
    row_.resize(length);
    std::size_t counted = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      std::size_t begin = samples[i] * length;  // in the text of this part
      if (options_.windows && random)
        begin = std::min(begin + random->below(samples[i], length), (chosen.size() - 1) * length);
      for (std::size_t t = 0; t < length;) {
        std::size_t const row = chosen[(begin + t) / length], from = (begin + t) % length,
                          count = std::min(length - from, length - t);
        table_.get_tokens(row, row_.data());
        std::copy_n(row_.data() + from, count, ids + i * length + t);
        Label* const to = labels + i * length + t;
        if (labelled) {
          std::copy_n(table_.labels(row).data() + from, count, to);
        } else {
          std::fill_n(to, count, io::ignored_label);
        }
        t += count;
      }
      if (options_.masked > 0) mask(part, samples[i], random, ids + i * length, labels + i * length);
    }
    for (std::size_t k = 0; k < samples.size() * length; ++k) counted += labels[k] >= 0;
    return counted;
  }

  void mask(Part part, std::size_t sample, Random const* random, Label* ids, Label* labels) const {
    constexpr std::uint32_t mask_stream = 0x4d41534b;  // "MASK"
    Random const draw = random ? *random : Random(Seed{}, mask_stream);
    for (std::size_t t = 0; t < tokens(); ++t) {
      // Behind the numbers that windows take.
      double const u = draw.uniform(size(part) + sample * tokens() + t) / options_.masked;
      labels[t] = u < 1 ? ids[t] : io::ignored_label;
      if (u < 0.8) {
        ids[t] = options_.mask_id;
      } else if (u < 0.9) {
        ids[t] = static_cast<Label>((u - 0.8) / 0.1 * static_cast<double>(classes()));
      }
    }
  }

  io::SampleTable table_;
  TextOptions options_;
  std::vector<std::size_t> train_, test_;
  std::vector<Label> row_, ids_, labels_;
};

}  // namespace krate::train
