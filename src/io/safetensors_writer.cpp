// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "io/safetensors_header.hpp"
#include "io/tensor_elements.hpp"
#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "krate/io/safetensors.hpp"

namespace krate::io {

namespace {

constexpr char const* in_safetensors_writer = "krate::io::SafetensorsWriter";

// Wide elements first, so that each is aligned; then by name. Gives each its place.
std::uint64_t arrange(std::vector<TensorInfo>& tensors) {
  std::sort(tensors.begin(), tensors.end(),
            [](auto const& a, auto const& b) { return a.type != b.type ? a.type > b.type : a.name < b.name; });
  std::uint64_t bytes = 0;
  for (auto& tensor : tensors) {
    tensor.begin = bytes;
    bytes += tensor.bytes();
  }
  return bytes;
}

std::string header_of(std::vector<TensorInfo> const& tensors, Metadata const& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  nlohmann::ordered_json::object_t& members = header.get_ref<nlohmann::ordered_json::object_t&>();
  members.reserve(tensors.size() + 1);
  for (auto const& t : tensors) {  // not by name: that looks through all of them
    members.push_back({t.name, nlohmann::ordered_json{{"dtype", name_of(t.type)},
                                                      {"shape", t.shape},
                                                      {"data_offsets", {t.begin, t.begin + t.bytes()}}}});
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (nlohmann::json::type_error const&) {
    throw ValueError(in_safetensors_writer, "a name or the metadata is no UTF-8; give text in UTF-8");
  }
}

void require_distinct(std::vector<TensorInfo> const& tensors) {
  std::vector<std::string> names;
  for (auto const& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  auto const twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw ValueError(in_safetensors_writer, "the name " + shown(*twice) + " comes twice; give each one name");
  if (std::binary_search(names.begin(), names.end(), "__metadata__"))
    throw ValueError(in_safetensors_writer,
                     "a tensor cannot be named '__metadata__' (the format keeps that name); give another");
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::string const& path, std::vector<TensorInfo> tensors, Metadata const& metadata)
    : tensors_(std::move(tensors)), written_(tensors_.size(), false) {
  require_distinct(tensors_);
  std::uint64_t const data_bytes = arrange(tensors_);
  std::string const header = header_of(tensors_, metadata);
  data_ = 8 + header.size();
  bytes_ = data_ + data_bytes;
  target_ = AtomicPath(path);
  target_.reserve(bytes_);
  file_.open(target_.temporary(), std::ios::binary | std::ios::in | std::ios::out);
  char length[8];
  bits_to(length, 8, header.size());
  file_.write(length, 8);
  file_.write(header.data(), static_cast<std::streamsize>(header.size()));
  if (!file_) fail();
}

void SafetensorsWriter::fail() const {
  throw IoError(in_safetensors_writer, target_.path() + ": cannot be written (" +
                                           std::generic_category().message(errno) + "); check the disk");
}

TensorInfo& SafetensorsWriter::take(std::string const& name) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].name != name) continue;
    written_[i] = true;
    return tensors_[i];
  }
  throw ValueError(in_safetensors_writer, "tensor " + shown(name) + " was not announced; give it to the constructor");
}

template <class T>
void SafetensorsWriter::write(std::string const& name, std::type_identity_t<std::span<T const>> values) {
  TensorInfo const& tensor = take(name);
  if (!is_floating(tensor.type)) {
    throw ValueError(in_safetensors_writer, "tensor " + shown(name) + " was announced as " + name_of(tensor.type) +
                                                ", expected floating-point numbers");
  }
  if (tensor.size() != values.size()) {
    throw ShapeError(in_safetensors_writer, "tensor " + shown(name) + " has shape " +
                                                krate::impl::shape_text(tensor.shape) + ", but was given " +
                                                std::to_string(values.size()) + " elements");
  }
  file_.seekp(static_cast<std::streamoff>(data_ + tensor.begin));
  if (same_bytes<T>(tensor.type)) {
    file_.write(reinterpret_cast<char const*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
    if (!file_) fail();
    return;
  }
  auto const from = format_of<T>(), to = format_of(tensor.type);
  std::size_t const width = bytes_of(tensor.type);
  std::vector<char> piece(std::min(values.size(), piece_elements) * width);
  for (std::size_t done = 0; done < values.size(); done += piece_elements) {
    std::size_t const count = std::min(piece_elements, values.size() - done);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t const bits = std::bit_cast<BitsOf<T>>(values[done + i]), narrow = converted(bits, from, to);
      if (from.is_finite(bits) && !to.is_finite(narrow)) {
        throw NumericalError(in_safetensors_writer,
                             "tensor " + shown(name) + " holds " + krate::impl::value_text(values[done + i]) +
                                 ", which is beyond " + name_of(tensor.type) + "; use BF16 or a wider type");
      }
      bits_to(piece.data() + i * width, width, narrow);
    }
    file_.write(piece.data(), static_cast<std::streamsize>(count * width));
  }
  if (!file_) fail();
}
template void SafetensorsWriter::write<float>(std::string const&, std::span<float const>);
template void SafetensorsWriter::write<double>(std::string const&, std::span<double const>);

void SafetensorsWriter::commit() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!written_[i])
      throw ValueError(in_safetensors_writer,
                       "tensor " + shown(tensors_[i].name) + " was announced, but not written; write it");
  }
  file_.close();
  if (!file_) fail();
  target_.commit(static_cast<std::size_t>(bytes_));
}

}  // namespace krate::io
