// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/manifold.hpp"

#include <algorithm>
#include <cmath>

namespace krate::tools {

namespace {

constexpr double pi = 3.14159265358979323846;

std::vector<double> swiss_roll(Manifold const& m, bool augmented) {
  Random const random(m.seed, 0x5a1);
  std::vector<double> x;
  for (std::size_t i = 0; i < m.samples; ++i) {
    double const t = 1.5 * pi * (1 + 2 * random.uniform(2 * i)), v = 21 * random.uniform(2 * i + 1);
    double row[4] = {t * std::cos(t), v, t * std::sin(t), 0};
    row[3] = row[0] * row[0] + row[1] * row[1] + row[2] * row[2];
    for (int j = 0; j < (augmented ? 4 : 3); ++j) x.push_back(augmented ? 5 * row[j] : row[j]);
  }
  return x;
}

/// Each coordinate a product over the axes of two waves with random amplitude, frequency and phase; of the two, only
/// one is there, and the authors' constant factor is left out.
std::vector<double> random_waves(Manifold const& m) {
  Random const points(m.seed, 0x5a2), waves(m.seed, 0x5a3);
  std::vector<double> x(m.samples * m.dim, 1);
  for (std::size_t i = 0; i < m.samples; ++i) {
    for (std::size_t j = 0; j < m.dim; ++j) {
      for (std::size_t a = 0; a < m.intrinsic; ++a) {
        double const at = points.uniform(i * m.intrinsic + a);
        std::size_t const w = 3 * (j * m.intrinsic + a);  // the constant wave has amplitude 0
        x[i * m.dim + j] *= waves.uniform(w) * std::sin(2 * pi * (at * waves.uniform(w + 1) + waves.uniform(w + 2)));
      }
    }
  }
  return x;
}

/// Coordinates are independent Gaussian processes over [0, 1]^d: rows of a factor of the covariance, which a pivoted
/// Cholesky finds column by column until nothing is left (or, of very many samples, almost nothing), times normal
/// numbers.
std::vector<double> gaussian_process(Manifold const& m) {
  std::size_t const n = m.samples, d = m.intrinsic;
  Random const points(m.seed, 0x5a4), normals(m.seed, 0x5a5);
  std::vector<double> p(n * d), left(n, 1), x(n * m.dim);
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = points.uniform(i);
  std::vector<std::vector<double>> columns;
  auto const most = static_cast<std::size_t>(std::sqrt(2.4e10 / static_cast<double>(n)));
  while (columns.size() < std::min(n, most)) {
    std::size_t const pivot = static_cast<std::size_t>(std::max_element(left.begin(), left.end()) - left.begin());
    if (left[pivot] < 1e-13) break;
    double const root = std::sqrt(left[pivot]);
    std::vector<double> column(n);
    for (std::size_t i = 0; i < n; ++i) {
      double square = 0;
      for (std::size_t a = 0; a < d; ++a) {
        double const gap = p[i * d + a] - p[pivot * d + a];
        square += gap * gap;
      }
      column[i] = std::exp(-0.5 * square);
    }
    for (auto const& c : columns) {
      double const factor = c[pivot];
      for (std::size_t i = 0; i < n; ++i) column[i] -= factor * c[i];
    }
    for (std::size_t i = 0; i < n; ++i) {
      column[i] /= root;
      left[i] -= column[i] * column[i];
    }
    left[pivot] = 0;
    std::size_t const k = columns.size();
    for (std::size_t j = 0; j < m.dim; ++j) {
      double const g = normals.normal(k * m.dim + j) * m.scale / std::sqrt(static_cast<double>(m.dim));
      for (std::size_t i = 0; i < n; ++i) x[i * m.dim + j] += g * column[i];
    }
    columns.push_back(std::move(column));
  }
  return x;
}

}  // namespace

std::vector<std::string> manifold_shapes() {
  return {"sine", "semicircle", "swissroll", "swissroll-aug", "random", "gp"};
}

std::size_t manifold_columns(Manifold const& m) {
  if (m.shape == "sine" || m.shape == "semicircle") return 2;
  if (m.shape == "swissroll") return 3;
  return m.shape == "swissroll-aug" ? 4 : m.dim;
}

std::vector<double> sample_manifold(Manifold const& m) {
  if (m.shape == "swissroll" || m.shape == "swissroll-aug") return swiss_roll(m, m.shape == "swissroll-aug");
  if (m.shape == "random") return random_waves(m);
  if (m.shape == "gp") return gaussian_process(m);
  std::vector<double> x;
  for (std::size_t i = 0; i < m.samples; ++i) {
    double const part = static_cast<double>(i) / static_cast<double>(m.samples);
    bool const sine = m.shape == "sine";
    double const angle = (sine ? 2 : 1.5) * pi * part;
    x.push_back(sine ? angle : std::cos(angle));
    x.push_back(std::sin(angle));
  }
  return x;
}

}  // namespace krate::tools
