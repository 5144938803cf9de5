// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Causal token statistics attention in plain kernels: a work item runs along the tokens of a channel. The form of
// devices; formulas in causal_tssa_forward.hpp.
#pragma once

#include "attention/impl/plain_tssa.hpp"

namespace krate::impl {

/// [batch, columns] as one index.
template <class V>
struct ChannelOf {
  std::int64_t b, j, h;
  KOKKOS_FUNCTION ChannelOf(V const& w, std::size_t heads, std::int64_t i) {
    auto const columns = static_cast<std::int64_t>(w.extent(2));
    b = i / columns;
    j = i % columns;
    h = j * static_cast<std::int64_t>(heads) / columns;
  }
};

template <class Space, class T>
struct EnergiesSoFar {
  ConstTensor3<T, Space> w;
  Tensor3<T, Space> energy;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    ChannelOf const at(w, 1, i);
    T sum = 0;
    for (std::size_t n = 0; n < w.extent(1); ++n) energy(at.b, n, at.j) = sum += w(at.b, n, at.j) * w(at.b, n, at.j);
  }
};

template <class Space, class T>
struct CountsSoFar {
  ConstTensor3<T, Space> membership;
  Tensor3<T, Space> counts;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const heads = static_cast<std::int64_t>(membership.extent(1)), b = i / heads, h = i % heads;
    T sum = static_cast<T>(least_count);
    for (std::size_t n = 0; n < membership.extent(2); ++n) counts(b, h, n) = sum += membership(b, h, n);
  }
};

/// m at each token; and out, if it is not empty.
template <class Space, class T>
struct MomentsSoFar {
  ConstTensor3<T, Space> w, membership, counts;
  Tensor3<T, Space> moment, out;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    ChannelOf const at(w, membership.extent(1), i);
    T sum = 0;
    for (std::size_t n = 0; n < w.extent(1); ++n) {
      T const x = w(at.b, n, at.j), pi = membership(at.b, at.h, n);
      sum += pi * x * x;
      T const m = sum / counts(at.b, at.h, n);
      moment(at.b, n, at.j) = m;
      if (out.size() > 0) out(at.b, n, at.j) = -x * pi / (1 + m);
    }
  }
};

/// D at each token.
template <class Space, class T>
struct LaterMomentGradients {
  ConstTensor3<T, Space> w, dout, membership, counts, moment;
  Tensor3<T, Space> later;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    ChannelOf const at(w, membership.extent(1), i);
    T sum = 0;
    for (auto n = static_cast<std::int64_t>(w.extent(1)) - 1; n >= 0; --n) {
      T const g = 1 / (1 + moment(at.b, n, at.j));
      sum += g * g * membership(at.b, at.h, n) * w(at.b, n, at.j) * dout(at.b, n, at.j) / counts(at.b, at.h, n);
      later(at.b, n, at.j) = sum;
    }
  }
};

/// dPi of a token but for E, and what E sums.
template <class Space, class T>
struct CausalMembershipGradient {
  ConstTensor3<T, Space> w, dout, membership, counts, moment, later;
  Tensor3<T, Space> to, of_count;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const tokens = static_cast<std::int64_t>(w.extent(1)), b = team.league_rank() / tokens,
               n = team.league_rank() % tokens, heads = static_cast<std::int64_t>(to.extent(1));
    int const p = static_cast<int>(w.extent(2)) / static_cast<int>(heads);
    for (std::int64_t h = 0; h < heads; ++h) {
      T direct = 0, through = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, p),
          [&](int k, T& s) {
            auto const j = h * p + k;
            T const x = w(b, n, j);
            s += later(b, n, j) * x * x - x * dout(b, n, j) / (1 + moment(b, n, j));
          },
          direct);
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, p),
          [&](int k, T& s) {
            auto const j = h * p + k;
            T const m = moment(b, n, j), g = 1 / (1 + m);
            s += g * g * w(b, n, j) * dout(b, n, j) * m;
          },
          through);
      Kokkos::single(Kokkos::PerTeam(team), [&]() {
        to(b, h, n) = direct;
        of_count(b, h, n) = through * membership(b, h, n) / counts(b, h, n);
      });
    }
  }
};

/// Adds E to dPi.
template <class Space, class T>
struct AddLaterCounts {
  ConstTensor3<T, Space> of_count;
  Tensor3<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const heads = static_cast<std::int64_t>(to.extent(1)), b = i / heads, h = i % heads;
    T sum = 0;
    for (auto n = static_cast<std::int64_t>(to.extent(2)) - 1; n >= 0; --n) to(b, h, n) += sum -= of_count(b, h, n);
  }
};

/// dw; and sum_n dl s / sigma of a channel.
template <class Space, class T>
struct CausalWeighBackward {
  ConstTensor3<T, Space> w, dout, membership, dlogits, energy, moment, later;
  ConstVector<T, Space> temperature;
  Tensor3<T, Space> dw;
  Matrix<T, Space> share;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    ChannelOf const at(w, membership.extent(1), i);
    T const least = static_cast<T>(least_causal_energy);
    T after = 0, sum = 0;
    for (auto n = static_cast<std::int64_t>(w.extent(1)) - 1; n >= 0; --n) {
      T const x = w(at.b, n, at.j), pi = membership(at.b, at.h, n), dl = dlogits(at.b, at.h, n),
              before = n > 0 ? energy(at.b, n - 1, at.j) : T(0), sigma = Kokkos::max(energy(at.b, n, at.j), least);
      bool const held = energy(at.b, n, at.j) <= least;
      T const own = dl / sigma * (held ? T(1) : before / sigma);
      dw(at.b, n, at.j) = 2 * x * (pi * later(at.b, n, at.j) + temperature(at.h) * (own - after)) -
                          pi * dout(at.b, n, at.j) / (1 + moment(at.b, n, at.j));
      sum += dl * x * x / sigma;
      if (!held) after += dl * x * x / (sigma * sigma);
    }
    share(at.b, at.j) = sum;
  }
};

/// Adds the part of the position bias to a sample's gradient of the temperature.
template <class Space, class T>
struct AddBiasPart {
  ConstTensor3<T, Space> dlogits;
  ConstMatrix<T, Space> bias;
  T features;
  Matrix<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const heads = static_cast<std::int64_t>(to.extent(1)), b = i / heads, h = i % heads;
    T sum = 0;
    for (std::size_t n = 0; n < dlogits.extent(2); ++n) sum += dlogits(b, h, n) * bias(h, n);
    to(b, h) += features * sum;
  }
};

template <class Space, class T>
struct PlainCausalTssa {
  struct Sums {
    Tensor3<T, Space> energy, moment, counts;
    template <class W>
    static Sums cut(W& work, std::size_t batch, std::size_t tokens, std::size_t columns, std::size_t heads) {
      auto const energy = work.template take<T>(batch, tokens, columns),
                 moment = work.template take<T>(batch, tokens, columns);
      return {energy, moment, work.template take<T>(batch, heads, tokens)};
    }
  };
  struct Gradients {
    Tensor3<T, Space> later, dlogits, of_count;
    Matrix<T, Space> share, dtemperature;
    template <class W>
    static Gradients cut(W& work, std::size_t batch, std::size_t tokens, std::size_t columns, std::size_t heads) {
      auto const later = work.template take<T>(batch, tokens, columns);
      auto const dlogits = work.template take<T>(batch, heads, tokens),
                 of_count = work.template take<T>(batch, heads, tokens);
      auto const share = work.template take<T>(batch, columns);
      return {later, dlogits, of_count, share, work.template take<T>(batch, heads)};
    }
  };

  static void forward(Space const& space, ConstTensor3<T, Space> w, ConstVector<T, Space> temperature,
                      ConstMatrix<T, Space> bias, Workspace<Space> work, Tensor3<T, Space> out,
                      TokenStatistics<Space, T> const& saved) {
    std::size_t const batch = w.extent(0), n = w.extent(1), heads = temperature.size();
    auto const sums = Sums::cut(work, batch, n, w.extent(2), heads);
    using Energy = EnergySoFar<Space, T>;
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::energies_so_far"), elements(space, batch * w.extent(2)),
                         EnergiesSoFar<Space, T>{w, sums.energy});
    Kokkos::parallel_for(
        KRATE_LABEL("krate::tssa::membership"), rows(space, batch * n),
        TokenMembership<Space, T, Energy>{w, temperature, bias, Energy{sums.energy}, saved.membership});
    so_far(space, w, saved, sums, out);
  }

  static void backward(Space const& space, ConstTensor3<T, Space> w, ConstVector<T, Space> temperature,
                       ConstMatrix<T, Space> bias, TokenStatistics<Space, T> const& saved, ConstTensor3<T, Space> dout,
                       Workspace<Space> work, Tensor3<T, Space> dw, Vector<T, Space> dtemperature,
                       Matrix<T, Space> dbias) {
    std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2), heads = temperature.size();
    auto const sums = Sums::cut(work, batch, n, columns, heads);
    auto const d = Gradients::cut(work, batch, n, columns, heads);
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::energies_so_far"), elements(space, batch * columns),
                         EnergiesSoFar<Space, T>{w, sums.energy});
    so_far(space, w, saved, sums, {});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::later_moment_gradients"), elements(space, batch * columns),
                         LaterMomentGradients<Space, T>{w, dout, saved.membership, sums.counts, sums.moment, d.later});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::membership_gradient"), rows(space, batch * n),
                         CausalMembershipGradient<Space, T>{w, dout, saved.membership, sums.counts, sums.moment,
                                                            d.later, d.dlogits, d.of_count});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::later_counts"), elements(space, batch * heads),
                         AddLaterCounts<Space, T>{d.of_count, d.dlogits});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::logit_gradient"), elements(space, batch * n),
                         LogitGradient<Space, T>{saved.membership, d.dlogits});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::weigh_backward"), elements(space, batch * columns),
                         CausalWeighBackward<Space, T>{w, dout, saved.membership, d.dlogits, sums.energy, sums.moment,
                                                       d.later, temperature, dw, d.share});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::head_sums"), elements(space, batch * heads),
                         HeadSums<Space, T>{d.share, d.dtemperature});
    if (bias.size() > 0)
      Kokkos::parallel_for(KRATE_LABEL("krate::tssa::bias_part"), elements(space, batch * heads),
                           AddBiasPart<Space, T>{d.dlogits, bias, static_cast<T>(columns / heads), d.dtemperature});
    add_temperature_gradient<Space, T>(space, d.dtemperature, dtemperature);
    add_position_bias_gradient<Space, T>(space, d.dlogits, temperature, columns / heads, dbias);
  }

 private:
  static void so_far(Space const& space, ConstTensor3<T, Space> w, TokenStatistics<Space, T> const& saved,
                     Sums const& sums, Tensor3<T, Space> out) {
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::counts_so_far"),
                         elements(space, w.extent(0) * saved.membership.extent(1)),
                         CountsSoFar<Space, T>{saved.membership, sums.counts});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::moments_so_far"), elements(space, w.extent(0) * w.extent(2)),
                         MomentsSoFar<Space, T>{w, saved.membership, sums.counts, sums.moment, out});
  }
};

}  // namespace krate::impl
