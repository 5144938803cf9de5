// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/flax_tensors.hpp"

#include <algorithm>
#include <set>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"

namespace krate::tools {

namespace {

/// How the port arranges a tensor.
enum class Arrangement {
  same,
  convolution,  ///< [row, column, channel, out] becomes [out, channel, row, column]
  from_one,     ///< the first axis is the input of a linear map, the others its output
  from_two      ///< the first two axes are
};
struct Name {
  char const *flax, *port;
  Arrangement arrangement = Arrangement::same;
};
constexpr Name outside[] = {{"cls", "cls_token"},
                            {"pos_embedding", "pos_embedding"},
                            {"embedding/kernel", "conv1.weight", Arrangement::convolution},
                            {"embedding/bias", "conv1.bias"},
                            {"encoder_norm/scale", "mlp_head.0.weight"},
                            {"encoder_norm/bias", "mlp_head.0.bias"},
                            {"head/kernel", "mlp_head.1.weight", Arrangement::from_one},
                            {"head/bias", "mlp_head.1.bias"}};
constexpr char const *block = "Transformer/encoderblock_", *attention = "MultiHeadDotProductSubspaceAttention_0/";
constexpr Name in_block[] = {
    {"LayerNorm_0/scale", ".0.norm.weight"},
    {"LayerNorm_0/bias", ".0.norm.bias"},
    {"MultiHeadDotProductSubspaceAttention_0/proj/kernel", ".0.fn.qkv.weight", Arrangement::from_one},
    {"MultiHeadDotProductSubspaceAttention_0/out/kernel", ".0.fn.to_out.0.weight", Arrangement::from_two},
    {"LayerNorm_1/scale", ".1.norm.weight"},
    {"LayerNorm_1/bias", ".1.norm.bias"},
    {"OvercompleteISTABlock_0/D", ".1.fn.D"},
    {"OvercompleteISTABlock_0/D1", ".1.fn.D1"}};

std::string without_params(std::string const& name) {
  return name.starts_with("params/") ? name.substr(7) : name;
}

/// The port's name and arrangement.
std::pair<std::string, Arrangement> ported(std::string const& name) {
  for (auto const& n : outside)
    if (name == n.flax) return {n.port, n.arrangement};
  if (name.starts_with(block)) {
    auto const number = name.substr(std::string_view(block).size());
    auto const digits = number.find_first_not_of("0123456789");
    if (digits != 0 && digits != number.npos && number[digits] == '/') {
      for (auto const& n : in_block)
        if (number.substr(digits + 1) == n.flax)
          return {"transformer.layers." + number.substr(0, digits) + n.port, n.arrangement};
    }
  }
  return {name, Arrangement::same};
}

using Sizes = std::vector<std::size_t>;

std::size_t rank_of(Arrangement arrangement, std::string const& name) {
  if (arrangement == Arrangement::convolution) return 4;
  return name == "head/kernel" ? 2 : 3;
}

/// As a linear map sees the array: [inputs, outputs].
Sizes as_map(Sizes const& shape, Arrangement arrangement) {
  std::size_t const inputs = arrangement == Arrangement::from_one ? 1 : 2;
  Sizes sizes{1, 1};
  for (std::size_t i = 0; i < shape.size(); ++i) sizes[i >= inputs] *= shape[i];
  return sizes;
}

Sizes arranged(Sizes const& shape, Arrangement arrangement) {
  if (arrangement == Arrangement::same) return shape;
  if (arrangement == Arrangement::convolution) return {shape[3], shape[2], shape[0], shape[1]};
  auto const map = as_map(shape, arrangement);
  return {map[1], map[0]};
}

}  // namespace

FlaxTensors::FlaxTensors(std::string const& path) : archive_(bytes_of_file(path)), arrays_(npz_arrays(archive_)) {
  constexpr char const* where = "krate::import";
  std::set<Sizes> heads;
  std::set<std::string> names;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    auto const flax = without_params(arrays_[i].name);
    auto const& shape = arrays_[i].header.shape;
    if (!names.insert(flax).second) {
      throw IoError(where, path + ": arrays " + flax + " and params/" + flax +
                               " are the same without the prefix params/; leave one out");
    }
    auto const [name, arrangement] = ported(flax);
    if (arrangement != Arrangement::same && shape.size() != rank_of(arrangement, flax)) {
      throw IoError(where, path + ": array " + flax + " has shape " + krate::impl::shape_text(shape) + ", expected " +
                               std::to_string(rank_of(arrangement, flax)) + " axes; check that --family is the file's");
    }
    if (flax.find(attention) != flax.npos && shape.size() == 3)
      heads.insert(arrangement == Arrangement::from_one ? Sizes{shape[1], shape[2]} : Sizes{shape[0], shape[1]});
    tensors_.push_back({name, arrays_[i].header.type, arranged(shape, arrangement), i});
  }
  if (heads.size() > 1) {
    throw IoError(where, path + ": its blocks have different heads " + krate::impl::shape_text(*heads.begin()) +
                             " and " + krate::impl::shape_text(*heads.rbegin()) +
                             "; check that --family is the file's");
  }
  if (heads.size() == 1) metadata_["config"] = "{\"heads\":" + std::to_string(heads.begin()->front()) + "}";
  std::sort(tensors_.begin(), tensors_.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
}

template <class T>
void FlaxTensors::read(io::TensorInfo const& tensor, std::span<T> out) const {
  auto const& array = arrays_[tensor.begin];
  auto const arrangement = ported(without_params(array.name)).second;
  auto values = read_array<T>(archive_, array);
  if (arrangement == Arrangement::convolution) {
    values = permuted(values, array.header.shape, {3, 2, 0, 1});
  } else if (arrangement != Arrangement::same) {
    values = permuted(values, as_map(array.header.shape, arrangement), {1, 0});
  }
  require_value(values.size() == out.size(), "krate::import", "size", values.size(), "must be that of the tensor");
  std::copy(values.begin(), values.end(), out.begin());
}

}  // namespace krate::tools
