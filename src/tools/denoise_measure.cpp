// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>

#include "krate/analysis/subspace_mixture.hpp"
#include "krate/attention/mssa.hpp"
#include "krate/rate/subspace_coding_rate.hpp"
#include "tools/denoise.hpp"

namespace krate::tools {

namespace {

using Numbers = std::vector<double>;
template <class Data>
using Owned = Kokkos::View<Data, Kokkos::LayoutRight, DeviceOf<Space>>;

double dot_product(Numbers const& a, Numbers const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double cosine(Numbers const& a, Numbers const& b) {
  return dot_product(a, b) / std::sqrt(dot_product(a, a) * dot_product(b, b));
}

/// a + factor b
Numbers sum(Numbers a, double factor, Numbers const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
  return a;
}

template <class V>
void upload(Space const& space, Numbers const& from, V const& to) {
  auto const host = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, to);
  std::copy(from.begin(), from.end(), host.data());
  Kokkos::deep_copy(space, to, host);
  space.fence("krate::tools::denoise: numbers are there");
}

template <class V>
Numbers download(Space const& space, V const& from) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(space, Kokkos::HostSpace{}), from);
  space.fence("krate::tools::denoise: numbers are read");
  return {host.data(), host.data() + host.size()};
}

/// The samples as the tokens of one sequence, the subspaces as its heads.
class Attention {
 public:
  Attention(Space const& space, DenoiseProblem const& p, analysis::SubspaceMixture const& mixture)
      : space_(space),
        problem_(p),
        layer_(space, {.dim = p.dim, .heads = p.subspaces, .head_dim = p.width, .max_tokens = p.samples}),
        x_("krate::tools::denoise::x", 1, p.samples, p.dim),
        y_("krate::tools::denoise::y", 1, p.samples, p.dim),
        u_("krate::tools::denoise::u", p.subspaces * p.width, p.dim),
        du_("krate::tools::denoise::du", p.subspaces * p.width, p.dim),
        back_("krate::tools::denoise::back", p.dim, p.subspaces * p.width),
        rate_("krate::tools::denoise::rate", 1),
        arena_(space, subspace_coding_rate_workspace<double>(1, p.samples, p.subspaces, p.width)) {
    std::size_t const inner = p.subspaces * p.width;
    Numbers back(mixture.basis.size());
    for (std::size_t i = 0; i < inner; ++i)
      for (std::size_t j = 0; j < p.dim; ++j) back[j * inner + i] = mixture.basis[i * p.dim + j];
    upload(space, mixture.basis, u_);
    upload(space, back, back_);
  }

  void measure(Numbers const& x, DenoiseMeasure& found) {
    upload(space_, x, x_);
    layer_.forward(space_, x_, u_, back_, Owned<double*>(), y_);
    Numbers const mssa = download(space_, y_);
    subspace_coding_rate_gradient(space_, x_, u_, {.eps_squared = problem_.eps_squared, .heads = problem_.subspaces},
                                  arena_.workspace(), rate_, y_, du_);
    Numbers const down = sum(Numbers(x.size(), 0.0), -1, download(space_, y_));
    double const gamma =
        static_cast<double>(problem_.width) / (static_cast<double>(problem_.samples) * problem_.eps_squared);
    found.cosine_mssa = cosine(mssa, down);
    found.cosine_step = cosine(sum(sum(Numbers(x.size(), 0.0), -1, x), gamma, mssa), down);
  }

 private:
  Space space_;
  DenoiseProblem const& problem_;
  Mssa<Space, double> layer_;
  Owned<double***> x_, y_;
  Owned<double**> u_, du_, back_;
  Owned<double*> rate_;
  Arena<Space> arena_;
};

}  // namespace

std::vector<DenoiseMeasure> measure_denoising(Space const& space, DenoiseProblem const& p) {
  Seed const seed{static_cast<std::uint64_t>(p.seed)};
  auto const mixture = analysis::random_mixture(p.dim, p.subspaces, p.width, seed);
  Numbers const z = analysis::draw_samples(mixture, p.samples, seed),
                e = analysis::draw_noise(mixture, p.samples, seed);
  Attention attention(space, p, mixture);
  std::vector<DenoiseMeasure> found;
  for (double const sigma : p.sigmas) {
    Numbers const x = sum(z, sigma, e), mean = analysis::posterior_mean(mixture, sigma, x);
    Numbers const apart = sum(analysis::soft_projection(mixture, sigma, x), -1, mean);
    DenoiseMeasure here{.sigma = sigma,
                        .relative_error = std::sqrt(dot_product(apart, apart) / dot_product(mean, mean))};
    attention.measure(x, here);
    found.push_back(here);
  }
  return found;
}

}  // namespace krate::tools
