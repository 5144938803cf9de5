// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "krate/core/parameters.hpp"
#include "krate/core/random.hpp"

namespace krate::models {

/// How a parameter starts.
struct Initial {
  enum Kind { zero, one, normal, uniform } kind = zero;
  double width = 0;  ///< standard deviation of `normal`, bound of `uniform`

  /// The default of linear layers in the authors' code: U(-b, b) with b = fan_in^-1/2.
  static Initial linear(std::size_t fan_in);
  /// Kaiming-uniform, fan-in, gain sqrt 2: b = (6 / fan_in)^1/2.
  static Initial kaiming(std::size_t fan_in);
  /// Glorot-uniform, also named after Xavier: b = (6 / (fan_in + fan_out))^1/2.
  static Initial glorot(std::size_t fan_in, std::size_t fan_out);
};

/// A parameter as the authors' files have it: under each of these names, where it is tied.
struct OfficialTensor {
  std::vector<std::string> names;
  std::vector<std::size_t> shape;
  std::size_t copies = 1;   ///< of the parameter, one after the other along the first axis
  bool transposed = false;  ///< a matrix with rows and columns exchanged
};

/// A linear map that some of the authors' files give as two, `weight` and `bias` and then `second`.weight and .bias:
/// their product is the map.
struct OfficialChain {
  std::size_t weight, bias;
  std::string second;
};

/// The parameters of a model family while its layers are being listed: our path, the authors' name, shape and start.
class ParameterTable {
 public:
  /// @returns the position in the list
  std::size_t add(std::string name, std::string official, std::vector<std::size_t> shape, Initial initial,
                  Split split = Split::replicated);

  /// Where the authors' tensor has further axes of 1.
  void set_official_shape(std::size_t parameter, std::vector<std::size_t> shape) {
    tensors_[parameter].shape = std::move(shape);
  }
  /// Where the authors' tensor holds the parameter several times along its first axis.
  void repeat_official(std::size_t parameter, std::size_t copies) {
    tensors_[parameter].copies = copies;
    tensors_[parameter].shape.front() *= copies;
  }
  /// Where the authors' matrix is multiplied from the other side.
  void transpose_official(std::size_t parameter) {
    auto& tensor = tensors_[parameter];
    tensor.transposed = true;
    std::swap(tensor.shape.front(), tensor.shape.back());
  }
  /// The authors' files have the parameter under this name as well.
  void tie(std::size_t parameter, std::string official) { tensors_[parameter].names.push_back(std::move(official)); }
  /// The authors' files may have a tensor of this name that is no parameter: it is read past.
  void add_buffer(std::string official) { buffers_.push_back(std::move(official)); }
  std::vector<std::string> const& buffers() const { return buffers_; }
  /// The authors' files hold other models beside this one, whose names all begin so.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  std::string const& prefix() const { return prefix_; }
  void set_initial(std::size_t parameter, Initial initial) { initials_[parameter] = initial; }
  /// Weight decay leaves out what has one axis only: biases and norms.
  void decay_matrices_only() {
    for (auto& spec : specs_) spec.decay = spec.shape.size() > 1;
  }
  /// No weight decay of this one.
  void spare(std::size_t parameter) { specs_[parameter].decay = false; }
  /// Weight decay for these parameters alone.
  void decay_only(std::span<std::size_t const> parameters) {
    for (auto& spec : specs_) spec.decay = false;
    for (auto const i : parameters) specs_[i].decay = true;
  }
  /// In the list, but not learnt: what batch norm collects, say. It does not count as a parameter.
  void set_collected(std::size_t parameter) { collected_.push_back(parameter); }
  std::vector<std::size_t> const& collected() const { return collected_; }
  /// Number of parameters, as authors count them.
  std::size_t count() const;
  void set_chain(OfficialChain chain) { chain_ = std::move(chain); }

  std::vector<ParameterSpec> const& specs() const { return specs_; }
  std::vector<Initial> const& initials() const { return initials_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official() const { return official_; }
  /// In the order of the list.
  std::vector<OfficialTensor> const& official_tensors() const { return tensors_; }
  std::optional<OfficialChain> const& chain() const { return chain_; }
  /// @throws ShapeError unless the list has these parameters
  template <class Space, class T>
  void require_list(ParameterList<Space, T> const& list) const {
    require_entries(list.entries());
  }

 private:
  void require_entries(std::span<Parameter const> entries) const;

  std::vector<ParameterSpec> specs_;
  std::vector<Initial> initials_;
  std::vector<std::string> official_, buffers_;
  std::string prefix_;
  std::vector<OfficialTensor> tensors_;
  std::optional<OfficialChain> chain_;
  std::vector<std::size_t> collected_;
};

/// Gives each parameter its start; the numbers depend on the seed and the position in the list, not on Space or
/// threads. @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class T>
void initialize(Space const& space, ParameterTable const& table, Seed seed, ParameterList<Space, T> const& list);

}  // namespace krate::models
