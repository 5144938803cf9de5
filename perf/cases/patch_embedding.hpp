// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/nn/patch_embedding.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// Images into patches, with `backward` and back: it only moves numbers.
template <class Space, class T>
class PatchEmbeddingCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t batch = 0, channels = 3, image_size = 0, patch_size = 0;
    bool backward = false;
  };
  PatchEmbeddingCase(Space const& space, Options const& o) : options_(o) {
    std::size_t const grid = o.image_size / o.patch_size, values = o.channels * o.patch_size * o.patch_size;
    arena_ = allocate(space, [&](auto& work) {
      images_ = work.template take<T>(o.batch, o.channels, o.image_size, o.image_size);
      patches_ = work.template take<T>(o.batch * grid * grid, values);
    });
    fill_normal(space, images_, 1, 0);
  }
  void run(Space const& space) {
    PatchOptions const patch{options_.patch_size, options_.patch_size};
    patchify(space, images_, patch, patches_);
    if (options_.backward) patchify_backward(space, patches_, patch, images_);
  }
  Cost cost() const { return {0, (options_.backward ? 4.0 : 2.0) * static_cast<double>(images_.size()) * sizeof(T)}; }
  double tokens() const { return static_cast<double>(patches_.extent(0)); }
  Matrix<T, Space> output() const { return patches_; }

 private:
  Options options_;
  Tensor4<T, Space> images_;
  Matrix<T, Space> patches_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
