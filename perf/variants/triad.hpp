// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"

namespace krate::perf {

template <class Space, class T>
struct Triad {
  ConstVector<T, Space> b, c;
  Vector<T, Space> a;
  T s;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { a(i) = b(i) + s * c(i); }
};

/// a = b + s c over arrays far beyond any cache: the bandwidth of memory, three streams counted.
template <class Space, class T>
class TriadCase {
 public:
  using Arithmetic = T;
  struct Options {
    /// No power of two, so that the three streams do not fall on the same cache sets.
    std::size_t elements = (std::size_t(1) << 24) + 12 * 1024 + 48;
  };
  TriadCase(Space const& space, Options const& o) {
    arena_ = allocate(space, [&](auto& work) {
      for (auto* v : {&a_, &b_, &c_}) *v = work.template take<T>(o.elements);
    });
    fill(space, a_, T(0));
    fill(space, b_, T(1));
    fill(space, c_, T(2));
  }
  void run(Space const& space) {
    Kokkos::parallel_for(KRATE_LABEL("krate::perf::triad"), impl::elements(space, a_.size()),
                         Triad<Space, T>{b_, c_, a_, T(3)});
  }
  Cost cost() const {
    auto const n = static_cast<double>(a_.size());
    return {2 * n, 3 * n * sizeof(T)};
  }
  Vector<T, Space> output() const { return a_; }
  static double least_memory(Options const& o) { return 3.0 * static_cast<double>(o.elements) * sizeof(T); }

 private:
  Vector<T, Space> a_, b_, c_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
