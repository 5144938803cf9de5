// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <tuple>

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "krate/nn/linear.hpp"
#include "krate/optim/optimizer.hpp"
#include "krate/optim/schedule.hpp"
#include "tools/probe.hpp"

namespace krate::tools {

namespace {

/// Makes mean 0 and deviation 1 of each column of `train`, and does the same to `test`; constant columns become 0.
void standardise(Rows& train, Rows& test) {
  std::size_t const n = train.count(), d = train.columns;
  for (std::size_t j = 0; j < d; ++j) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < n; ++i) mean += train.values[i * d + j] / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
      double const x = train.values[i * d + j] - mean;
      square += x * x / static_cast<double>(n);
    }
    double const scale = square > 0 ? 1 / std::sqrt(square) : 0;
    for (Rows* rows : {&train, &test})
      for (std::size_t i = 0; i < rows->count(); ++i)
        rows->values[i * d + j] = scale * (rows->values[i * d + j] - mean);
  }
}

}  // namespace

std::vector<Label> linear_probe(Space const& space, Rows const& known, std::span<Label const> labels, Rows const& asked,
                                std::size_t classes) {
  constexpr std::int64_t steps = 200;
  optim::Schedule const schedule{optim::Schedule::Kind::warmup_cosine, 0.05, steps, 10, 0};
  Rows train = known, test = asked;
  standardise(train, test);
  std::size_t const n = train.count(), d = train.columns;
  auto const x = on_device(space, train);
  ParameterList<Space, double> const list(
      space, {{"weight", {classes, d}, true, Split::replicated}, {"bias", {classes}, false, Split::replicated}});
  auto const take = [&](auto& work) {
    return std::tuple(work.template take<double>(n, classes), work.template take<double>(n, classes),
                      work.template take<Label>(n), work.template take<double>(), work.template take<std::int64_t>(),
                      work.template take<double>());
  };
  std::size_t const scratch = std::max(cross_entropy_workspace(n), linear_backward_workspace<double>(classes));
  Arena<Space> const arena(space, measure<Space>(take) + scratch, "krate::tools::linear_probe");
  auto work = arena.workspace();
  auto const [logits, dlogits, names, loss, correct, scale] = take(work);
  Kokkos::deep_copy(space, names,
                    Kokkos::View<Label const*, Kokkos::HostSpace, impl::Unmanaged>(labels.data(), labels.size()));
  optim::AdamW const rule{.learning_rate = schedule.learning_rate, .weight_decay = 1e-2};
  optim::OptimizerState<Space, double> const state(space, rule, list);
  for (auto const& s : list.segments()) fill(space, s.value, 0.0);
  fill(space, scale, 1.0);
  CrossEntropyOptions const mean{0, 1 / static_cast<double>(n)};
  for (std::int64_t step = 0; step < steps; ++step) {
    for (auto const& s : list.segments()) fill(space, s.gradient, 0.0);
    linear(space, x, list.value_matrix(0), list.value(1), logits);
    cross_entropy(space, logits, names, mean, work, loss, correct);
    cross_entropy_backward(space, logits, names, mean, dlogits);
    linear_backward(space, x, list.value_matrix(0), dlogits, work, Matrix<double, Space>(), list.gradient_matrix(0),
                    list.gradient(1));
    optim::update(space, rule, schedule.at(step), step + 1, list, scale, state);
  }
  DeviceMatrix const answers(Kokkos::view_alloc(space, "krate::tools::linear_probe::answers"), test.count(), classes);
  linear(space, on_device(space, test), list.value_matrix(0), list.value(1), answers);
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(space, Kokkos::HostSpace{}), answers);
  space.fence("krate::tools::linear_probe: answers are read");
  std::vector<Label> found(test.count());
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const* const first = host.data() + i * classes;
    found[i] = static_cast<Label>(std::max_element(first, first + classes) - first);
  }
  return found;
}

}  // namespace krate::tools
