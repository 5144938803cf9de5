// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests of all models of the family ask of a run with reference values.
#pragma once

#include "krate/optim/gradient_clip.hpp"
#include "krate/optim/optimizer.hpp"
#include "krate/optim/schedule.hpp"
#include "models/reference.hpp"
#include "support/op_test.hpp"

namespace krate::testing {

/// Double: rounding, with a margin. Float: ten times what the authors' code does in float32 (tests/data/README.md).
template <class T>
struct ReferenceBound {
  static constexpr bool is_double = std::is_same_v<T, double>;
  static constexpr double output = is_double ? 1e-10 : 1.3e-5, loss = is_double ? 1e-10 : 1e-6,
                          gradient = is_double ? 1e-10 : 5e-5;
};

/// After a backward pass: every gradient, their norm, and that `ready` covers the buffer once, last layer first.
template <class Run>
void expect_reference_gradients(Run& run, std::vector<ParameterRange> const& ready) {
  constexpr double bound = ReferenceBound<typename Run::Scalar>::gradient;
  auto const& list = run.model.parameters();
  double squares = 0;
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    Array const found = to_array(list.gradient(i));
    squares += dot(found, found);
    auto const& name = run.model.official_names()[i];
    if (run.file.attributes("/params/" + name).template get<std::string>("role") == "frozen") {
      EXPECT_EQ(dot(found, found), 0) << name;
      continue;
    }
    EXPECT_LE(worst_error(found, read_array(run.file, "/grads/" + name)), bound) << list.entries()[i].name;
  }
  double const norm = read_array(run.file, "/output/grad_norm").data[0];
  EXPECT_LE(std::abs(std::sqrt(squares) - norm), bound * norm);
  std::size_t end = list.length();
  for (auto const& r : ready) {
    EXPECT_EQ(r.end, end);
    end = r.begin;
  }
  EXPECT_EQ(end, 0u);
}

/// Ten full-batch steps of an optimizer along the losses and norms of the file.
template <class Run>
void take_reference_steps(Run& run, std::string const& optimizer) {
  using Space = typename Run::ExecutionSpace;
  using T = typename Run::Scalar;
  std::string const at = "/curves/" + optimizer;
  auto const about = run.file.attributes(at);
  auto const value = [&](char const* key) { return about.template get<double>(key); };
  optim::Rule rule = optim::AdamW{value("lr"), value("beta1"), value("beta2"), value("eps"), value("weight_decay")};
  if (optimizer == "lion") rule = optim::Lion{value("lr"), value("beta1"), value("beta2"), value("weight_decay")};
  optim::Schedule const schedule{optim::parse_schedule(about.template get<std::string>("schedule")), value("lr"), 10,
                                 about.template get<std::int64_t>("warmup_steps"), value("min_lr")};
  auto const& list = run.model.parameters();
  optim::OptimizerState<Space, T> const state(run.space, rule, list);
  Kokkos::View<double, Space> const norm("norm");
  Kokkos::View<T, Space> const scale("scale");
  Array const losses = read_array(run.file, at + "/loss"), norms = read_array(run.file, at + "/grad_norm");
  for (std::int64_t step = 0; step < 10; ++step) {
    EXPECT_NEAR(run.forward(), losses(step), 1e-8 * losses(step)) << "before step " << step;
    run.backward();
    optim::gradient_norm(run.space, list, run.work, norm);
    optim::clip_scale(run.space, norm, value("clip_norm"), scale);
    EXPECT_NEAR(to_array(norm).data[0], norms(step), 1e-7 * norms(step));
    optim::update(run.space, rule, schedule.at(step), step + 1, list, scale, state);
  }
}

/// What the steps end at, in double: parameters after them are not comparable in float.
template <class Run>
void expect_reference_curve(Run& run, std::string const& optimizer) {
  take_reference_steps(run, optimizer);
  std::string const at = "/curves/" + optimizer;
  auto const& list = run.model.parameters();
  double const last = read_array(run.file, at + "/loss")(10);
  EXPECT_NEAR(run.forward(), last, 1e-8 * last) << "after the last step";
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    EXPECT_LE(worst_error(to_array(list.value(i)),
                          read_array(run.file, at + "/params_after/" + run.model.official_names()[i])),
              1e-8)
        << list.entries()[i].name;
  }
}

}  // namespace krate::testing
