// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The flax tree of CRATE-alpha's JAX code.
#pragma once

#include "tools/npz.hpp"

namespace krate::tools {

/// An archive of the JAX code's parameters, by the names and in the shapes of the authors' PyTorch port; `params/` in
/// front of names may be there or not. Its metadata say how many heads there are, which the tree tells.
class FlaxTensors final : public io::TensorFile {
 public:
  /// @throws IoError for all that is wrong with the archive; names that the tree does not have keep theirs
  explicit FlaxTensors(std::string const& path);

  std::string const& path() const override { return archive_.origin; }
  io::Metadata const& metadata() const override { return metadata_; }
  std::span<io::TensorInfo const> tensors() const override { return tensors_; }
  void read_values(io::TensorInfo const& tensor, std::span<float> out) const override { read(tensor, out); }
  void read_values(io::TensorInfo const& tensor, std::span<double> out) const override { read(tensor, out); }

 private:
  template <class T>
  void read(io::TensorInfo const& tensor, std::span<T> out) const;

  Bytes archive_;
  io::Metadata metadata_;
  std::vector<NpzArray> arrays_;
  std::vector<io::TensorInfo> tensors_;  ///< `begin` is the position of the array
};

}  // namespace krate::tools
