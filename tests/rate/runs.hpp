// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One call each of what several tests run, from arrays to arrays.
#pragma once

#include "krate/analysis/layer_rates.hpp"
#include "krate/rate/class_coding_rate.hpp"
#include "krate/rate/coding_rate.hpp"
#include "krate/rate/soft_coding_rate.hpp"
#include "linalg/operands.hpp"
#include "support/rate_oracle.hpp"

namespace {

struct RateResult {
  double rate;
  Array gradient;
};

template <class T, class Z>
RateResult run_rate(Z const& z, krate::RateOptions const& options, Layout layout = Layout::right) {
  Bench const bench(krate::coding_rate_gradient_workspace(z.extent(0), z.extent(1)));
  Scalar0<double> const rate("krate::test");
  auto const gradient = laid_out<T>(Array({z.extent(0), z.extent(1)}), layout);
  krate::coding_rate_gradient(bench.space, z, options, bench.work(), rate, gradient);
  return {to_array(rate)(0), to_array(gradient)};
}
template <class T, class Z>
double run_rate_value(Z const& z, krate::RateOptions const& options) {
  Bench const bench(krate::coding_rate_workspace(z.extent(0), z.extent(1)));
  Scalar0<double> const rate("krate::test");
  if constexpr (std::is_same_v<Z, Array>) {
    krate::coding_rate(bench.space, view<T, 2>(z), options, bench.work(), rate);
  } else {
    krate::coding_rate(bench.space, z, options, bench.work(), rate);
  }
  return to_array(rate)(0);
}

struct ClassRateResult {
  double rate;
  Array per_class, gradient;
};

inline Kokkos::View<krate::Label*, krate::DeviceOf<TestSpace>> label_view(std::vector<int> const& labels) {
  Kokkos::View<krate::Label*, krate::DeviceOf<TestSpace>> const v("krate::test::labels", labels.size());
  krate::testing::write_on_host(v, [&](auto const& host) { std::copy(labels.begin(), labels.end(), host.data()); });
  return v;
}

template <class T>
ClassRateResult run_class_rate(Array const& z, std::vector<int> const& labels, krate::ClassRateOptions const& options,
                               Layout layout = Layout::right, bool with_gradient = true) {
  Bench const bench(krate::class_coding_rate_workspace(z.extent(0), z.extent(1), options.classes));
  Scalar0<double> const rate("krate::test");
  Guarded<TestSpace, double, 1> per_class(options.classes);
  auto const vz = laid_out<T>(z, layout), gradient = laid_out<T>(Array(z.shape), layout);
  if (with_gradient) {
    krate::class_coding_rate_gradient(bench.space, vz, label_view(labels), options, bench.work(), rate,
                                      per_class.view(), gradient);
  } else {
    krate::class_coding_rate(bench.space, vz, label_view(labels), options, bench.work(), rate, per_class.view());
  }
  ClassRateResult const r{to_array(rate)(0), per_class.array(), to_array(gradient)};
  EXPECT_TRUE(per_class.intact());
  return r;
}

struct SoftResult {
  double rate;
  Array per_class, dz, dmemberships;
};

template <class T>
SoftResult run_soft(Array const& z, Array const& memberships, krate::SoftRateOptions const& options,
                    Layout layout = Layout::right, bool with_gradient = true) {
  std::size_t const n = z.extent(0), d = z.extent(1), classes = memberships.extent(1);
  Bench const bench(with_gradient ? krate::soft_class_coding_rate_gradient_workspace(n, d, classes)
                                  : krate::soft_class_coding_rate_workspace(n, d, classes));
  Scalar0<double> const rate("krate::test");
  Guarded<TestSpace, double, 1> per_class(classes);
  auto const vz = laid_out<T>(z, layout), pi = laid_out<T>(memberships, layout);
  auto const dz = laid_out<T>(Array(z.shape), layout), dpi = laid_out<T>(Array(memberships.shape), layout);
  if (with_gradient) {
    krate::soft_class_coding_rate_gradient(bench.space, vz, pi, options, bench.work(), rate, per_class.view(), dz, dpi);
  } else {
    krate::soft_class_coding_rate(bench.space, vz, pi, options, bench.work(), rate, per_class.view());
  }
  SoftResult const r{to_array(rate)(0), per_class.array(), to_array(dz), to_array(dpi)};
  EXPECT_TRUE(per_class.intact());
  return r;
}

template <class T>
Array run_soft_hessian(Array const& z, Array const& memberships, krate::SoftRateOptions const& options,
                       Array const& direction) {
  Bench const bench(krate::soft_class_coding_rate_hessian_workspace(z.extent(0), z.extent(1), memberships.extent(1)));
  Guarded<TestSpace, T, 2> product(z.extent(0), z.extent(1));
  krate::soft_class_coding_rate_hessian_product(bench.space, view<T, 2>(z), view<T, 2>(memberships), options,
                                                view<T, 2>(direction), bench.work(), product.view());
  EXPECT_TRUE(product.intact());
  return product.array();
}

template <class T>
Array run_projection_rate(Array const& w, std::size_t heads, double eps_squared) {
  Bench const bench(
      krate::analysis::projection_coding_rate_workspace(w.extent(0), w.extent(1), heads, w.extent(2) / heads));
  Guarded<TestSpace, double, 1> rates(w.extent(0));
  krate::analysis::projection_coding_rate(bench.space, view<T, 3>(w), heads, eps_squared, bench.work(), rates.view());
  EXPECT_TRUE(rates.intact());
  return rates.array();
}
template <class T>
Array run_density(Array const& tokens) {
  Guarded<TestSpace, double, 1> density(tokens.extent(0));
  krate::analysis::density(TestSpace(), view<T, 3>(tokens), density.view());
  EXPECT_TRUE(density.intact());
  return density.array();
}

template <class T>
Array run_unit_tokens(Array const& tokens) {
  Guarded<TestSpace, T, 3> unit(tokens.extent(0), tokens.extent(1), tokens.extent(2));
  krate::analysis::unit_tokens(TestSpace(), view<T, 3>(tokens), unit.view());
  EXPECT_TRUE(unit.intact());
  return unit.array();
}

template <class T>
Array run_descent_cosine(Array const& before, Array const& after, Array const& gradient) {
  Guarded<TestSpace, double, 1> cosines(before.extent(0));
  krate::analysis::descent_cosine(TestSpace(), view<T, 3>(before), view<T, 3>(after), view<T, 3>(gradient),
                                  cosines.view());
  EXPECT_TRUE(cosines.intact());
  return cosines.array();
}

}  // namespace
