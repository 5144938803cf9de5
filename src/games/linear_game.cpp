// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/linear_game.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "krate/core/require.hpp"
#include "linalg/host_factors.hpp"

namespace krate::games {

namespace host = krate::impl;

namespace {

HostMatrix moment(ClassStatistics const& data, std::size_t j) {
  std::size_t const size = data.dim * data.dim;
  return HostMatrix(data.dim, data.dim, std::span(data.moments).subspan(j * size, size));
}

void require_encoder(char const* where, ClassStatistics const& data, std::size_t size) {
  if (size == 0 || size % data.dim != 0)
    throw ShapeError(where, "the encoder has " + std::to_string(size) + " entries, expected a multiple of " +
                                std::to_string(data.dim) + " (it is [width, dim]); pass whole rows");
}

double log_cosh(double x) {
  x = std::abs(x);
  if (x > 1) return x + std::log1p(std::exp(-2 * x)) - std::log(2.0);
  double const s = std::sinh(x / 2);
  return std::log1p(2 * s * s);
}

/// 1/2 sum log cosh(1/2 log rho), rho the eigenvalues of L^-1 (I + b other) L^-T, L L^T = I + b one.
double distance(HostMatrix const& factor, double b, HostMatrix const& one, HostMatrix const& other) {
  HostMatrix change = other;
  change.add(-1, one);
  for (double& x : change.values) x *= b;
  auto const half = host::solve_lower(factor, change);
  double sum = 0;
  for (double const x : host::eigen_of(host::solve_lower(factor, transpose(half))).values)
    sum += 0.5 * log_cosh(0.5 * std::log1p(x));
  return sum;
}

}  // namespace

double ClassStatistics::samples() const {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

ClassStatistics class_statistics(std::span<double const> rows, std::size_t dim, std::span<Label const> labels,
                                 std::size_t classes) {
  constexpr char const* where = "krate::games::class_statistics";
  require_value(!labels.empty() && dim > 0, where, "samples", labels.size(), "must be positive, and so must dim");
  if (rows.size() != labels.size() * dim)
    throw ShapeError(where, "rows has " + std::to_string(rows.size()) + " entries, expected " +
                                std::to_string(labels.size() * dim) + " (a label and dim numbers a sample); pass all");
  std::vector<double> counts(classes, 0), moments(classes * dim * dim, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    require_value(labels[i] >= 0 && static_cast<std::size_t>(labels[i]) < classes, where, "label", labels[i],
                  "must be from 0 to classes - 1");
    auto const j = static_cast<std::size_t>(labels[i]);
    double const* const x = rows.data() + i * dim;
    double* const m = moments.data() + j * dim * dim;
    ++counts[j];
    for (std::size_t p = 0; p < dim; ++p) {
      require_value(std::isfinite(x[p]), where, "sample", x[p], "must be finite");
      if (x[p] == 0) continue;
      for (std::size_t q = 0; q < dim; ++q) m[p * dim + q] += x[p] * x[q];
    }
  }
  ClassStatistics found{.dim = dim};
  for (std::size_t j = 0; j < classes; ++j) {
    if (counts[j] == 0) continue;
    found.counts.push_back(counts[j]);
    for (std::size_t k = 0; k < dim * dim; ++k) found.moments.push_back(moments[j * dim * dim + k] / counts[j]);
  }
  return found;
}

LinearValues linear_values(ClassStatistics const& data, LinearMaps const& maps, double eps_squared) {
  constexpr char const* where = "krate::games::linear_values";
  require_value(eps_squared > 0, where, "eps_squared", eps_squared, "must be positive");
  require_encoder(where, data, maps.encoder.size());
  if (maps.decoder.size() != maps.encoder.size())
    throw ShapeError(where, "the decoder has " + std::to_string(maps.decoder.size()) + " entries, expected " +
                                std::to_string(maps.encoder.size()) + " (it is [dim, width]); pass maps of one width");
  std::size_t const width = maps.encoder.size() / data.dim, classes = data.classes();
  double const b = static_cast<double>(width) / eps_squared, samples = data.samples();
  HostMatrix const f(width, data.dim, maps.encoder), g(data.dim, width, maps.decoder), a = multiply(f, g);
  std::vector<HostMatrix> codes, images;  // F S_j and C_j
  HostMatrix all(width, width);
  for (std::size_t j = 0; j < classes; ++j) {
    images.push_back(multiply(f, moment(data, j)));
    codes.push_back(multiply(images[j], transpose(f)));
    all.add(data.counts[j] / samples, codes[j]);
  }
  HostMatrix const whole = host::cholesky(host::identity_plus(b, all)), inverse = host::inverse_of_factor(whole);
  LinearValues found;
  found.rate = found.expansion = 0.5 * host::log_det_of_factor(whole);
  HostMatrix expansion(width, data.dim), by_encoder(width, data.dim), by_product(width, width);
  for (std::size_t j = 0; j < classes; ++j) {
    double const share = data.counts[j] / samples;
    HostMatrix const decoded = multiply(multiply(a, codes[j]), transpose(a));
    HostMatrix middle = codes[j];
    middle.add(1, decoded);
    HostMatrix const code_factor = host::cholesky(host::identity_plus(b, codes[j])),
                     code_inverse = host::inverse_of_factor(code_factor),
                     decoded_inverse = host::inverse_of_factor(host::cholesky(host::identity_plus(b, decoded))),
                     middle_inverse = host::inverse_of_factor(host::cholesky(host::identity_plus(b / 2, middle)));
    found.expansion -= 0.5 * share * host::log_det_of_factor(code_factor);
    found.inconsistency_by_class.push_back(distance(code_factor, b, codes[j], decoded));
    found.inconsistency += found.inconsistency_by_class.back();
    HostMatrix slope = inverse, v = middle_inverse, w = middle_inverse;
    expansion.add(share * b, multiply(slope.add(-1, code_inverse), images[j]));
    v.add(-1, code_inverse);
    w.add(-1, decoded_inverse);
    HostMatrix const weighted = multiply(w, a);
    by_product.add(b / 2, multiply(weighted, codes[j]));
    by_encoder.add(b / 2, multiply(v.add(1, multiply(transpose(a), weighted)), images[j]));
  }
  by_encoder.add(1, multiply(by_product, transpose(g)));
  found.expansion_by_encoder = std::move(expansion.values);
  found.inconsistency_by_encoder = std::move(by_encoder.values);
  found.inconsistency_by_decoder = multiply(transpose(f), by_product).values;
  found.inconsistency_by_product = std::move(by_product.values);
  return found;
}

Projection project_on_norms(ClassStatistics const& data, std::span<double const> encoder) {
  constexpr char const* where = "krate::games::project_on_norms";
  require_encoder(where, data, encoder.size());
  std::size_t const dim = data.dim, classes = data.classes();
  HostMatrix const start(encoder.size() / dim, dim, encoder);
  HostMatrix const square = multiply(transpose(start), start);
  std::vector<HostMatrix> sums;  // n_j S_j: the constraint is tr(F sums F^T) <= n_j
  for (std::size_t j = 0; j < classes; ++j) sums.push_back(HostMatrix(dim, dim).add(data.counts[j], moment(data, j)));
  struct Point {
    HostMatrix map, squeezed;  // B and B P B
    std::vector<double> excess;
    double residual = 0;
  };
  auto const at = [&](std::vector<double> const& mu) {
    HostMatrix inner = HostMatrix::identity(dim);
    for (std::size_t j = 0; j < classes; ++j) inner.add(mu[j], sums[j]);
    Point p;
    p.map = host::inverse_of_factor(host::cholesky(inner));
    p.squeezed = multiply(multiply(p.map, square), p.map);
    for (std::size_t j = 0; j < classes; ++j) {
      double const h = dot(sums[j], p.squeezed) - data.counts[j];
      p.excess.push_back(h);
      p.residual = std::max(p.residual, mu[j] > 0 ? std::abs(h) : h);
    }
    return p;
  };
  double const enough = 1e-11 * *std::max_element(data.counts.begin(), data.counts.end());
  Projection found{{}, std::vector<double>(classes, 0), 0};
  Point point = at(found.multipliers);
  for (; point.residual > enough; ++found.iterations) {
    if (found.iterations == 200)
      throw NumericalError(where, "no convergence after 200 steps (norms of codes are off by " +
                                      krate::impl::value_text(point.residual) + "); check the scale of the samples");
    std::vector<std::size_t> active;
    for (std::size_t j = 0; j < classes; ++j)
      if (found.multipliers[j] > 0 || point.excess[j] > 0) active.push_back(j);
    HostMatrix hessian(active.size(), active.size()), excess(active.size(), 1);
    double trace = 0;
    for (std::size_t i = 0; i < active.size(); ++i) {
      HostMatrix const left = multiply(point.squeezed, multiply(sums[active[i]], point.map));
      excess(i, 0) = point.excess[active[i]];
      for (std::size_t j = 0; j < active.size(); ++j) hessian(i, j) = 2 * dot(sums[active[j]], left);
      trace += hessian(i, i);
    }
    hessian = hessian.add(1, transpose(hessian));
    for (std::size_t i = 0; i < active.size(); ++i) hessian(i, i) += 2e-15 * trace;
    for (double& x : hessian.values) x /= 2;
    auto const factor = host::cholesky(hessian);
    HostMatrix const step = host::solve_upper(factor, host::solve_lower(factor, excess));
    double part = 1;
    for (int halving = 0;; ++halving, part /= 2) {
      auto mu = found.multipliers;
      for (std::size_t i = 0; i < active.size(); ++i) mu[active[i]] = std::max(0.0, mu[active[i]] + part * step(i, 0));
      auto next = at(mu);
      if (!(next.residual < point.residual) && halving < 40) continue;
      if (halving == 40 && point.residual <= 1e-8 * *std::max_element(data.counts.begin(), data.counts.end())) {
        point.residual = 0;  // as near as rounding lets it come
        break;
      }
      found.multipliers = std::move(mu);
      point = std::move(next);
      break;
    }
  }
  found.encoder = multiply(start, point.map).values;
  return found;
}

std::vector<double> pseudo_inverse(std::span<double const> matrix, std::size_t rows, std::size_t columns) {
  HostMatrix const m(rows, columns, matrix);
  bool const wide = rows <= columns;
  // One product squares the condition: a step of refinement gives the lost digits back.
  auto const e = host::eigen_of(wide ? multiply(m, transpose(m)) : multiply(transpose(m), m));
  double const least = 1e-15 * static_cast<double>(std::max(rows, columns)) * (e.values.empty() ? 0 : e.values.back());
  HostMatrix const inverse = host::applied(e, [&](double x) { return x > least ? 1 / x : 0; });
  HostMatrix found = wide ? multiply(transpose(m), inverse) : multiply(inverse, transpose(m));
  HostMatrix correction = multiply(multiply(found, m), found);
  for (std::size_t k = 0; k < found.values.size(); ++k) found.values[k] = 2 * found.values[k] - correction.values[k];
  return found.values;
}

std::vector<double> polar_factor(std::span<double const> matrix, std::size_t rows, std::size_t columns) {
  HostMatrix m(rows, columns, matrix);
  bool const wide = rows <= columns;
  for (int refinement = 0; refinement < 2; ++refinement) {  // the second makes up for the squared condition
    auto const e = host::eigen_of(wide ? multiply(m, transpose(m)) : multiply(transpose(m), m));
    if (!(e.values.front() > 1e-14 * e.values.back()))
      throw NumericalError("krate::games::polar_factor",
                           "the matrix lacks rank (no nearest semi-orthogonal matrix is the only one); change it");
    HostMatrix const root = host::applied(e, [](double x) { return 1 / std::sqrt(x); });
    m = wide ? multiply(root, m) : multiply(m, root);
  }
  return m.values;
}

Equilibrium oracle_equilibrium(ClassStatistics const& data, std::size_t width, double eps_squared) {
  constexpr char const* where = "krate::games::oracle_equilibrium";
  require_value(eps_squared > 0, where, "eps_squared", eps_squared, "must be positive");
  double const b = static_cast<double>(width) / eps_squared, samples = data.samples();
  Equilibrium found;
  std::vector<host::HostEigen> classes;
  std::size_t total = 0;
  for (std::size_t j = 0; j < data.classes(); ++j) {
    classes.push_back(host::eigen_of(moment(data, j)));
    auto const& values = classes[j].values;
    auto const above = std::count_if(values.begin(), values.end(), [&](double x) { return x > 1e-12 * values.back(); });
    found.ranks.push_back(static_cast<std::size_t>(above));
    total += found.ranks[j];
  }
  require_value(total <= std::min(width, data.dim), where, "dimensions", total,
                "of all classes together must be at most width and dim: the closed form is for independent subspaces");
  HostMatrix bases(data.dim, total), targets(width, total);
  double least = std::numeric_limits<double>::infinity();
  std::size_t at = 0;
  for (std::size_t j = 0; j < data.classes(); ++j) {
    double const rank = static_cast<double>(found.ranks[j]), share = data.counts[j] / samples;
    found.expansion += rank * (0.5 * std::log1p(b * share / rank) - 0.5 * share * std::log1p(b / rank));
    least = std::min(least, share * std::pow(static_cast<double>(width) / rank, 2));
    for (std::size_t k = 0; k < found.ranks[j]; ++k, ++at) {
      std::size_t const row = data.dim - 1 - k;
      for (std::size_t i = 0; i < data.dim; ++i) bases(i, at) = classes[j].vectors(row, i);
      // Principal directions: the class's whitening is diagonal in them.
      targets(at, at) = std::sqrt(1 / (rank * classes[j].values[row]));
    }
  }
  found.precision_ratio = eps_squared * eps_squared / least;
  HostMatrix const inverse(total, data.dim, pseudo_inverse(bases.values, data.dim, total));
  found.maps.encoder = multiply(targets, inverse).values;
  found.maps.decoder = pseudo_inverse(found.maps.encoder, width, data.dim);
  return found;
}

std::vector<double> principal_encoder(ClassStatistics const& data, std::size_t width) {
  constexpr char const* where = "krate::games::principal_encoder";
  require_value(data.classes() == 1, where, "classes", data.classes(), "must be 1");
  require_value(width > 0 && width <= data.dim, where, "width", width, "must be from 1 to dim");
  auto const e = host::eigen_of(moment(data, 0));
  std::vector<double> found;
  for (std::size_t k = 0; k < width; ++k)
    for (std::size_t i = 0; i < data.dim; ++i) found.push_back(e.vectors(data.dim - 1 - k, i));
  return found;
}

double principal_rate(ClassStatistics const& data, std::size_t width, double eps_squared) {
  require_value(data.classes() == 1, "krate::games::principal_rate", "classes", data.classes(), "must be 1");
  auto const e = host::eigen_of(moment(data, 0));
  double sum = 0;
  for (std::size_t k = 0; k < std::min(width, data.dim); ++k)
    sum += 0.5 * std::log1p(static_cast<double>(width) / eps_squared * std::max(0.0, e.values[data.dim - 1 - k]));
  return sum;
}

}  // namespace krate::games
