// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The regularised objective from arrays to arrays, and its whole Hessian.
#pragma once

#include "krate/linalg/symmetric_eigen.hpp"
#include "krate/rate/regularised_rate.hpp"
#include "rate/runs.hpp"

namespace {

/// Labels of classes of these sizes, one after another.
inline std::vector<int> consecutive_labels(std::vector<std::int64_t> const& sizes) {
  std::vector<int> labels;
  for (std::size_t k = 0; k < sizes.size(); ++k)
    labels.insert(labels.end(), static_cast<std::size_t>(sizes[k]), static_cast<int>(k));
  return labels;
}

template <class T>
RateResult run_regularised(Array const& z, std::vector<int> const& labels, krate::RegularisedRateOptions const& options,
                           Layout layout = Layout::right, bool with_gradient = true) {
  Bench const bench(krate::regularised_rate_workspace<T>(z.extent(0), z.extent(1), options.classes));
  Scalar0<double> const value("krate::test");
  auto const vz = laid_out<T>(z, layout), gradient = laid_out<T>(Array(z.shape), layout);
  if (with_gradient) {
    krate::regularised_rate_gradient(bench.space, vz, label_view(labels), options, bench.work(), value, gradient);
  } else {
    krate::regularised_rate(bench.space, vz, label_view(labels), options, bench.work(), value);
  }
  return {to_array(value)(0), to_array(gradient)};
}

/// Products with the rows of `directions`, each a direction in the order of z's elements.
template <class T>
Array run_regularised_hessian(Array const& z, std::vector<int> const& labels,
                              krate::RegularisedRateOptions const& options, Array const& directions) {
  std::size_t const n = z.extent(0), d = z.extent(1), size = n * d;
  Bench const bench(krate::regularised_rate_hessian_workspace<T>(n, d, options.classes));
  Guarded<TestSpace, T, 2> products(directions.extent(0), size);
  auto const vz = view<T, 2>(z), all = view<T, 2>(directions);
  auto const its = label_view(labels);
  for (std::size_t i = 0; i < directions.extent(0); ++i)
    krate::regularised_rate_hessian_product(bench.space, vz, its, options,
                                            krate::Matrix<T, TestSpace>(all.data() + i * size, n, d), bench.work(),
                                            krate::Matrix<T, TestSpace>(products.view().data() + i * size, n, d));
  EXPECT_TRUE(products.intact());
  return products.array();
}

/// All eigenvalues of the Hessian, ascending.
inline Array hessian_spectrum(Array const& z, std::vector<int> const& labels,
                              krate::RegularisedRateOptions const& options) {
  std::size_t const size = z.size();
  Array identity({size, size});
  for (std::size_t i = 0; i < size; ++i) identity(i, i) = 1;
  Array const hessian = run_regularised_hessian<double>(z, labels, options, identity);
  Bench const bench(krate::symmetric_eigen_workspace<double>(1, size, false));
  Guarded<TestSpace, double, 1> values(size);
  krate::symmetric_eigenvalues(bench.space, view<double, 2>(hessian), bench.work(), values.view());
  return values.array();
}

}  // namespace
