// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Heads of all samples over the threads of a host, each thread with scratch of its own. Host code only.
#pragma once

#include <algorithm>
#include <string>

#include "attention/impl/packed_head.hpp"
#include "core/impl/flush_denormals.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

/// Runs `Symmetric` on each head, and then `Remaining` on those that it refused. A head is one thread's work from end
/// to end, so the number of threads changes no bit.
template <class Space, class T, class Symmetric, class Remaining>
class HeadLoop {
 public:
  static std::size_t bytes(std::size_t batch, std::size_t tokens, std::size_t columns, std::size_t heads) {
    if (batch * tokens * columns == 0 || heads == 0) return 0;
    std::size_t const count = batch * heads;
    return measure<Space>([&](auto& work) {
      work.template take<bool>(count);
      work.template take<std::byte>(
          std::min(count, static_cast<std::size_t>(Kokkos::num_threads())),
          scratch_bytes({static_cast<int>(tokens), static_cast<int>(columns / heads), false}));
    });
  }

  /// @param work  as bytes() says; fewer threads work where it was measured for fewer
  HeadLoop(Space const& space, std::size_t batch, std::size_t tokens, std::size_t columns, std::size_t heads,
           bool causal, Workspace<Space> work)
      : space_(space),
        shape_{static_cast<int>(tokens), static_cast<int>(columns / heads), causal},
        heads_(heads),
        refused_(work.template take<bool>(batch * heads)) {
    std::size_t const bytes = scratch_bytes(shape_), fit = (work.capacity() - work.used()) / bytes,
                      threads = static_cast<std::size_t>(space.concurrency());
    scratch_ = work.template take<std::byte>(std::max<std::size_t>(1, std::min({batch * heads, threads, fit})), bytes);
  }

  /// `call(form, sample, offset of the head in tokens, offset in rows of all heads)` returns false to refuse.
  template <class Call>
  void run(std::string const& symmetric_label, std::string const& remaining_label, Call const& call) const {
    launch<Symmetric>(symmetric_label, [refused = refused_, call](Symmetric const& form, std::size_t k, auto... at) {
      refused(k) = !call(form, at...);
    });
    // Kernels of hosts are done when their launch returns.
    if (std::none_of(refused_.data(), refused_.data() + refused_.size(), [](bool r) { return r; })) return;
    launch<Remaining>(remaining_label, [refused = refused_, call](Remaining const& form, std::size_t k, auto... at) {
      if (refused(k)) call(form, at...);
    });
  }

 private:
  using Scratch = Matrix<std::byte, Space>;

  template <class Form, class Each>
  struct Worker {
    Scratch scratch;
    HeadShape<T> shape;
    std::size_t count, heads;
    Each each;
    void operator()(std::int64_t const index) const {
      auto const worker = static_cast<std::size_t>(index), workers = scratch.extent(0);
      Workspace<Space> own(&scratch(worker, 0), scratch.extent(1));
      FlushDenormals const flush;
      Form const form = Form::cut(own, shape);
      auto const tokens = static_cast<std::size_t>(shape.tokens), features = static_cast<std::size_t>(shape.features);
      for (std::size_t k = count * worker / workers; k < count * (worker + 1) / workers; ++k)
        each(form, k, k / heads, (k / heads * tokens * heads + k % heads) * features, k * tokens);
    }
  };

  template <class Form, class Each>
  void launch(std::string const& label, Each const& each) const {
    Kokkos::parallel_for(label, elements(space_, scratch_.extent(0)),
                         Worker<Form, Each>{scratch_, shape_, refused_.size(), heads_, each});
  }
  static std::size_t scratch_bytes(HeadShape<T> const& shape) {
    return std::max(measure<Space>([&](auto& work) { Symmetric::cut(work, shape); }),
                    measure<Space>([&](auto& work) { Remaining::cut(work, shape); }));
  }

  Space space_;
  HeadShape<T> shape_;
  std::size_t heads_;
  Vector<bool, Space> refused_;
  Scratch scratch_;
};

}  // namespace krate::impl
