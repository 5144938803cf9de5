// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/impl/causal_tssa_backward.hpp"
#include "attention/impl/causal_tssa_forward.hpp"
#include "attention/impl/plain_causal_tssa.hpp"
#include "attention/impl/sample_loop.hpp"
#include "attention/impl/tssa_backward.hpp"
#include "attention/impl/tssa_forward.hpp"
#include "krate/attention/impl/token_statistics_decl.hpp"
#include "krate/core/label.hpp"

namespace krate::impl {

template <class T>
TokenShape<T> token_shape(std::size_t tokens, std::size_t columns, std::size_t heads) {
  return {static_cast<int>(tokens), static_cast<int>(heads), static_cast<int>(columns / heads)};
}

/// Rows of a sample; null where there are none.
template <class Rows>
auto* row_of(Rows const& rows, std::size_t sample) {
  return rows.size() > 0 ? &rows(sample, 0) : nullptr;
}

/// What the samples of a batch give to the gradients of the parameters.
template <class Space, class T>
struct SampleGradients {
  Matrix<T, Space> dtemperature;
  Tensor3<T, Space> dlogits;
  template <class W>
  static SampleGradients cut(W& work, std::size_t batch, std::size_t tokens, std::size_t heads) {
    auto const dtemperature = work.template take<T>(batch, heads);
    return {dtemperature, work.template take<T>(batch, heads, tokens)};
  }
};

template <class Space, class T>
std::size_t TokenStatisticsKernels<Space, T>::forward_bytes(std::size_t batch, std::size_t tokens, std::size_t columns,
                                                            TssaOptions const& o) {
  bool const causal = o.mask == Mask::causal;
  if (batch * tokens * columns == 0 || o.heads == 0) return 0;
  if constexpr (is_device<Space>) {
    return measure<Space>([&](auto& work) {
      if (causal) PlainCausalTssa<Space, T>::Sums::cut(work, batch, tokens, columns, o.heads);
    });
  } else {
    auto const shape = token_shape<T>(tokens, columns, o.heads);
    return causal ? SampleLoop<Space, CausalTssaForward<T>, TokenShape<T>>::bytes(batch, shape)
                  : SampleLoop<Space, TssaForward<T>, TokenShape<T>>::bytes(batch, shape);
  }
}

template <class Space, class T>
std::size_t TokenStatisticsKernels<Space, T>::backward_bytes(std::size_t batch, std::size_t tokens, std::size_t columns,
                                                             TssaOptions const& o) {
  bool const causal = o.mask == Mask::causal;
  if (batch * tokens * columns == 0 || o.heads == 0) return 0;
  if constexpr (is_device<Space>) {
    return measure<Space>([&](auto& work) {
      if (!causal) return static_cast<void>(PlainTssa<Space, T>::Gradients::cut(work, batch, tokens, columns, o.heads));
      PlainCausalTssa<Space, T>::Sums::cut(work, batch, tokens, columns, o.heads);
      PlainCausalTssa<Space, T>::Gradients::cut(work, batch, tokens, columns, o.heads);
    });
  } else {
    auto const shape = token_shape<T>(tokens, columns, o.heads);
    return measure<Space>([&](auto& work) { SampleGradients<Space, T>::cut(work, batch, tokens, o.heads); }) +
           (causal ? SampleLoop<Space, CausalTssaBackward<T>, TokenShape<T>>::bytes(batch, shape)
                   : SampleLoop<Space, TssaBackward<T>, TokenShape<T>>::bytes(batch, shape));
  }
}

template <class Space, class T>
void TokenStatisticsKernels<Space, T>::forward(Space const& space, ConstTensor3<T, Space> w,
                                               ConstVector<T, Space> temperature, ConstMatrix<T, Space> bias,
                                               TssaOptions const& o, Workspace<Space> work, Tensor3<T, Space> out,
                                               TokenStatistics<Space, T> const& saved) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::token_statistics"));
  if (w.size() == 0) return;
  bool const causal = o.mask == Mask::causal;
  if constexpr (is_device<Space>) {
    if (causal) return PlainCausalTssa<Space, T>::forward(space, w, temperature, bias, work, out, saved);
    PlainTssa<Space, T>::forward(space, w, temperature, out, saved);
  } else {
    auto const shape = token_shape<T>(w.extent(1), w.extent(2), o.heads);
    if (causal) {
      auto const positions = static_cast<std::ptrdiff_t>(bias.stride(0));
      SampleLoop<Space, CausalTssaForward<T>, TokenShape<T>>(space, w.extent(0), shape, work)
          .run(KRATE_LABEL("krate::tssa::causal"), [=](auto const& form, std::size_t b) {
            form.run(&w(b, 0, 0), temperature.data(), row_of(bias, 0), positions, &out(b, 0, 0),
                     &saved.membership(b, 0, 0));
          });
    } else {
      SampleLoop<Space, TssaForward<T>, TokenShape<T>>(space, w.extent(0), shape, work)
          .run(KRATE_LABEL("krate::tssa::full"), [=](auto const& form, std::size_t b) {
            form.run(&w(b, 0, 0), temperature.data(), &out(b, 0, 0), &saved.membership(b, 0, 0), &saved.energy(b, 0),
                     &saved.moment(b, 0));
          });
    }
  }
}

template <class Space, class T>
void TokenStatisticsKernels<Space, T>::backward(Space const& space, ConstTensor3<T, Space> w,
                                                ConstVector<T, Space> temperature, ConstMatrix<T, Space> bias,
                                                TssaOptions const& o, TokenStatistics<Space, T> const& saved,
                                                ConstTensor3<T, Space> dout, Workspace<Space> work,
                                                Tensor3<T, Space> dw, Vector<T, Space> dtemperature,
                                                Matrix<T, Space> dbias) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::token_statistics_backward"));
  if (w.size() == 0) return;
  bool const causal = o.mask == Mask::causal;
  if constexpr (is_device<Space>) {
    if (causal)
      return PlainCausalTssa<Space, T>::backward(space, w, temperature, bias, saved, dout, work, dw, dtemperature,
                                                 dbias);
    PlainTssa<Space, T>::backward(space, w, temperature, saved, dout, work, dw, dtemperature);
  } else {
    auto const shape = token_shape<T>(w.extent(1), w.extent(2), o.heads);
    auto const d = SampleGradients<Space, T>::cut(work, w.extent(0), w.extent(1), o.heads);
    if (causal) {
      auto const positions = static_cast<std::ptrdiff_t>(bias.stride(0));
      SampleLoop<Space, CausalTssaBackward<T>, TokenShape<T>>(space, w.extent(0), shape, work)
          .run(KRATE_LABEL("krate::tssa::causal_backward"), [=](auto const& form, std::size_t b) {
            form.run(&w(b, 0, 0), temperature.data(), row_of(bias, 0), positions, &saved.membership(b, 0, 0),
                     &dout(b, 0, 0), &dw(b, 0, 0), &d.dlogits(b, 0, 0), &d.dtemperature(b, 0));
          });
      add_position_bias_gradient<Space, T>(space, d.dlogits, temperature, w.extent(2) / o.heads, dbias);
    } else {
      SampleLoop<Space, TssaBackward<T>, TokenShape<T>>(space, w.extent(0), shape, work)
          .run(KRATE_LABEL("krate::tssa::full_backward"), [=](auto const& form, std::size_t b) {
            form.run(&w(b, 0, 0), temperature.data(), &saved.membership(b, 0, 0), &saved.energy(b, 0),
                     &saved.moment(b, 0), &dout(b, 0, 0), &dw(b, 0, 0), &d.dtemperature(b, 0));
          });
    }
    add_temperature_gradient<Space, T>(space, d.dtemperature, dtemperature);
  }
}

}  // namespace krate::impl
