// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products know no factors, so the dictionary is kept twice, E = eta D and N = -D, beside which everything of size
// [tokens, ...] is one product with an epilogue:
//     forward    first = max(0, x E - eta lambda),   R = x + first N^T,   code = max(0, first + R E - eta lambda)
//     backward   H2 = (dout decoder) [code > 0],     P = H2 E^T,          H1 = (H2 + P N) [first > 0],
//                dx = P + H1 E^T,   dE = R^T H2 + x^T H1,   dN = P^T first,   dD = eta dE - dN
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/linalg/products.hpp"
#include "krate/sparse/impl/overcomplete_ista_decl.hpp"
#include "sparse/impl/mask_by_code.hpp"

namespace krate::impl {

/// scaled = eta dict, negative = -dict
template <class Space, class T>
struct SplitDictionary {
  ConstStrided<T, Space> dict;
  Matrix<T, Space> scaled, negative;
  T eta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(scaled.extent(1))), [&](int j) {
      scaled(i, j) = eta * dict(i, j);
      negative(i, j) = -dict(i, j);
    });
  }
};

/// to += factor from
template <class Space, class T>
struct AddMultiple {
  ConstMatrix<T, Space> from;
  Strided<T, Space> to;
  T factor;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(from.extent(1))),
                         [&](int j) { to(i, j) += factor * from(i, j); });
  }
};

template <class Space, class T>
struct OvercompleteScratch {
  Matrix<T, Space> scaled, negative;
  template <class W>
  OvercompleteScratch(W& work, std::size_t dim, std::size_t codes)
      : scaled(work.template take<T>(dim, codes)), negative(work.template take<T>(dim, codes)) {}
  void fill(Space const& space, ConstStrided<T, Space> dict, T eta) const {
    Kokkos::parallel_for(KRATE_LABEL("krate::overcomplete_ista::split"), rows(space, dict.extent(0)),
                         SplitDictionary<Space, T>{dict, scaled, negative, eta});
  }
};

template <class Space, class T>
struct OvercompleteBackwardScratch : OvercompleteScratch<Space, T> {
  Matrix<T, Space> gradient;          ///< [dim, codes]: of one of the three
  Matrix<T, Space> upstream, masked;  ///< [tokens, codes]
  Matrix<T, Space> back;              ///< [tokens, dim]: P
  template <class W>
  OvercompleteBackwardScratch(W& work, std::size_t tokens, std::size_t dim, std::size_t codes)
      : OvercompleteScratch<Space, T>(work, dim, codes),
        gradient(work.template take<T>(dim, codes)),
        upstream(work.template take<T>(tokens, codes)),
        masked(work.template take<T>(tokens, codes)),
        back(work.template take<T>(tokens, dim)) {}
};

/// Of the products of size [tokens, ...], either way round.
template <class T>
std::size_t coder_products(Products products, std::size_t tokens, std::size_t dim, std::size_t codes) {
  return std::max(products_workspace<T>(products, tokens, codes, dim),
                  products_workspace<T>(products, tokens, dim, codes));
}

template <class Space, class T>
std::size_t OvercompleteIsta<Space, T>::forward_bytes(std::size_t tokens, std::size_t dim, std::size_t codes,
                                                      Products products) {
  return measure<Space>([&](auto& work) { OvercompleteScratch<Space, T>(work, dim, codes); }) +
         coder_products<T>(products, tokens, dim, codes);
}

template <class Space, class T>
std::size_t OvercompleteIsta<Space, T>::backward_bytes(std::size_t tokens, std::size_t dim, std::size_t codes,
                                                       Products products) {
  return measure<Space>([&](auto& work) { OvercompleteBackwardScratch<Space, T>(work, tokens, dim, codes); }) +
         std::max(coder_products<T>(products, tokens, dim, codes), products_workspace<T>(products, dim, codes, tokens));
}

template <class Space, class T>
void OvercompleteIsta<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstStrided<T, Space> dict,
                                         IstaOptions const& options, Products products, Workspace<Space> work,
                                         OvercompleteIstaSaved<Space, T> const& saved) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::overcomplete_ista"));
  OvercompleteScratch<Space, T> const d(work, dict.extent(0), dict.extent(1));
  d.fill(space, dict, T(options.eta));
  T const shift = -T(options.eta * options.lambda);
  multiply(space, products, "N", "N", x, d.scaled, {.shift = shift, .rectify = true}, saved.first, work);
  multiply(space, products, "N", "T", saved.first, d.negative, {.addend = x}, saved.residual, work);
  multiply(space, products, "N", "N", saved.residual, d.scaled,
           {.addend = saved.first, .shift = shift, .rectify = true}, saved.code, work);
}

template <class Space, class T>
void OvercompleteIsta<Space, T>::backward(Space const& space, ConstMatrix<T, Space> x, ConstStrided<T, Space> dict,
                                          ConstStrided<T, Space> decoder, OvercompleteIstaSaved<Space, T> const& saved,
                                          ConstMatrix<T, Space> dout, IstaOptions const& options, Products products,
                                          Workspace<Space> work, Matrix<T, Space> dx, Strided<T, Space> ddict,
                                          Strided<T, Space> ddecoder) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::overcomplete_ista_backward"));
  OvercompleteBackwardScratch<Space, T> const s(work, x.extent(0), dict.extent(0), dict.extent(1));
  auto const add = [&](T factor, Strided<T, Space> const& to) {
    Kokkos::parallel_for(KRATE_LABEL("krate::overcomplete_ista_backward::add"), rows(space, s.gradient.extent(0)),
                         AddMultiple<Space, T>{s.gradient, to, factor});
  };
  s.fill(space, dict, T(options.eta));
  multiply(space, products, "T", "N", dout, saved.code, {}, s.gradient, work);
  add(T(1), ddecoder);
  multiply(space, products, "N", "N", dout, decoder, {}, s.upstream, work);
  mask_by_code<Space, T>(space, saved.code, s.upstream, s.masked);
  multiply(space, products, "N", "T", s.masked, s.scaled, {}, s.back, work);
  multiply(space, products, "T", "N", saved.residual, s.masked, {}, s.gradient, work);
  multiply(space, products, "N", "N", s.back, s.negative, {.addend = s.masked}, s.upstream, work);
  mask_by_code<Space, T>(space, saved.first, s.upstream, s.masked);
  multiply(space, products, "T", "N", x, s.masked, {.addend = s.gradient}, s.gradient, work);
  add(T(options.eta), ddict);
  multiply(space, products, "T", "N", s.back, saved.first, {}, s.gradient, work);
  add(T(-1), ddict);
  multiply(space, products, "N", "T", s.masked, s.scaled, {.addend = s.back}, dx, work);
}

}  // namespace krate::impl
