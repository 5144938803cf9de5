// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Samples over the threads of a host, each thread with scratch of its own. Host code only.
#pragma once

#include <algorithm>
#include <string>

#include "core/impl/flush_denormals.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

/// A sample is one thread's work from end to end, so the number of threads changes no bit.
template <class Space, class Form, class Shape>
class SampleLoop {
 public:
  static std::size_t bytes(std::size_t batch, Shape const& shape) {
    return measure<Space>([&](auto& work) {
      work.template take<std::byte>(std::min(batch, static_cast<std::size_t>(Kokkos::num_threads())), each(shape));
    });
  }
  /// @param work  as bytes() says; fewer threads work where it was measured for fewer
  SampleLoop(Space const& space, std::size_t batch, Shape const& shape, Workspace<Space> work)
      : space_(space), batch_(batch), shape_(shape) {
    std::size_t const fit = (work.capacity() - work.used()) / each(shape),
                      threads = static_cast<std::size_t>(space.concurrency());
    scratch_ = work.template take<std::byte>(std::max<std::size_t>(1, std::min({batch, threads, fit})), each(shape));
  }

  /// call(form, sample)
  template <class Call>
  void run(std::string const& label, Call const& call) const {
    Kokkos::parallel_for(label, elements(space_, scratch_.extent(0)), Worker<Call>{scratch_, shape_, batch_, call});
  }

 private:
  template <class Call>
  struct Worker {
    Matrix<std::byte, Space> scratch;
    Shape shape;
    std::size_t batch;
    Call call;
    void operator()(std::int64_t const index) const {
      auto const worker = static_cast<std::size_t>(index), workers = scratch.extent(0);
      Workspace<Space> own(&scratch(worker, 0), scratch.extent(1));
      FlushDenormals const flush;
      Form const form = Form::cut(own, shape);
      for (std::size_t b = batch * worker / workers; b < batch * (worker + 1) / workers; ++b) call(form, b);
    }
  };
  static std::size_t each(Shape const& shape) {
    return measure<Space>([&](auto& work) { Form::cut(work, shape); });
  }

  Space space_;
  std::size_t batch_;
  Shape shape_;
  Matrix<std::byte, Space> scratch_;
};

}  // namespace krate::impl
