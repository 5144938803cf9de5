// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/safetensors_header.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "krate/core/error.hpp"

namespace krate::io {

namespace {

using nlohmann::json;

constexpr std::size_t most_header_bytes = 100'000'000;  // as the official library has it
constexpr std::size_t most_axes = 32;

[[noreturn]] void refuse(std::string const& path, std::string const& what) {
  throw IoError("krate::io::SafetensorsReader", path + ": " + what + "; take another copy of the file");
}

struct TypeRow {
  TensorType type;
  char const* name;
  std::size_t bytes;
};
constexpr TypeRow types[] = {{TensorType::boolean, "BOOL", 1}, {TensorType::u8, "U8", 1},   {TensorType::i8, "I8", 1},
                             {TensorType::i16, "I16", 2},      {TensorType::u16, "U16", 2}, {TensorType::f16, "F16", 2},
                             {TensorType::bf16, "BF16", 2},    {TensorType::i32, "I32", 4}, {TensorType::u32, "U32", 4},
                             {TensorType::f32, "F32", 4},      {TensorType::f64, "F64", 8}, {TensorType::i64, "I64", 8},
                             {TensorType::u64, "U64", 8}};

TypeRow const& row_of(TensorType type) {
  return *std::find_if(std::begin(types), std::end(types), [&](auto const& row) { return row.type == type; });
}

// Takes the events of the JSON parser; nothing else of the header is kept.
class Handler final : public json::json_sax_t {
 public:
  Handler(std::string const& path, SafetensorsHeader& header) : path_(path), header_(header) {}

  /// Where each tensor's bytes end, in the order of the header.
  std::vector<std::uint64_t> const& ends() const { return ends_; }

  bool start_object(std::size_t) override {
    if (list_ || depth_ == 2) misplaced("an object");
    ++depth_;
    if (depth_ == 2) {
      fields_ = 0;
      if (!in_metadata()) {
        header_.tensors.emplace_back();
        header_.tensors.back().name = name_;
      }
    }
    return true;
  }
  bool key(std::string& text) override {
    if (depth_ == 1 && !names_.insert(text).second) refuse(path_, "its header has the name " + shown(text) + " twice");
    (depth_ == 1 ? name_ : field_) = std::move(text);
    if (depth_ == 2) begin_field();
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata()) {
      for (int i = 0; i < 3; ++i)
        if (!(fields_ >> i & 1)) refuse(path_, tensor() + " has no " + field_names[i]);
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || list_ || in_metadata() || field_ == "dtype") misplaced("a list");
    list_ = field_ == "shape" ? &shape_ : &offsets_;
    return true;
  }
  bool end_array() override {
    if (field_ == "shape") header_.tensors.back().shape.assign(shape_.begin(), shape_.end());
    if (field_ == "data_offsets") finish_offsets();
    list_ = nullptr;
    return true;
  }
  bool number_unsigned(std::uint64_t value) override {
    if (!list_) misplaced("a number");
    if (list_->size() == (list_ == &shape_ ? most_axes : 2))
      refuse(path_, tensor() + ": its " + field_ + " has more than " + std::to_string(list_->size()) + " numbers");
    list_->push_back(value);
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ != 2 || list_) misplaced("a text");
    if (in_metadata()) {
      header_.metadata[field_] = std::move(text);
      return true;
    }
    if (field_ != "dtype") misplaced("a text");
    auto const type = tensor_type(text);
    if (!type || text != name_of(*type)) {
      throw IoError("krate::io::SafetensorsReader", path_ + ": " + tensor() + " has the dtype " + shown(text) +
                                                        ", which krate does not read; convert it to F32, F16 or BF16");
    }
    header_.tensors.back().type = *type;
    return true;
  }
  bool null() override { misplaced("null"); }
  bool boolean(bool) override { misplaced("true or false"); }
  bool number_integer(std::int64_t) override { misplaced("a negative number"); }
  bool number_float(double, std::string const&) override { misplaced("a number with a fraction, or beyond 2^64,"); }
  bool binary(json::binary_t&) override { misplaced("binary data"); }
  bool parse_error(std::size_t byte, std::string const&, nlohmann::detail::exception const&) override {
    refuse(path_, "its header is no JSON in UTF-8 (byte " + std::to_string(byte) + " does not belong there)");
  }

 private:
  static constexpr char const* field_names[] = {"dtype", "shape", "data_offsets"};

  bool in_metadata() const { return name_ == "__metadata__"; }
  std::string tensor() const { return "tensor " + shown(name_); }
  [[noreturn]] void misplaced(std::string const& found) const {
    std::string const at = depth_ == 0   ? "begins with "
                           : depth_ == 1 ? "gives " + shown(name_) + " as "
                                         : "gives " + shown(field_) + " of " + shown(name_) + " as ";
    refuse(path_, "its header " + at + found + ", expected " +
                      (depth_ == 0                          ? "an object"
                       : depth_ == 1                        ? "an object"
                       : in_metadata() || field_ == "dtype" ? "a text"
                                                            : "a list of whole numbers from 0 up"));
  }
  void begin_field() {
    if (in_metadata()) {
      if (header_.metadata.count(field_)) refuse(path_, "its metadata have the key " + shown(field_) + " twice");
      return;
    }
    auto const* const found = std::find(std::begin(field_names), std::end(field_names), field_);
    if (found == std::end(field_names)) refuse(path_, tensor() + " has a field " + shown(field_) + " of no meaning");
    int const bit = 1 << (found - std::begin(field_names));
    if (fields_ & bit) refuse(path_, tensor() + " has the field " + field_ + " twice");
    fields_ |= bit;
    shape_.clear();
    offsets_.clear();
  }
  void finish_offsets() {
    if (offsets_.size() != 2 || offsets_[0] > offsets_[1])
      refuse(path_, tensor() + ": its data_offsets are no [begin, end]");
    header_.tensors.back().begin = offsets_[0];
    ends_.push_back(offsets_[1]);
  }

  std::string const& path_;
  SafetensorsHeader& header_;
  int depth_ = 0, fields_ = 0;
  std::string name_{}, field_{};
  std::set<std::string> names_{};
  std::vector<std::uint64_t> ends_{}, shape_{}, offsets_{}, *list_ = nullptr;
};

// The bytes that shape and type make.
std::uint64_t bytes_needed(std::string const& path, TensorInfo const& tensor) {
  std::uint64_t bytes = bytes_of(tensor.type);
  for (std::uint64_t const extent : tensor.shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      refuse(path, "tensor " + shown(tensor.name) + " has an impossible shape (more than 2^64 bytes)");
  }
  return bytes;
}

}  // namespace

char const* name_of(TensorType type) {
  return row_of(type).name;
}

std::optional<TensorType> tensor_type(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (auto const& row : types)
    if (upper == row.name) return row.type;
  return {};
}

std::size_t bytes_of(TensorType type) {
  return row_of(type).bytes;
}

bool is_floating(TensorType type) {
  return *name_of(type) == 'F' || type == TensorType::bf16;
}

std::string shown(std::string_view name) {
  std::string text = "'";
  for (char const c : name.substr(0, 80)) text += std::iscntrl(static_cast<unsigned char>(c)) ? '?' : c;
  return text + (name.size() > 80 ? "...'" : "'");
}

std::size_t safetensors_header_bytes(std::string const& path, std::string_view first, std::uint64_t file_bytes) {
  if (first.size() < 8 || file_bytes < 8)
    refuse(path, "is no safetensors file: it has " + std::to_string(file_bytes) + " bytes, expected at least 8");
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(first[i]);
  if (length > file_bytes - 8) {
    refuse(path, "is no safetensors file, or is cut short: its header should have " + std::to_string(length) +
                     " bytes, but only " + std::to_string(file_bytes - 8) + " are there");
  }
  if (length > most_header_bytes) {
    refuse(path, "its header has " + std::to_string(length) + " bytes, expected at most " +
                     std::to_string(most_header_bytes));
  }
  return static_cast<std::size_t>(length);
}

SafetensorsHeader parse_safetensors_header(std::string const& path, std::string_view text, std::uint64_t data_bytes) {
  SafetensorsHeader header;
  Handler handler(path, header);
  json::sax_parse(text.begin(), text.end(), &handler);
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    auto const& tensor = header.tensors[i];
    std::uint64_t const needed = bytes_needed(path, tensor), given = handler.ends()[i] - tensor.begin;
    if (handler.ends()[i] > data_bytes) {
      refuse(path, "tensor " + shown(tensor.name) + " ends at byte " + std::to_string(handler.ends()[i]) + " of " +
                       std::to_string(data_bytes) + " (the file is cut short?)");
    }
    if (needed != given) {
      refuse(path, "tensor " + shown(tensor.name) + " has " + std::to_string(given) +
                       " bytes, but its shape and dtype make " + std::to_string(needed));
    }
  }
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](auto const& a, auto const& b) { return std::pair(a.begin, a.bytes()) < std::pair(b.begin, b.bytes()); });
  std::uint64_t end = 0;
  for (auto const& tensor : header.tensors) {
    if (tensor.begin != end) {
      refuse(path, "tensor " + shown(tensor.name) + " begins at byte " + std::to_string(tensor.begin) +
                       ", but the one before it ends at " + std::to_string(end) +
                       (tensor.begin < end ? " (they overlap)" : " (there is a hole)"));
    }
    end += tensor.bytes();
  }
  if (end != data_bytes) {
    refuse(path, "has " + std::to_string(data_bytes - end) + " bytes behind its last tensor, expected none");
  }
  return header;
}

}  // namespace krate::io
