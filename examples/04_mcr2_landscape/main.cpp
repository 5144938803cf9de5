// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Climbs the regularised rate reduction from a random start, and compares where it ends with the closed form.
// usage: mcr2_landscape DIM SIZE,SIZE,... [LAMBDA_FRACTION]      e.g. 30 20,30,40 0.1
#include <cstdio>
#include <cstdlib>
#include <krate/krate.hpp>

using Space = Kokkos::DefaultExecutionSpace;
namespace analysis = krate::analysis;

void climb(analysis::RateProblem const& problem, double fraction) {
  double const lambda = fraction * analysis::largest_lambda(problem);
  auto const form = analysis::regularised_maximiser(problem, lambda);

  Space const space;
  auto const samples = static_cast<std::size_t>(problem.samples());
  Kokkos::View<double**, Kokkos::LayoutRight, Space> const z("z", samples, problem.dim);
  Kokkos::View<krate::Label*, Space> const labels("labels", samples);
  krate::initialize_normal(space, z, 1.0, krate::Seed{7}, 0);
  std::size_t begin = 0;  // classes are consecutive rows
  for (std::size_t k = 0; k < problem.class_sizes.size(); ++k) {
    std::size_t const end = begin + static_cast<std::size_t>(problem.class_sizes[k]);
    Kokkos::deep_copy(space, Kokkos::subview(labels, std::pair(begin, end)), static_cast<krate::Label>(k));
    begin = end;
  }

  krate::RegularisedRateOptions const objective{
      .eps_squared = problem.eps_squared, .lambda = lambda, .classes = problem.class_sizes.size()};
  auto const trace = analysis::regularised_ascent(space, z, labels, objective);
  std::printf("%s: objective from %.4f to %.4f; the global maximum is %.4f\n",
              trace.converged ? "converged" : "not converged", trace.objective.front(), trace.objective.back(),
              form.value);

  auto const sigma = analysis::class_singular_values(space, z, problem.class_sizes);
  std::int64_t total = 0;
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    double const s_plus = form.classes[k].s_plus;
    double worst = 0;
    for (double const s : sigma[k]) {
      if (s * s <= form.classes[k].s_minus) continue;  // fell back over the barrier
      ++total;
      worst = std::max(worst, std::abs(s * s / s_plus - 1));
    }
    std::printf("class %zu: singular values are %.6f by the formula, %s\n", k, form.classes[k].sigma,
                worst < 1e-6 ? "and here" : "but not here");
  }
  double const cosine = analysis::largest_cross_cosine(analysis::absolute_cosines(space, z), problem.class_sizes);
  std::printf("%lld directions in all; classes are %s\n", static_cast<long long>(total),
              cosine < 1e-9 ? "orthogonal" : "not orthogonal");
}

/// "20,30,40"; empty if it is not that
std::vector<std::int64_t> sizes_of(char const* text) {
  std::vector<std::int64_t> sizes;
  for (char* end = nullptr;; text = end + 1) {
    sizes.push_back(std::strtoll(text, &end, 10));
    if (end == text || (*end != ',' && *end != 0)) return {};
    if (*end == 0) return sizes;
  }
}

int main(int argc, char** argv) {
  long long const dim = argc > 2 ? std::atoll(argv[1]) : 0;
  auto const sizes = argc > 2 ? sizes_of(argv[2]) : std::vector<std::int64_t>();
  double const fraction = argc == 4 ? std::atof(argv[3]) : 0.1;
  if (argc < 3 || argc > 4 || dim <= 0 || sizes.empty())
    return std::fprintf(stderr, "usage: %s DIM SIZE,SIZE,... [LAMBDA_FRACTION]\n", argv[0]), 2;
  Kokkos::initialize(argc, argv);
  int failed = 0;
  try {
    climb({static_cast<std::size_t>(dim), sizes, 0.5}, fraction);
  } catch (krate::Error const& error) {  // one class, an empty class, lambda out of its range
    std::fprintf(stderr, "%s\n", error.what());
    failed = 1;
  }
  Kokkos::finalize();
  return failed;
}
