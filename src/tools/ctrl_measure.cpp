// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <numeric>

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/symmetric_eigen.hpp"
#include "tools/ctrl_stages.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t most_compared = 400;  // samples, for angles and distances
constexpr std::size_t most_shown = 240;     // on a heat map

/// Descending singular values of rows.
std::vector<double> singular_values(Space const& space, Rows const& rows) {
  std::size_t const n = rows.count(), d = rows.columns, side = std::min(n, d);
  if (side == 0) return {};
  auto const m = on_device(space, rows);
  DeviceMatrix const gram(Kokkos::view_alloc(space, "krate::tools::gram"), side, side);
  Kokkos::View<double*, DeviceOf<Space>> const values(Kokkos::view_alloc(space, "krate::tools::values"), side);
  if (n < d) {
    gemm(space, "N", "T", 1.0, m, m, 0.0, gram);
  } else {
    gemm(space, "T", "N", 1.0, m, m, 0.0, gram);
  }
  std::size_t const bytes = symmetric_eigen_workspace<double>(1, side, false);
  Arena<Space> const arena(space, bytes, "krate::tools::eigen");
  symmetric_eigenvalues(space, gram, arena.workspace(), values);
  std::vector<double> found(side);
  Kokkos::View<double*, Kokkos::HostSpace, krate::impl::Unmanaged> const host(found.data(), side);
  Kokkos::deep_copy(space, host, values);
  space.fence(KRATE_LABEL("krate::tools::ctrl: singular values are read"));
  std::reverse(found.begin(), found.end());
  for (double& x : found) x = std::sqrt(std::max(x, 0.0));
  return found;
}

std::vector<std::size_t> spread_over(std::size_t count, std::size_t most) {
  std::vector<std::size_t> found(std::min(count, most));
  for (std::size_t i = 0; i < found.size(); ++i) found[i] = i * count / found.size();
  return found;
}

std::vector<double> cosines(Rows const& rows, std::vector<std::size_t> const& chosen) {
  std::vector<double> found;
  for (auto const i : chosen)
    for (auto const k : chosen) {
      double const scale = std::sqrt(dot(rows.row(i), rows.row(i)) * dot(rows.row(k), rows.row(k)));
      found.push_back(scale > 0 ? std::abs(dot(rows.row(i), rows.row(k))) / scale : 0);
    }
  return found;
}

void compare_samples(games::PursuitData const& test, Rows const& samples, Rows const& codes, CtrlScore& score) {
  auto const chosen = spread_over(test.samples(), most_compared);
  auto const angle = cosines(codes, chosen);
  double sum = 0, count = 0;
  score.least_ratio = std::numeric_limits<double>::infinity();
  for (std::size_t a = 0; a < chosen.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      std::size_t const i = chosen[a], k = chosen[b];
      if (test.labels[i] != test.labels[k]) {
        double const c = angle[a * chosen.size() + b];
        score.largest_cosine = std::max(score.largest_cosine, c);
        sum += c;
        ++count;
      }
      auto const apart = [&](Rows const& r) {
        double square = 0;
        for (std::size_t c = 0; c < r.columns; ++c) square += std::pow(r.row(i)[c] - r.row(k)[c], 2);
        return std::sqrt(square);
      };
      double const before = apart(samples);
      if (!(before > 0)) continue;
      score.least_ratio = std::min(score.least_ratio, apart(codes) / before);
      score.largest_ratio = std::max(score.largest_ratio, apart(codes) / before);
    }
  score.mean_cosine = count > 0 ? sum / count : 0;
}

CtrlView view_of(Space const& space, games::PursuitData const& test, Rows const (&stages)[4]) {
  CtrlView view;
  auto const chosen = spread_over(test.samples(), most_shown);
  view.shown = chosen.size();
  for (std::size_t j = 0; j < test.classes; ++j)
    view.sizes.push_back(
        static_cast<std::size_t>(std::count(test.labels.begin(), test.labels.end(), static_cast<Label>(j))));
  for (std::size_t k = 0; k < 4; ++k) {
    view.singular_values[k] = singular_values(space, stages[k]);
    view.cosine[k] = cosines(stages[k], chosen);
    for (std::size_t j = 0; j < test.classes; ++j) {
      Rows part{stages[k].columns};
      for (std::size_t i = 0; i < test.samples(); ++i)
        if (test.labels[i] == static_cast<Label>(j))
          part.values.insert(part.values.end(), stages[k].row(i).begin(), stages[k].row(i).end());
      view.by_class[k].push_back(singular_values(space, part));
    }
  }
  return view;
}

/// What the closed form gives, where the subspaces are as independent as it needs.
double equilibrium_expansion(CtrlSetting const& s, games::PursuitData const& data) {
  if (s.rule.constraint == games::Constraint::orthogonal) {
    auto const one = games::class_statistics(data.rows, data.dim, std::vector<Label>(data.samples(), 0), 1);
    return games::principal_rate(one, s.rule.width, s.rule.eps_squared);
  }
  if (!s.file.empty() || s.hidden > 0) return 0;
  auto const& dims = s.subspaces.dimensions;
  auto const total = std::accumulate(dims.begin(), dims.end(), std::size_t(0));
  if (total > std::min(s.rule.width, data.dim)) return 0;
  double sum = 0;
  double const b = static_cast<double>(s.rule.width) / s.rule.eps_squared;
  for (std::size_t j = 0; j < dims.size(); ++j) {
    double const rank = static_cast<double>(dims[j]);
    double const share =
        static_cast<double>(std::count(data.labels.begin(), data.labels.end(), static_cast<Label>(j))) /
        static_cast<double>(data.samples());
    sum += rank * (0.5 * std::log1p(b * share / rank) - 0.5 * share * std::log1p(b / rank));
  }
  return sum;
}

void add_game(Space const& space, CtrlSetting const& s, CtrlSamples const& samples, std::span<double const> numbers,
              bool with_view, CtrlResult& result) {
  auto const& test = samples.test;
  auto const made = ctrl_stages(space, s, samples, numbers);
  CtrlScore score;
  score.expansion = made.expansion;
  score.inconsistency = made.inconsistency;
  Rows const x{test.dim, test.rows};
  compare_samples(test, x, made.codes, score);
  result.scores.push_back(score);
  for (std::size_t k = 0; k < result.steps; ++k) {
    result.expansion.push_back(made.curve[2 * k]);
    result.inconsistency.push_back(made.curve[2 * k + 1]);
  }
  if (with_view) result.view = view_of(space, test, {x, made.codes, made.decoded, made.recoded});
  result.encoder.insert(result.encoder.end(), made.encoder.begin(), made.encoder.end());
  result.decoder.insert(result.decoder.end(), made.decoder.begin(), made.decoder.end());
}

}  // namespace

std::vector<CtrlResult> measure_ctrl(Context& context, CtrlTask const& task, CtrlState const& state) {
  std::vector<CtrlResult> results;
  for (std::size_t i = 0; i < task.settings.size(); ++i) {
    auto const& s = task.settings[i];
    auto samples = ctrl_samples(context, s, 0);
    context.comm().guarded([&] {
      if (!context.comm().is_root()) return;
      CtrlResult r;
      r.dim = samples.train.dim;
      r.steps = ctrl_steps(s, samples.train.samples());
      r.equilibrium = equilibrium_expansion(s, samples.train);
      std::size_t const each = ctrl_numbers(s, r.dim, r.steps);
      for (std::size_t k = 0; k < task.replicas; ++k) {
        if (k > 0 && s.file.empty()) samples = ctrl_samples(context, s, k);
        add_game(context.space(), s, samples, std::span(state.finished[i]).subspan(k * each, each), k == 0, r);
      }
      results.push_back(std::move(r));
    });
  }
  return results;
}

}  // namespace krate::tools
