// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

#include "io/floating_format.hpp"
#include "io/safetensors_header.hpp"
#include "io/tensor_elements.hpp"
#include "krate/core/error.hpp"
#include "krate/core/require.hpp"

namespace krate::io {

namespace {

constexpr char const* in_safetensors = "krate::io::SafetensorsReader";

void require_regular(std::string const& path) {
  std::error_code error;
  auto const status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw IoError(in_safetensors, path + ": no such file; check the name");
  if (error)
    throw IoError(in_safetensors, path + ": cannot be opened (" + error.message() + "); check name and permission");
  if (!std::filesystem::is_regular_file(status))
    throw IoError(in_safetensors, path + ": is not a regular file; name a safetensors file");
}

std::int64_t integer_from(char const* bytes, TensorType type) {
  std::uint64_t value = bits_from(bytes, bytes_of(type));
  switch (type) {
    case TensorType::i8:
      return static_cast<std::int8_t>(value);
    case TensorType::i16:
      return static_cast<std::int16_t>(value);
    case TensorType::i32:
      return static_cast<std::int32_t>(value);
    case TensorType::i64:
      return static_cast<std::int64_t>(value);
    default:
      return static_cast<std::int64_t>(
          std::min<std::uint64_t>(value, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
  }
}

template <class T>
T element_from(char const* bytes, TensorType type) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return integer_from(bytes, type);
  } else {
    return floating_from<T>(bytes, type);
  }
}

}  // namespace

SafetensorsReader::SafetensorsReader(std::string path) : path_(std::move(path)) {
  require_regular(path_);
  std::error_code error;
  std::uint64_t const bytes = std::filesystem::file_size(path_, error);
  file_.open(path_, std::ios::binary);
  if (error || !file_) throw IoError(in_safetensors, path_ + ": cannot be opened; check name and permission");
  std::string first(8, '\0');
  if (bytes >= 8) read_bytes(0, first);
  std::string header(safetensors_header_bytes(path_, first, bytes), '\0');
  data_ = 8 + header.size();
  read_bytes(8, header);
  auto parsed = parse_safetensors_header(path_, header, bytes - data_);
  metadata_ = std::move(parsed.metadata);
  tensors_ = std::move(parsed.tensors);
  std::sort(tensors_.begin(), tensors_.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
}

void SafetensorsReader::read_bytes(std::uint64_t begin, std::span<char> out) const {
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(begin));
  if (!file_.read(out.data(), static_cast<std::streamsize>(out.size())))
    throw IoError(in_safetensors, path_ + ": cannot be read to its end; take another copy of the file");
}

template <class T>
void SafetensorsReader::read(TensorInfo const& tensor, std::type_identity_t<std::span<T>> out) const {
  if (is_floating(tensor.type) == std::is_same_v<T, std::int64_t>) {
    throw ValueError(in_safetensors, path_ + ": tensor " + shown(tensor.name) + " is " + name_of(tensor.type) +
                                         ", expected " +
                                         (is_floating(tensor.type) ? "integers" : "floating-point numbers"));
  }
  if (tensor.size() != out.size()) {
    throw ShapeError(in_safetensors, path_ + ": tensor " + shown(tensor.name) + " has shape " +
                                         krate::impl::shape_text(tensor.shape) + ", but there is room for " +
                                         std::to_string(out.size()) + " elements");
  }
  if (same_bytes<T>(tensor.type))
    return read_bytes(data_ + tensor.begin, {reinterpret_cast<char*>(out.data()), out.size_bytes()});
  std::size_t const width = bytes_of(tensor.type);
  std::vector<char> piece(std::min(out.size(), piece_elements) * width);
  for (std::size_t done = 0; done < out.size(); done += piece_elements) {
    std::size_t const count = std::min(piece_elements, out.size() - done);
    read_bytes(data_ + tensor.begin + done * width, {piece.data(), count * width});
    for (std::size_t i = 0; i < count; ++i) out[done + i] = element_from<T>(piece.data() + i * width, tensor.type);
  }
}
template void SafetensorsReader::read<float>(TensorInfo const&, std::span<float>) const;
template void SafetensorsReader::read<double>(TensorInfo const&, std::span<double>) const;
template void SafetensorsReader::read<std::int64_t>(TensorInfo const&, std::span<std::int64_t>) const;

}  // namespace krate::io
