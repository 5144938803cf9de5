// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/npz.hpp"

#include <charconv>
#include <numeric>
#include <optional>
#include <set>

#include "io/tensor_elements.hpp"
#include "krate/core/error.hpp"

namespace krate::tools {

namespace {

[[noreturn]] void fail_npz(std::string const& origin, std::string const& what, char const* advice) {
  throw IoError("krate::import", origin + ": " + what + "; " + advice);
}
constexpr char const* other_copy = "take another copy of the file";

std::string shown(std::string_view text) {
  std::string clean;
  for (char const c : text.substr(0, 100)) clean += c >= ' ' && c <= '~' ? c : '?';
  return clean;
}

/// The value of a key in the text of a Python dictionary: up to the comma or brace outside of parentheses and quotes.
std::optional<std::string_view> value_of(std::string_view dictionary, std::string const& key) {
  auto const at = dictionary.find("'" + key + "':");
  if (at == dictionary.npos) return {};
  auto rest = dictionary.substr(at + key.size() + 3);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  int open = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    char const c = rest[i];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    open += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (open == 0 && (c == ',' || c == '}')) return rest.substr(0, i);
  }
  return {};
}

std::optional<io::TensorType> type_of(std::string_view descr) {
  if (descr == "'<f2'") return io::TensorType::f16;
  if (descr == "'<f4'") return io::TensorType::f32;
  if (descr == "'<f8'") return io::TensorType::f64;
  if (descr == "'|V2'" || descr == "'<V2'") return io::TensorType::bf16;  // as NumPy has it without a name for it
  return {};
}

/// "(3, 4)", "(3,)", "()"
std::optional<std::vector<std::size_t>> shape_of(std::string_view text) {
  if (!text.starts_with('(') || !text.ends_with(')')) return {};
  text = text.substr(1, text.size() - 2);
  std::vector<std::size_t> shape;
  while (true) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    if (text.empty()) return shape;
    std::size_t extent = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc() || shape.size() == 32) return {};
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(','))
      text.remove_prefix(1);
    else if (!text.empty())
      return {};
  }
}

}  // namespace

NpyHeader parse_npy_header(std::string const& origin, std::string_view text, std::uint64_t size) {
  auto const byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(text[i])); };
  if (text.size() < 12 || !text.starts_with("\x93NUMPY")) fail_npz(origin, "is no NumPy array", other_copy);
  bool const wide = byte(6) > 1;
  std::size_t length = byte(8) | byte(9) << 8;
  if (wide) length |= byte(10) << 16 | byte(11) << 24;
  NpyHeader header;
  header.data = (wide ? 12 : 10) + length;
  if (byte(6) < 1 || byte(6) > 3 || header.data > text.size()) fail_npz(origin, "its header is damaged", other_copy);
  auto const dictionary = text.substr(wide ? 12 : 10, length);
  auto const descr = value_of(dictionary, "descr"), order = value_of(dictionary, "fortran_order"),
             extents = value_of(dictionary, "shape");
  if (!descr || !order || !extents || (*order != "True" && *order != "False"))
    fail_npz(origin, "its header is damaged", other_copy);
  auto const type = type_of(*descr);
  if (!type) {
    fail_npz(origin,
             "has elements of the type " + shown(*descr) + ", expected '<f2', '<f4', '<f8' or bfloat16 as '|V2'",
             "save it as numpy.float32");
  }
  auto const shape = shape_of(*extents);
  if (!shape) fail_npz(origin, "has the shape " + shown(*extents) + ", expected a list of whole numbers", other_copy);
  header.type = *type;
  header.shape = *shape;
  header.column_major = *order == "True";
  std::uint64_t bytes = io::bytes_of(*type);
  for (auto const extent : *shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) fail_npz(origin, "has too large a shape", other_copy);
  if (bytes != size - header.data) {
    fail_npz(origin,
             "has " + std::to_string(size - header.data) + " bytes of elements, but its shape " + shown(*extents) +
                 " needs " + std::to_string(bytes),
             other_copy);
  }
  return header;
}

std::vector<NpzArray> npz_arrays(Bytes const& archive) {
  std::vector<NpzArray> arrays;
  std::set<std::string> names;
  for (auto& entry : zip_entries(archive)) {
    std::string name = entry.name;
    if (!name.ends_with(".npy"))
      fail_npz(archive.origin, "entry " + shown(name) + " is no array (.npy)", "give an archive that numpy.savez made");
    name.erase(name.size() - 4);
    if (!names.insert(name).second) fail_npz(archive.origin, "has two arrays named " + shown(name), "leave one out");
    std::string first(std::min<std::uint64_t>(entry.size, npy_header_bytes), '\0');
    unpack(archive, entry, first);
    auto const header = parse_npy_header(archive.origin + ": array " + shown(name), first, entry.size);
    arrays.push_back({std::move(name), header, std::move(entry)});
  }
  return arrays;
}

template <class T>
std::vector<T> read_array(Bytes const& archive, NpzArray const& array) {
  auto const& header = array.header;
  std::vector<char> bytes(array.entry.size);
  unpack(archive, array.entry, bytes);
  std::size_t const width = io::bytes_of(header.type);
  std::vector<T> values((bytes.size() - header.data) / width);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = io::floating_from<T>(bytes.data() + header.data + i * width, header.type);
  if (!header.column_major) return values;
  std::vector<std::size_t> const reversed(header.shape.rbegin(), header.shape.rend());
  std::vector<std::size_t> axes(reversed.size());
  std::iota(axes.rbegin(), axes.rend(), std::size_t(0));
  return permuted(values, reversed, axes);
}

template <class T>
std::vector<T> permuted(std::vector<T> const& values, std::vector<std::size_t> const& shape,
                        std::vector<std::size_t> const& axes) {
  std::size_t const rank = shape.size();
  std::vector<std::size_t> steps(rank, 1), at(rank, 0);
  for (std::size_t i = rank; i-- > 1;) steps[i - 1] = steps[i] * shape[i];
  std::vector<T> out;
  out.reserve(values.size());
  for (std::size_t n = 0, from = 0; n < values.size(); ++n) {
    out.push_back(values[from]);
    for (std::size_t i = rank; i-- > 0;) {
      auto const axis = axes[i];
      from += steps[axis];
      if (++at[i] < shape[axis]) break;
      from -= at[i] * steps[axis];
      at[i] = 0;
    }
  }
  return out;
}

template std::vector<float> read_array<float>(Bytes const&, NpzArray const&);
template std::vector<double> read_array<double>(Bytes const&, NpzArray const&);
template std::vector<float> permuted(std::vector<float> const&, std::vector<std::size_t> const&,
                                     std::vector<std::size_t> const&);
template std::vector<double> permuted(std::vector<double> const&, std::vector<std::size_t> const&,
                                      std::vector<std::size_t> const&);

}  // namespace krate::tools
