// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token statistics attention, not causal, in plain kernels: a work item a channel for sums over tokens, a team a token
// for sums over channels. The form of devices; formulas in tssa_forward.hpp.
#pragma once

#include "attention/impl/tssa_constants.hpp"
#include "attention/impl/tssa_sums.hpp"
#include "krate/attention/impl/token_statistics_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct ChannelEnergy {
  ConstTensor3<T, Space> w;
  Matrix<T, Space> energy;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const columns = static_cast<std::int64_t>(w.extent(2)), b = i / columns, j = i % columns;
    T sum = 0;
    for (std::size_t n = 0; n < w.extent(1); ++n) sum += w(b, n, j) * w(b, n, j);
    energy(b, j) = sum;
  }
};

/// Energies that shares are divided by: of all tokens, or of those so far.
template <class Space, class T>
struct EnergyOfAll {
  ConstMatrix<T, Space> energy;
  KOKKOS_FUNCTION T operator()(std::int64_t b, std::int64_t, std::int64_t j) const {
    return Kokkos::max(energy(b, j), static_cast<T>(least_energy));
  }
};
template <class Space, class T>
struct EnergySoFar {
  ConstTensor3<T, Space> energy;
  KOKKOS_FUNCTION T operator()(std::int64_t b, std::int64_t n, std::int64_t j) const {
    return Kokkos::max(energy(b, n, j), static_cast<T>(least_causal_energy));
  }
};

/// Memberships of a token; `bias` may be empty.
template <class Space, class T, class Energy>
struct TokenMembership {
  ConstTensor3<T, Space> w;
  ConstVector<T, Space> temperature;
  ConstMatrix<T, Space> bias;
  Energy energy;
  Tensor3<T, Space> membership;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const tokens = static_cast<std::int64_t>(w.extent(1)), b = team.league_rank() / tokens,
               n = team.league_rank() % tokens, heads = static_cast<std::int64_t>(membership.extent(1));
    int const p = static_cast<int>(w.extent(2)) / static_cast<int>(heads);
    for (std::int64_t h = 0; h < heads; ++h) {
      T sum = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, p),
          [&](int k, T& s) { s += w(b, n, h * p + k) * w(b, n, h * p + k) / energy(b, n, h * p + k); }, sum);
      if (bias.size() > 0) sum += static_cast<T>(p) * bias(h, n);
      Kokkos::single(Kokkos::PerTeam(team), [&]() { membership(b, h, n) = temperature(h) * sum; });
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      T largest = membership(b, 0, n), sum = 0;
      for (std::int64_t h = 1; h < heads; ++h) largest = Kokkos::max(largest, membership(b, h, n));
      for (std::int64_t h = 0; h < heads; ++h) sum += membership(b, h, n) = Kokkos::exp(membership(b, h, n) - largest);
      for (std::int64_t h = 0; h < heads; ++h) membership(b, h, n) /= sum;
    });
  }
};

template <class Space, class T>
struct ChannelMoment {
  ConstTensor3<T, Space> w, membership;
  Matrix<T, Space> moment;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const columns = static_cast<std::int64_t>(w.extent(2)), b = i / columns, j = i % columns,
               h = j * static_cast<std::int64_t>(membership.extent(1)) / columns;
    T sum = 0, count = static_cast<T>(least_count);
    for (std::size_t n = 0; n < w.extent(1); ++n) {
      sum += membership(b, h, n) * w(b, n, j) * w(b, n, j);
      count += membership(b, h, n);
    }
    moment(b, j) = sum / count;
  }
};

template <class Space, class T>
struct WeighTokens {
  ConstTensor3<T, Space> w, membership;
  ConstMatrix<T, Space> moment;
  Tensor3<T, Space> out;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const columns = static_cast<std::int64_t>(w.extent(2)),
               n = i / columns % static_cast<std::int64_t>(w.extent(1)),
               b = i / columns / static_cast<std::int64_t>(w.extent(1)), j = i % columns,
               h = j * static_cast<std::int64_t>(membership.extent(1)) / columns;
    out(b, n, j) = -w(b, n, j) * membership(b, h, n) / (1 + moment(b, j));
  }
};

/// dm of a channel.
template <class Space, class T>
struct MomentGradient {
  ConstTensor3<T, Space> w, membership, dout;
  ConstMatrix<T, Space> moment;
  Matrix<T, Space> dm;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const columns = static_cast<std::int64_t>(w.extent(2)), b = i / columns, j = i % columns,
               h = j * static_cast<std::int64_t>(membership.extent(1)) / columns;
    T sum = 0, count = static_cast<T>(least_count);
    for (std::size_t n = 0; n < w.extent(1); ++n) {
      sum += membership(b, h, n) * w(b, n, j) * dout(b, n, j);
      count += membership(b, h, n);
    }
    T const g = 1 / (1 + moment(b, j));
    dm(b, j) = g * g * sum / count;
  }
};

/// dPi of a token.
template <class Space, class T>
struct MembershipGradient {
  ConstTensor3<T, Space> w, dout;
  ConstMatrix<T, Space> moment, dm;
  Tensor3<T, Space> to;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const tokens = static_cast<std::int64_t>(w.extent(1)), b = team.league_rank() / tokens,
               n = team.league_rank() % tokens, heads = static_cast<std::int64_t>(to.extent(1));
    int const p = static_cast<int>(w.extent(2)) / static_cast<int>(heads);
    for (std::int64_t h = 0; h < heads; ++h) {
      T sum = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, p),
          [&](int k, T& s) {
            auto const j = h * p + k;
            T const x = w(b, n, j), m = moment(b, j);
            s += dm(b, j) * (x * x - m) - x * dout(b, n, j) / (1 + m);
          },
          sum);
      Kokkos::single(Kokkos::PerTeam(team), [&]() { to(b, h, n) = sum; });
    }
  }
};

/// dPi to dl, in place.
template <class Space, class T>
struct LogitGradient {
  ConstTensor3<T, Space> membership;
  Tensor3<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const tokens = static_cast<std::int64_t>(to.extent(2)), b = i / tokens, n = i % tokens;
    T mean = 0;
    for (std::size_t h = 0; h < to.extent(1); ++h) mean += membership(b, h, n) * to(b, h, n);
    for (std::size_t h = 0; h < to.extent(1); ++h) to(b, h, n) = membership(b, h, n) * (to(b, h, n) - mean);
  }
};

/// sum_n dl s / sigma of a channel.
template <class Space, class T>
struct ShareGradient {
  ConstTensor3<T, Space> w, dlogits;
  EnergyOfAll<Space, T> energy;
  Matrix<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const columns = static_cast<std::int64_t>(w.extent(2)), b = i / columns, j = i % columns,
               h = j * static_cast<std::int64_t>(dlogits.extent(1)) / columns;
    T sum = 0;
    for (std::size_t n = 0; n < w.extent(1); ++n) sum += dlogits(b, h, n) * w(b, n, j) * w(b, n, j);
    to(b, j) = sum / energy(b, 0, j);
  }
};

template <class Space, class T>
struct WeighTokensBackward {
  ConstTensor3<T, Space> w, dout, membership, dlogits;
  ConstVector<T, Space> temperature;
  ConstMatrix<T, Space> energy, moment, dm, share;
  Tensor3<T, Space> dw;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const columns = static_cast<std::int64_t>(w.extent(2)),
               n = i / columns % static_cast<std::int64_t>(w.extent(1)),
               b = i / columns / static_cast<std::int64_t>(w.extent(1)), j = i % columns,
               h = j * static_cast<std::int64_t>(membership.extent(1)) / columns;
    bool const dead = energy(b, j) <= static_cast<T>(least_energy);
    T const through = dead ? T(0) : share(b, j), sigma = EnergyOfAll<Space, T>{energy}(b, n, j);
    dw(b, n, j) =
        2 * w(b, n, j) * (membership(b, h, n) * dm(b, j) + temperature(h) * (dlogits(b, h, n) - through) / sigma) -
        membership(b, h, n) * dout(b, n, j) / (1 + moment(b, j));
  }
};

/// The sum of a row's channels in each head.
template <class Space, class T>
struct HeadSums {
  ConstMatrix<T, Space> channels;
  Matrix<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const heads = static_cast<std::int64_t>(to.extent(1)), b = i / heads, h = i % heads,
               p = static_cast<std::int64_t>(channels.extent(1)) / heads;
    T sum = 0;
    for (std::int64_t k = 0; k < p; ++k) sum += channels(b, h * p + k);
    to(b, h) = sum;
  }
};

template <class Space, class T>
struct PlainTssa {
  struct Gradients {
    Tensor3<T, Space> dlogits;
    Matrix<T, Space> dm, share, dtemperature;
    template <class W>
    static Gradients cut(W& work, std::size_t batch, std::size_t tokens, std::size_t columns, std::size_t heads) {
      auto const dlogits = work.template take<T>(batch, heads, tokens);
      auto const dm = work.template take<T>(batch, columns), share = work.template take<T>(batch, columns);
      return {dlogits, dm, share, work.template take<T>(batch, heads)};
    }
  };

  static void forward(Space const& space, ConstTensor3<T, Space> w, ConstVector<T, Space> temperature,
                      Tensor3<T, Space> out, TokenStatistics<Space, T> const& saved) {
    std::size_t const batch = w.extent(0), n = w.extent(1), channels = batch * w.extent(2);
    EnergyOfAll<Space, T> const energy{saved.energy};
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::energy"), elements(space, channels),
                         ChannelEnergy<Space, T>{w, saved.energy});
    Kokkos::parallel_for(
        KRATE_LABEL("krate::tssa::membership"), rows(space, batch * n),
        TokenMembership<Space, T, EnergyOfAll<Space, T>>{w, temperature, {}, energy, saved.membership});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::moment"), elements(space, channels),
                         ChannelMoment<Space, T>{w, saved.membership, saved.moment});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::weigh"), elements(space, w.size()),
                         WeighTokens<Space, T>{w, saved.membership, saved.moment, out});
  }

  static void backward(Space const& space, ConstTensor3<T, Space> w, ConstVector<T, Space> temperature,
                       TokenStatistics<Space, T> const& saved, ConstTensor3<T, Space> dout, Workspace<Space> work,
                       Tensor3<T, Space> dw, Vector<T, Space> dtemperature) {
    std::size_t const batch = w.extent(0), n = w.extent(1), channels = batch * w.extent(2), heads = temperature.size();
    auto const d = Gradients::cut(work, batch, n, w.extent(2), heads);
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::moment_gradient"), elements(space, channels),
                         MomentGradient<Space, T>{w, saved.membership, dout, saved.moment, d.dm});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::membership_gradient"), rows(space, batch * n),
                         MembershipGradient<Space, T>{w, dout, saved.moment, d.dm, d.dlogits});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::logit_gradient"), elements(space, batch * n),
                         LogitGradient<Space, T>{saved.membership, d.dlogits});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::share_gradient"), elements(space, channels),
                         ShareGradient<Space, T>{w, d.dlogits, {saved.energy}, d.share});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::weigh_backward"), elements(space, w.size()),
                         WeighTokensBackward<Space, T>{w, dout, saved.membership, d.dlogits, temperature, saved.energy,
                                                       saved.moment, d.dm, d.share, dw});
    Kokkos::parallel_for(KRATE_LABEL("krate::tssa::head_sums"), elements(space, batch * heads),
                         HeadSums<Space, T>{d.share, d.dtemperature});
    add_temperature_gradient<Space, T>(space, d.dtemperature, dtemperature);
  }
};

}  // namespace krate::impl
