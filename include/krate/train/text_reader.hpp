// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "krate/core/random.hpp"
#include "krate/core/types.hpp"
#include "krate/io/sample_table.hpp"
#include "krate/train/batch_source.hpp"

namespace krate::train {

struct TextOptions {
  /// Training sees stretches of the text that begin anywhere: each sample moves on by less than its own length, anew in
  /// each epoch. Needs a text whose samples follow each other; the end of a part bounds the last ones.
  bool windows = false;
  /// The part of the tokens that is to be filled in: they are the labels, all others are left out. Of these eight in
  /// ten become `mask_id`, one any token, and one stays. Source: Devlin et al. 2019 (BERT), section 3.1. 0: labels are
  /// the file's. An evaluation masks the same tokens each time.
  double masked = 0;
  Label mask_id = 0;
};

/// Rows of tokens and labels from a dataset file in host memory. What prefetch() announces, a thread of the reader's
/// own makes ready in the meantime; it calls neither MPI nor HDF5 nor Kokkos.
class TextReader {
 public:
  /// @throws as TextSource
  TextReader(io::SampleTable table, TextOptions const& options, bool labelled);
  ~TextReader();
  TextReader(TextReader&&) noexcept;

  std::size_t tokens() const { return table_.description().sample_size(); }
  std::size_t classes() const { return static_cast<std::size_t>(table_.description().classes); }
  std::vector<std::size_t> const& rows(Part part) const { return part == Part::train ? train_ : test_; }
  io::SampleTable const& table() const { return table_; }
  void select(std::vector<std::size_t> train, std::vector<std::size_t> test);

  /// As TokenSource::fill(), to host memory.
  std::size_t read(Part part, std::span<std::size_t const> samples, Random const* random, Label* ids, Label* labels);
  /// As TokenSource::prefetch().
  void prefetch(Part part, std::span<std::size_t const> samples, Random const* random);

 private:
  class Ahead;
  bool follows(std::vector<std::size_t> const& rows) const;
  /// @param row  memory for a sample
  std::size_t load(Part part, std::span<std::size_t const> samples, Random const* random, std::vector<Label>& row,
                   Label* ids, Label* labels) const;
  void mask(Part part, std::size_t sample, Random const* random, Label* ids, Label* labels) const;

  io::SampleTable table_;
  TextOptions options_;
  std::vector<std::size_t> train_, test_;
  std::vector<Label> row_;
  std::unique_ptr<Ahead> ahead_;  ///< once prefetch() was called
};

}  // namespace krate::train
