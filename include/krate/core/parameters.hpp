// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "krate/core/types.hpp"

namespace krate {

/// How a parameter may be divided over ranks when a model outgrows one device.
enum class Split {
  replicated,  ///< every rank holds all of it
  by_head,     ///< rows are grouped by head
  by_column    ///< columns are grouped by head
};

/// What a layer says of one of its parameters.
struct ParameterSpec {
  std::string name;                ///< path inside a model file, e.g. "blocks/00/mssa/projection"
  std::vector<std::size_t> shape;  ///< row-major
  bool decay = true;               ///< weight decay applies
  Split split = Split::replicated;
};

/// One entry of a ParameterList. Where it owns the buffers, the entry lies at [offset, offset + size) of both.
struct Parameter : ParameterSpec {
  std::size_t offset = 0;  ///< also where its optimizer state begins
  std::size_t size = 0;
};

/// A stretch [begin, end) of the flat buffers.
struct ParameterRange {
  std::size_t begin = 0, end = 0;
};

/// All parameters of a model: names and shapes over one flat value buffer and one flat gradient buffer, in a fixed
/// order. Optimizers, reductions, clipping and checkpoints work on this list and know no model. Foreign Views can be
/// adopted, so that they serve models that krate did not build. Copies share the buffers.
template <class Space, class T>
class ParameterList {
 public:
  /// A stretch of values and gradients that is contiguous and has one weight decay.
  struct Segment {
    Vector<T, Space> value, gradient;
    std::size_t offset;  ///< of its optimizer state
    bool decay;
  };

  ParameterList() = default;

  /// Owns both buffers, zeroed. Tensors begin at multiples of 64 bytes; the padding stays zero.
  /// @note allocates: two buffers; fences: no
  ParameterList(Space const& space, std::vector<ParameterSpec> specs) {
    for (auto& spec : specs) append(std::move(spec));
    values_ = Buffer(Kokkos::view_alloc(space, "krate::parameters"), length_);
    gradients_ = Buffer(Kokkos::view_alloc(space, "krate::gradients"), length_);
    value_data_.reserve(entries_.size());
    for (auto const& p : entries_) {
      value_data_.push_back(values_.data() + p.offset);
      gradient_data_.push_back(gradients_.data() + p.offset);
      std::size_t const end = p.offset + padded(p.size);
      if (!segments_.empty() && segments_.back().decay == p.decay) {
        auto& s = segments_.back();
        s.value = Vector<T, Space>(values_.data() + s.offset, end - s.offset);
        s.gradient = Vector<T, Space>(gradients_.data() + s.offset, end - s.offset);
      } else {
        segments_.push_back({Vector<T, Space>(value_data_.back(), end - p.offset),
                             Vector<T, Space>(gradient_data_.back(), end - p.offset), p.offset, p.decay});
      }
    }
  }

  /// Adds a parameter whose value and gradient the caller owns; both must be contiguous and outlive the list.
  /// @throws ShapeError if the sizes differ; ValueError if the name is taken or a View has gaps
  template <class V, class G>
  void adopt(std::string name, V const& value, G const& gradient, bool decay = true) {
    constexpr char const* where = "krate::ParameterList::adopt";
    static_assert(std::is_same_v<typename V::value_type, T> && std::is_same_v<typename G::value_type, T>,
                  "value and gradient must have the list's scalar type");
    for (auto const& p : entries_) require_value(p.name != name, where, "name", name, "is already in the list");
    require_value(value.span_is_contiguous() && gradient.span_is_contiguous(), where, "name", name,
                  "belongs to a View with gaps; pass contiguous Views");
    if (value.size() != gradient.size()) {
      throw ShapeError(where, "the gradient of " + name + " has " + std::to_string(gradient.size()) +
                                  " elements, expected " + std::to_string(value.size()) + " (those of its value)");
    }
    std::vector<std::size_t> shape;
    for (unsigned r = 0; r < V::rank(); ++r) shape.push_back(value.extent(r));
    append({std::move(name), std::move(shape), decay, Split::replicated});
    value_data_.push_back(value.data());
    gradient_data_.push_back(gradient.data());
    segments_.push_back({Vector<T, Space>(value.data(), value.size()),
                         Vector<T, Space>(gradient.data(), gradient.size()), entries_.back().offset, decay});
  }

  std::span<Parameter const> entries() const { return entries_; }
  std::span<Segment const> segments() const { return segments_; }

  /// Number of parameters.
  std::size_t count() const {
    return std::accumulate(entries_.begin(), entries_.end(), std::size_t(0),
                           [](std::size_t sum, Parameter const& p) { return sum + p.size; });
  }
  /// Length of the flat index space, padding included: the length of one optimizer state.
  std::size_t length() const { return length_; }

  /// Position of a name. @throws ValueError if there is none
  std::size_t index(std::string const& name) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name == name) return i;
    }
    throw ValueError("krate::ParameterList::index", "there is no parameter named " + name);
  }

  Vector<T, Space> value(std::size_t i) const { return Vector<T, Space>(value_data_[i], entries_[i].size); }
  Vector<T, Space> gradient(std::size_t i) const { return Vector<T, Space>(gradient_data_[i], entries_[i].size); }
  /// The leading extent as rows, all others as columns.
  Matrix<T, Space> value_matrix(std::size_t i) const { return as_matrix_of(value_data_[i], entries_[i]); }
  Matrix<T, Space> gradient_matrix(std::size_t i) const { return as_matrix_of(gradient_data_[i], entries_[i]); }

 private:
  using Buffer = Kokkos::View<T*, Kokkos::LayoutRight, DeviceOf<Space>>;
  static constexpr std::size_t granule = 64 / sizeof(T);
  static std::size_t padded(std::size_t n) { return (n + granule - 1) / granule * granule; }
  static Matrix<T, Space> as_matrix_of(T* data, Parameter const& p) {
    std::size_t const rows = p.shape.empty() ? 1 : p.shape.front();
    return Matrix<T, Space>(data, rows, rows ? p.size / rows : 0);
  }
  void append(ParameterSpec spec) {
    Parameter p{std::move(spec), length_, 1};
    for (std::size_t const e : p.shape) p.size *= e;
    length_ += padded(p.size);
    entries_.push_back(std::move(p));
  }

  std::vector<Parameter> entries_;
  std::vector<Segment> segments_;
  std::vector<T*> value_data_, gradient_data_;
  Buffer values_, gradients_;
  std::size_t length_ = 0;
};

}  // namespace krate
