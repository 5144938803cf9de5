// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/train/text_reader.hpp"

#include <algorithm>
#include <optional>

#include "krate/core/require.hpp"
#include "train/worker.hpp"

namespace krate::train {

/// A batch that is made ready before it is asked for.
class TextReader::Ahead {
 public:
  explicit Ahead(TextReader const& reader)
      : reader_(reader), worker_([this] {
          counted_ = reader_.load(part_, samples_, random_ ? &*random_ : nullptr, row_, ids_.data(), labels_.data());
        }) {}

  void begin(Part part, std::span<std::size_t const> samples, Random const* random) {
    worker_.wait();
    part_ = part;
    random_ = random ? std::optional(*random) : std::nullopt;
    samples_.assign(samples.begin(), samples.end());
    ids_.resize(samples.size() * reader_.tokens());
    labels_.resize(ids_.size());
    worker_.start();
  }
  /// Whether these are the samples that were made ready, with the same random numbers; waits for them.
  bool holds(Part part, std::span<std::size_t const> samples, Random const* random) {
    worker_.wait();
    bool const same_numbers = random ? random_ && random->bits(0) == random_->bits(0) : !random_;
    return part == part_ && same_numbers &&
           std::equal(samples.begin(), samples.end(), samples_.begin(), samples_.end());
  }
  std::size_t give(Label* ids, Label* labels) const {
    std::copy(ids_.begin(), ids_.end(), ids);
    std::copy(labels_.begin(), labels_.end(), labels);
    return counted_;
  }

 private:
  TextReader const& reader_;
  Part part_ = Part::train;
  std::optional<Random> random_;
  std::vector<std::size_t> samples_;
  std::vector<Label> row_, ids_, labels_;
  std::size_t counted_ = 0;
  Worker worker_;  // last: it ends before the rest does
};

TextReader::TextReader(io::SampleTable table, TextOptions const& options, bool labelled)
    : table_(std::move(table)), options_(options) {
  constexpr char const* where = "krate::train::TextSource";
  auto const& about = table_.description();
  require_value(about.kind == io::SampleKind::tokens && about.sample_shape.size() == 1, where, "samples", about.origin,
                "must hold tokens [n, T] in /samples/tokens");
  if (labelled) about.require_labels();
  require_value(!labelled || about.label_size() == tokens(), where, "labels", about.origin,
                "must hold one label a token, [n, T]");
  train_ = about.indices(io::Subset::train);
  if (about.has_split()) test_ = about.indices(io::Subset::test);
  require_value(!options_.windows || follows(train_), where, "windows", about.origin,
                "must hold a text whose samples follow each other, as krate data text makes it");
}

TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&& other) noexcept
    : table_((other.ahead_.reset(), std::move(other.table_))),  // it reads the members
      options_(other.options_),
      train_(std::move(other.train_)),
      test_(std::move(other.test_)) {}

void TextReader::select(std::vector<std::size_t> train, std::vector<std::size_t> test) {
  ahead_.reset();  // it reads them
  train_ = std::move(train);
  test_ = std::move(test);
}

std::size_t TextReader::read(Part part, std::span<std::size_t const> samples, Random const* random, Label* ids,
                             Label* labels) {
  if (ahead_ && ahead_->holds(part, samples, random)) return ahead_->give(ids, labels);
  return load(part, samples, random, row_, ids, labels);
}

void TextReader::prefetch(Part part, std::span<std::size_t const> samples, Random const* random) {
  if (samples.empty()) return;
  if (!ahead_) ahead_ = std::make_unique<Ahead>(*this);
  ahead_->begin(part, samples, random);
}

bool TextReader::follows(std::vector<std::size_t> const& rows) const {
  std::vector<Label> next(tokens());
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    table_.get_tokens(rows[i + 1], next.data());
    if (rows[i + 1] != rows[i] + 1 || table_.labels(rows[i]).back() != next.front()) return false;
  }
  return true;
}

std::size_t TextReader::load(Part part, std::span<std::size_t const> samples, Random const* random,
                             std::vector<Label>& row, Label* ids, Label* labels) const {
  std::size_t const length = tokens();
  auto const& chosen = rows(part);
  bool const labelled = table_.description().has_labels;
  row.resize(length);
  std::size_t counted = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t begin = samples[i] * length;  // in the text of this part
    if (options_.windows && random)
      begin = std::min(begin + random->below(samples[i], length), (chosen.size() - 1) * length);
    for (std::size_t t = 0; t < length;) {
      std::size_t const at = chosen[(begin + t) / length], from = (begin + t) % length,
                        count = std::min(length - from, length - t);
      table_.get_tokens(at, row.data());
      std::copy_n(row.data() + from, count, ids + i * length + t);
      Label* const to = labels + i * length + t;
      if (labelled) {
        std::copy_n(table_.labels(at).data() + from, count, to);
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

void TextReader::mask(Part part, std::size_t sample, Random const* random, Label* ids, Label* labels) const {
  constexpr std::uint32_t mask_stream = 0x4d41534b;  // "MASK"
  Random const draw = random ? *random : Random(Seed{}, mask_stream);
  for (std::size_t t = 0; t < tokens(); ++t) {
    // Behind the numbers that windows take.
    double const u = draw.uniform(rows(part).size() + sample * tokens() + t) / options_.masked;
    labels[t] = u < 1 ? ids[t] : io::ignored_label;
    if (u < 0.8) {
      ids[t] = options_.mask_id;
    } else if (u < 0.9) {
      ids[t] = static_cast<Label>((u - 0.8) / 0.1 * static_cast<double>(classes()));
    }
  }
}

}  // namespace krate::train
