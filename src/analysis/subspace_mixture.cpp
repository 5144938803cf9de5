// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/analysis/subspace_mixture.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/impl/orthonormalize.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

namespace {

enum : std::uint32_t { bases, choices, places, noises };  // streams

void require_basis(SubspaceMixture const& m) {
  require_value(m.dim > 0 && m.basis.size() == m.subspaces * m.width * m.dim, "krate::analysis::SubspaceMixture",
                "basis.size()", m.basis.size(), "must be subspaces * width * dim; make it with random_mixture()");
}

/// scale sum_k w_k U_k U_k^T x,   w = softmax_k(|U_k^T x|^2 / (2 variance))
std::vector<double> soft(char const* where, SubspaceMixture const& m, double variance, double scale,
                         std::vector<double> const& x) {
  require_basis(m);
  if (x.size() % m.dim != 0) {
    throw ShapeError(where, "x has " + std::to_string(x.size()) + " numbers, expected rows of " +
                                std::to_string(m.dim) + " (the dim of the mixture); pass whole rows");
  }
  std::vector<double> found(x.size(), 0.0), along(m.subspaces * m.width), weight(m.subspaces);
  for (std::size_t i = 0; i < x.size(); i += m.dim) {
    for (std::size_t j = 0; j < along.size(); ++j) along[j] = impl::dot(&m.basis[j * m.dim], &x[i], m.dim);
    for (std::size_t k = 0; k < m.subspaces; ++k) {
      double const* const a = &along[k * m.width];
      weight[k] = impl::dot(a, a, m.width) / (2 * variance);
    }
    double const most = *std::max_element(weight.begin(), weight.end());
    double sum = 0;
    for (double& w : weight) sum += w = std::exp(w - most);
    for (std::size_t j = 0; j < along.size(); ++j) {
      double const part = scale * weight[j / m.width] / sum * along[j];
      for (std::size_t e = 0; e < m.dim; ++e) found[i + e] += part * m.basis[j * m.dim + e];
    }
  }
  return found;
}

void require_sigma(char const* where, double sigma) {
  require_value(sigma > 0 && std::isfinite(sigma), where, "sigma", sigma, "must be positive and finite");
}

}  // namespace

SubspaceMixture random_mixture(std::size_t dim, std::size_t subspaces, std::size_t width, Seed seed) {
  constexpr char const* where = "krate::analysis::random_mixture";
  require_value(subspaces > 0, where, "subspaces", subspaces, "must be positive");
  require_value(width > 0 && width <= dim / subspaces, where, "width", width,
                "must be positive, and subspaces * width at most dim: the subspaces are orthogonal");
  SubspaceMixture m{dim, subspaces, width, std::vector<double>(subspaces * width * dim)};
  Random const random(seed, bases);
  for (std::size_t i = 0; i < m.basis.size(); ++i) m.basis[i] = random.normal(i);
  impl::orthonormalize(m.basis, dim);
  require_basis(m);
  return m;
}

std::vector<double> draw_samples(SubspaceMixture const& m, std::size_t samples, Seed seed) {
  require_basis(m);
  Random const which(seed, choices), where(seed, places);
  std::vector<double> z(samples * m.dim, 0.0);
  for (std::size_t i = 0; i < samples; ++i) {
    std::size_t const k = which.below(i, m.subspaces);
    for (std::size_t j = 0; j < m.width; ++j) {
      double const along = where.normal(i * m.width + j);
      for (std::size_t e = 0; e < m.dim; ++e) z[i * m.dim + e] += along * m.basis[(k * m.width + j) * m.dim + e];
    }
  }
  return z;
}

std::vector<double> draw_noise(SubspaceMixture const& m, std::size_t samples, Seed seed) {
  require_basis(m);
  Random const random(seed, noises);
  std::vector<double> e(samples * m.dim);
  for (std::size_t i = 0; i < e.size(); ++i) e[i] = random.normal(i);
  return e;
}

std::vector<double> posterior_mean(SubspaceMixture const& m, double sigma, std::vector<double> const& x) {
  constexpr char const* where = "krate::analysis::posterior_mean";
  require_sigma(where, sigma);
  double const s = sigma * sigma;
  return soft(where, m, s * (1 + s), 1 / (1 + s), x);
}

std::vector<double> soft_projection(SubspaceMixture const& m, double sigma, std::vector<double> const& x) {
  constexpr char const* where = "krate::analysis::soft_projection";
  require_sigma(where, sigma);
  return soft(where, m, sigma * sigma, 1, x);
}

double power_of(std::vector<double> const& x, std::vector<double> const& y) {
  double n = 0, mean_x = 0, mean_y = 0, both = 0, square = 0;
  auto const over_points = [&](auto const& use) {
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (x[i] > 0 && y[i] > 0 && std::isfinite(x[i]) && std::isfinite(y[i])) use(std::log(x[i]), std::log(y[i]));
  };
  over_points([&](double u, double v) { n += 1, mean_x += u, mean_y += v; });
  over_points([&](double u, double v) {
    both += (u - mean_x / n) * (v - mean_y / n);
    square += (u - mean_x / n) * (u - mean_x / n);
  });
  return square > 0 ? both / square : std::nan("");
}

}  // namespace krate::analysis
