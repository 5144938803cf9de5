// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data csv: a table of numbers, one sample a line.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "krate/core/error.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_data_csv = "krate::data csv";

struct CsvOptions {
  std::string file{}, label_column = "last";
  std::vector<std::size_t> shape{};
  std::optional<double> scale{}, bias{};
};

std::string_view trimmed(std::string_view text) {
  auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '"'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view cell) {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  auto const [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (cell.empty() || error != std::errc() || end != cell.data() + cell.size()) return {};
  return value;
}

// Reads lines; remembers where it is, for messages.
class CsvReader {
 public:
  explicit CsvReader(CsvOptions const& options) : options_(options), text_(read_file(options.file)) {
    for (std::size_t const extent : options.shape) size_ *= extent;
  }

  NewDataset read() {
    std::string_view rest = text_;
    while (!rest.empty()) {
      auto const end = std::min(rest.find('\n'), rest.size());
      std::string_view const line = trimmed(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      ++line_;
      if (line.empty()) continue;
      split(line);
      if (rows_ == 0 && is_header()) continue;
      take_row();
      ++rows_;
    }
    if (rows_ == 0) throw IoError(in_data_csv, options_.file + ": has no samples; name a file with one sample a line");
    return finish();
  }

 private:
  [[noreturn]] void refuse(std::size_t column, std::string const& what) const {
    throw IoError(in_data_csv, options_.file + ": row " + std::to_string(line_) + ", column " +
                                   std::to_string(column + 1) + " is '" + std::string(cells_[column].substr(0, 40)) +
                                   "', " + what + "; correct the file");
  }

  void split(std::string_view line) {
    cells_.clear();
    for (std::size_t begin = 0; begin <= line.size();) {
      auto const comma = std::min(line.find(',', begin), line.size());
      cells_.push_back(trimmed(line.substr(begin, comma - begin)));
      begin = comma + 1;
    }
  }

  // Names of columns: a first line in which nothing is a number.
  bool is_header() const {
    bool const first = !std::exchange(seen_first_, true);
    return first && std::none_of(cells_.begin(), cells_.end(), [](auto c) { return number(c).has_value(); });
  }

  std::optional<std::size_t> label_column() const {
    auto const& word = options_.label_column;
    if (word == "none") return {};
    if (word == "first") return std::size_t(0);
    if (word == "last") return size_;
    std::size_t column = 0;
    auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), column);
    if (error != std::errc() || end != word.data() + word.size() || column < 1 || column > size_ + 1) {
      throw ValueError(in_data_csv, "--label-column = " + word +
                                        ", but it must be first, last, none, or a column from 1 to " +
                                        std::to_string(size_ + 1) + "; see krate data csv --help");
    }
    return column - 1;
  }

  void take_row() {
    auto const label = label_column();
    std::size_t const expected = size_ + (label ? 1 : 0);
    if (cells_.size() != expected) {
      throw IoError(in_data_csv, options_.file + ": row " + std::to_string(line_) + " has " +
                                     std::to_string(cells_.size()) + " columns, expected " + std::to_string(expected) +
                                     " (--shape makes " + std::to_string(size_) +
                                     (label ? ", and a label" : ", and no label") +
                                     "); correct the file, --shape or --label-column");
    }
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      auto const value = number(cells_[c]);
      if (!value) refuse(c, "which is not a number");
      if (!std::isfinite(*value)) refuse(c, "expected finite numbers");
      if (label && c == *label) {
        bool const good = *value == std::floor(*value) && *value >= 0 && *value < std::numeric_limits<Label>::max();
        if (!good) refuse(c, "but labels must be integers from 0 up");
        labels_.push_back(static_cast<Label>(*value));
        continue;
      }
      bytes_only_ = bytes_only_ && *value >= 0 && *value <= 255 && *value == std::floor(*value);
      if (std::abs(*value) > std::numeric_limits<float>::max()) refuse(c, "which is beyond single precision");
      values_.push_back(static_cast<float>(*value));
    }
  }

  NewDataset finish() {
    NewDataset made;
    made.kind = options_.shape.size() == 1 ? io::SampleKind::features : io::SampleKind::images;
    made.sample_shape = options_.shape;
    if (made.kind == io::SampleKind::images && bytes_only_) {
      made.bytes.assign(values_.begin(), values_.end());
    } else {
      made.numbers = std::move(values_);
    }
    made.scale = options_.scale.value_or(made.bytes.empty() ? 1 : 1.0 / 255);
    made.bias = options_.bias.value_or(0);
    made.description = "made from a table of numbers";
    made.labels = std::move(labels_);
    made.split = stratified_split(made.labels.empty() ? std::vector<Label>(rows_, 0) : made.labels);
    return made;
  }

  CsvOptions const& options_;
  std::string text_;
  std::vector<std::string_view> cells_{};
  std::vector<float> values_{};
  std::vector<Label> labels_{};
  std::size_t size_ = 1, rows_ = 0, line_ = 0;
  bool bytes_only_ = true;
  mutable bool seen_first_ = false;
};

void check_shape(std::vector<std::size_t>& shape) {
  std::size_t size = 1;
  for (std::size_t const extent : shape) size *= std::min<std::size_t>(extent, 1 << 20);
  if (shape.empty() || shape.size() > 3 || size == 0 || size > (std::size_t(1) << 24)) {
    throw ValueError(in_data_csv,
                     "--shape must be channels,rows,columns, or rows,columns, or the number of features; "
                     "give for example --shape 1,28,28");
  }
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
}

}  // namespace

void add_data_csv(cli::App& data, Context& context) {
  auto const command =
      add_source(data, context, "csv", "A table of numbers, one sample a line, plain or .gz",
                 "krate data csv digits.csv.gz --shape 1,8,8 --label-column last --scale 0.0625 -o digits.h5");
  auto const o = std::make_shared<CsvOptions>();
  command.app->add_option("file", o->file, "Cells are separated by commas; a first line of names is skipped")
      ->required()
      ->option_text("FILE");
  command.app->add_option("--shape", o->shape, "Channels, rows and columns of an image, or the number of features")
      ->required()
      ->delimiter(',')
      ->option_text("C,H,W|N");
  command.app
      ->add_option("--label-column", o->label_column, "Where the label stands: first, last, a number from 1, or none")
      ->option_text("WHERE [last]");
  command.app
      ->add_option("--scale", o->scale,
                   "A pixel is value * scale + bias [1/255 for images of integers 0 to 255, else 1]")
      ->option_text("NUMBER");
  command.app->add_option("--bias", o->bias, "See --scale [0]")->option_text("NUMBER");
  command.app->callback([&context, o, output = command.output] {
    check_shape(o->shape);
    context.comm().guarded([&] { require_other(*output, {o->file}); });
    make_dataset(context, *output, [&] { return CsvReader(*o).read(); });
  });
}

}  // namespace krate::tools
