// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <limits>

#include "krate/analysis/class_geometry.hpp"
#include "krate/analysis/constrained_maximiser.hpp"
#include "krate/analysis/lanczos.hpp"
#include "krate/analysis/regularised_ascent.hpp"
#include "krate/analysis/regularised_maximiser.hpp"
#include "krate/core/arena.hpp"
#include "krate/nn/initialize.hpp"
#include "tools/landscape.hpp"

namespace krate::tools {

namespace {

using Features = Kokkos::View<double**, Kokkos::LayoutRight, DeviceOf<Space>>;

class Climber {
 public:
  Climber(Space const& space, LandscapeProblem const& problem)
      : space_(space),
        problem_(problem),
        samples_(static_cast<std::size_t>(problem.rates.samples())),
        dim_(problem.rates.dim),
        z_(Kokkos::view_alloc(space, "krate::tools::landscape::z"), samples_, dim_),
        labels_(Kokkos::view_alloc(space, "krate::tools::landscape::labels"), samples_) {
    auto const host = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, labels_);
    std::size_t row = 0;
    for (std::size_t k = 0; k < problem.rates.class_sizes.size(); ++k)
      for (std::int64_t i = 0; i < problem.rates.class_sizes[k]; ++i) host(row++) = static_cast<Label>(k);
    Kokkos::deep_copy(space, labels_, host);
    space.fence("krate::tools::landscape: labels are there");
  }

  LandscapeStart climb(std::size_t start) {
    initialize_normal(space_, z_, problem_.scale, Seed{static_cast<std::uint64_t>(problem_.seed)},
                      static_cast<std::uint32_t>(start));
    analysis::AscentOptions const options{.iterations = problem_.iterations};
    auto const trace = problem_.constrained()
                           ? analysis::constrained_ascent(space_, z_, problem_.rates, problem_.bounds, options)
                           : analysis::regularised_ascent(space_, z_, labels_, objective(), options);
    LandscapeStart found;
    found.objective = trace.objective;
    found.gradient_norm = trace.gradient_norm;
    found.converged = trace.converged;
    found.hessian_top = problem_.constrained() ? std::numeric_limits<double>::quiet_NaN() : hessian_top();
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(space_, Kokkos::HostSpace{}), z_);
    space_.fence("krate::tools::landscape: features are read");
    found.features.assign(host.data(), host.data() + host.size());
    return found;
  }

  /// Singular values, ranks and angles of the features; @return all cosines
  std::vector<double> measure(LandscapeForm const& form, LandscapeStart& start) {
    auto const host = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, z_);
    std::copy(start.features.begin(), start.features.end(), host.data());
    Kokkos::deep_copy(space_, z_, host);
    auto const& sizes = problem_.rates.class_sizes;
    start.sigma = analysis::class_singular_values(space_, z_, sizes);
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      double const least = problem_.constrained() ? 1e-4 * form.sigma[k] : std::sqrt(form.s_minus[k]);
      start.ranks.push_back(
          std::count_if(start.sigma[k].begin(), start.sigma[k].end(), [&](double s) { return s > least; }));
    }
    auto cosines = analysis::absolute_cosines(space_, z_);
    start.cross_cosine = analysis::largest_cross_cosine(cosines, sizes);
    return cosines;
  }

 private:
  RegularisedRateOptions objective() const {
    return {.eps_squared = problem_.rates.eps_squared,
            .lambda = problem_.lambda,
            .classes = problem_.rates.class_sizes.size()};
  }

  double hessian_top() const {
    std::size_t const size = samples_ * dim_;
    std::size_t const vectors = std::clamp<std::size_t>((std::size_t(1) << 26) / size, 10, 300);
    Arena<Space> const arena(
        space_, regularised_rate_hessian_workspace<double>(samples_, dim_, problem_.rates.class_sizes.size()),
        "krate::tools::landscape");
    auto const found = analysis::largest_eigenvalues<Space>(
        space_, size, {.most_products = vectors, .tolerance = 1e-8},
        [&](ConstVector<double, Space> x, Vector<double, Space> y) {
          regularised_rate_hessian_product(space_, z_, labels_, objective(),
                                           ConstMatrix<double, Space>(x.data(), samples_, dim_), arena.workspace(),
                                           Matrix<double, Space>(y.data(), samples_, dim_));
        });
    return found.converged ? found.values[0] : std::numeric_limits<double>::quiet_NaN();
  }

  Space space_;
  LandscapeProblem const& problem_;
  std::size_t samples_, dim_;
  Features z_;
  Kokkos::View<Label*, DeviceOf<Space>> labels_;
};

/// What each rank has of its starts becomes known to all; a start is numbers of one length.
void share_starts(comm::Communicator const& comm, comm::Share const& mine, std::vector<LandscapeStart>& starts,
                  std::size_t size) {
  std::int64_t longest = 0;
  for (auto const& start : starts) longest = std::max(longest, static_cast<std::int64_t>(start.objective.size()));
  longest = comm.all_reduce<std::int64_t>(longest, comm::Reduction::max);
  auto const length = static_cast<std::size_t>(longest);
  std::size_t const each = 3 + 2 * length + size;
  std::vector<double> all(starts.size() * each, 0);
  for (std::size_t i = mine.begin; i < mine.begin + mine.count; ++i) {
    auto const& start = starts[i];
    auto to = all.begin() + static_cast<std::ptrdiff_t>(i * each);
    *to++ = static_cast<double>(start.objective.size());
    *to++ = start.converged;
    *to++ = start.hessian_top;
    std::copy(start.objective.begin(), start.objective.end(), to);
    std::copy(start.gradient_norm.begin(), start.gradient_norm.end(), to + longest);
    std::copy(start.features.begin(), start.features.end(), to + 2 * longest);
  }
  comm.all_reduce(std::span<double>(all));  // all but one rank add zeros
  for (std::size_t i = 0; i < starts.size(); ++i) {
    auto from = all.begin() + static_cast<std::ptrdiff_t>(i * each);
    auto const points = static_cast<std::ptrdiff_t>(*from++);
    starts[i].converged = *from++ != 0;
    starts[i].hessian_top = *from++;
    starts[i].objective.assign(from, from + points);
    starts[i].gradient_norm.assign(from + longest, from + longest + points);
    starts[i].features.assign(from + 2 * longest, from + 2 * longest + static_cast<std::ptrdiff_t>(size));
  }
}

}  // namespace

LandscapeForm landscape_form(LandscapeProblem const& problem) {
  LandscapeForm form;
  if (problem.constrained()) {
    auto const found = analysis::constrained_maximiser(problem.rates, problem.bounds);
    form.precision_ratio = found.precision_ratio;
    form.is_global = found.is_global;
    form.value = found.value;
    form.sigma = found.sigma;
    form.ranks = problem.bounds;
    return form;
  }
  auto const found = analysis::regularised_maximiser(problem.rates, problem.lambda);
  form.lambda_max = found.lambda_max;
  form.lambda_glob = found.lambda_glob;
  form.value = found.value;
  form.ranks = found.ranks;
  for (auto const& c : found.classes) {
    form.sigma.push_back(c.sigma);
    form.s_minus.push_back(c.s_minus);
    form.kappa.push_back(c.kappa);
  }
  return form;
}

Landscape climb_landscape(Context& context, LandscapeProblem const& problem) {
  Space const& space = context.space();
  auto const& comm = context.comm();
  Landscape found{.problem = problem, .form = landscape_form(problem), .starts = {}, .best = 0, .cosines = {}};
  found.starts.resize(problem.starts);
  Climber climber(space, problem);
  auto const mine = comm::share_of(problem.starts, comm.rank(), comm.size());
  comm.guarded([&] {
    auto progress = context.progress("climbs", mine.count);
    for (std::size_t i = 0; i < mine.count; ++i) {
      auto& start = found.starts[mine.begin + i];
      start = climber.climb(mine.begin + i);
      progress.update(i + 1, "objective " + std::to_string(start.objective.back()));
    }
  });
  share_starts(comm, mine, found.starts, static_cast<std::size_t>(problem.rates.samples()) * problem.rates.dim);
  for (std::size_t i = 0; i < problem.starts; ++i) {
    auto cosines = climber.measure(found.form, found.starts[i]);
    if (i > 0 && found.starts[i].objective.back() <= found.starts[found.best].objective.back()) continue;
    found.best = i;
    found.cosines = std::move(cosines);
  }
  return found;
}

}  // namespace krate::tools
