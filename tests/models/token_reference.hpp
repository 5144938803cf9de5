// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A reference model that reads tokens, with its input, ready to run; and what must hold of each.
#pragma once

#include <cmath>
#include <string>

#include "krate/optim/gradient_clip.hpp"
#include "krate/optim/optimizer.hpp"
#include "krate/optim/schedule.hpp"
#include "models/reference.hpp"
#include "support/op_test.hpp"

namespace krate::testing {

/// Double: rounding, with a margin. Float: ten times what the authors' code does in float32 (tests/data/README.md).
template <class T>
struct TokenBound {
  static constexpr bool is_double = std::is_same_v<T, double>;
  static constexpr double output = is_double ? 1e-10 : 1.3e-5, loss = is_double ? 1e-10 : 1e-6,
                          gradient = is_double ? 1e-10 : 5e-5;
};

template <class Model>
struct TokenReference {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  io::File file;
  Space space;
  Model model;
  Kokkos::View<Label**, Kokkos::LayoutRight, DeviceOf<Space>> ids;
  Kokkos::View<Label*, Kokkos::LayoutRight, DeviceOf<Space>> labels;
  std::size_t counted = 0;
  Arena<Space> arena;
  typename Model::State state;
  Workspace<Space> work;
  Matrix<T, Space> dlogits;
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;

  explicit TokenReference(std::string const& name, models::Pass pass = models::Pass::training)
      : file(io::File::open(std::string(KRATE_TEST_DATA) + "/" + name)),
        model(space, Model::Config::from(file.attributes("/"))),
        ids(to_view<Space, Label, 2>(read_array(file, "/input/tokens"))) {
    load_official(file, "/params", model);
    Array const all = read_array(file, "/input/labels");
    labels = to_view<Space, Label, 1>(all.reshaped({all.size()}));
    for (double const label : all.data) counted += label >= 0;
    std::size_t const rows = ids.size(), classes = model.config().vocabulary;
    std::size_t const extra = cross_entropy_workspace(rows) + measure<Space>([&](auto& w) { cut(w, rows, classes); });
    arena = Arena<Space>(space, model.plan(ids.extent(0), ids.extent(1), pass) + extra);
    work = arena.workspace();
    cut(work, rows, classes);
    model.cut(work, ids.extent(0), ids.extent(1), pass, state);
  }
  void cut(Workspace<Space>& w, std::size_t rows, std::size_t classes) {
    dlogits = w.template take<T>(rows, classes);
    loss = w.template take<double>();
    correct = w.template take<std::int64_t>();
  }

  CrossEntropyOptions objective() const {
    return {model.config().label_smoothing, 1.0 / static_cast<double>(counted), true};
  }
  double forward(models::Tap<Space, T> tap = {}) {
    model.forward(space, ids, state, work, tap);
    cross_entropy(space, state.logits, labels, objective(), work, loss, correct);
    return to_array(loss).data[0];
  }
  void backward(models::Ready ready = {}) {
    auto const& list = model.parameters();
    for (std::size_t i = 0; i < list.entries().size(); ++i) fill(space, list.gradient(i), T(0));
    cross_entropy_backward(space, state.logits, labels, objective(), dlogits);
    model.backward(space, dlogits, state, work, ready);
    space.fence("krate::test: backward");
  }

  Array expected(std::string const& path) const { return read_array(file, path); }
  void compare(Array const& found, std::string const& path, double bound) const {
    Array const wanted = expected(path);
    EXPECT_LE(worst_error(found.reshaped(wanted.shape), wanted), bound) << path;
  }

  void expect_outputs() {
    std::size_t seen = 0;
    double const found = forward([&](models::BlockView<Space, T> const& block) {
      std::string const at = "/intermediate/block_" + std::to_string(block.index);
      if (block.index == 0) compare(to_array(block.input), "/intermediate/embedding", TokenBound<T>::output);
      compare(to_array(block.residual), at + "/residual", TokenBound<T>::output);
      compare(to_array(block.tokens), at + "/tokens", TokenBound<T>::output);
      ++seen;
    });
    EXPECT_EQ(seen, model.config().depth);
    double const wanted = expected("/output/loss").data[0];
    EXPECT_LE(std::abs(found - wanted), TokenBound<T>::loss * std::abs(wanted));
    compare(to_array(state.logits), "/output/logits", TokenBound<T>::output);
  }

  void expect_gradients() {
    forward();
    std::vector<ParameterRange> ready;
    backward([&](ParameterRange r) { ready.push_back(r); });
    auto const& list = model.parameters();
    double squares = 0;
    for (std::size_t i = 0; i < list.entries().size(); ++i) {
      Array const found = to_array(list.gradient(i));
      squares += dot(found, found);
      compare(found, "/grads/" + model.official_names()[i], TokenBound<T>::gradient);
    }
    double const norm = expected("/output/grad_norm").data[0];
    EXPECT_LE(std::abs(std::sqrt(squares) - norm), TokenBound<T>::gradient * norm);
    std::size_t end = list.length();  // ranges come last layer first and cover the buffer once
    for (auto const& r : ready) {
      EXPECT_EQ(r.end, end);
      end = r.begin;
    }
    EXPECT_EQ(end, 0u);
  }

  /// Ten steps of the file's curve; parameters as they start are needed.
  void expect_curve(std::string const& optimizer) {
    std::string const at = "/curves/" + optimizer;
    auto const about = file.attributes(at);
    auto const value = [&](char const* key) { return about.template get<double>(key); };
    optim::Rule rule = optim::AdamW{value("lr"), value("beta1"), value("beta2"), value("eps"), value("weight_decay")};
    if (optimizer == "lion") rule = optim::Lion{value("lr"), value("beta1"), value("beta2"), value("weight_decay")};
    auto const& list = model.parameters();
    optim::OptimizerState<Space, T> const optimizer_state(space, rule, list);
    Kokkos::View<double, Space> const norm("norm");
    Kokkos::View<T, Space> const scale("scale");
    Array const losses = expected(at + "/loss"), norms = expected(at + "/grad_norm"), rates = expected(at + "/lr");
    for (std::int64_t step = 0; step < 10; ++step) {
      EXPECT_NEAR(forward(), losses(step), 1e-8 * losses(step)) << "before step " << step;
      backward();
      optim::gradient_norm(space, list, work, norm);
      optim::clip_scale(space, norm, value("clip_norm"), scale);
      EXPECT_NEAR(to_array(norm).data[0], norms(step), 1e-7 * norms(step));
      optim::update(space, rule, rates(step), step + 1, list, scale, optimizer_state);
    }
    EXPECT_NEAR(forward(), losses(10), 1e-8 * losses(10)) << "after the last step";
    for (std::size_t i = 0; i < list.entries().size(); ++i)
      compare(to_array(list.value(i)), at + "/params_after/" + model.official_names()[i], 1e-8);
  }
};

}  // namespace krate::testing
