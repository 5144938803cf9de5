// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A reference model that reads tokens, with its input, ready to run; and what must hold of each.
#pragma once

#include <cmath>
#include <string>

#include "models/reference_curves.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {

template <class Model>
struct TokenReference {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  using ExecutionSpace = Space;
  using Scalar = T;
  io::File file;
  Space space;
  Model model;
  Kokkos::View<Label**, Kokkos::LayoutRight, DeviceOf<Space>> ids, types;
  Kokkos::View<Label*, Kokkos::LayoutRight, DeviceOf<Space>> labels;
  std::size_t counted = 0;
  Arena<Space> arena;
  typename Model::State state;
  Workspace<Space> work;
  Matrix<T, Space> dlogits;
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;

  explicit TokenReference(std::string const& name, models::Pass pass = models::Pass::training)
      : file(io::File::open(krate::testing::reference_file(name))),
        model(space, Model::Config::from(file.attributes("/"))),
        ids(to_view<Space, Label, 2>(read_array(file, "/input/tokens"))) {
    load_official(file, "/params", model);
    if (file.exists("/input/token_types")) types = to_view<Space, Label, 2>(read_array(file, "/input/token_types"));
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
    if constexpr (requires { state.types; }) {
      model.forward(space, ids, types, state, work, tap);
    } else {
      model.forward(space, ids, state, work, tap);
    }
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
      if (block.index == 0) compare(to_array(block.input), "/intermediate/embedding", ReferenceBound<T>::output);
      compare(to_array(block.residual), at + "/residual", ReferenceBound<T>::output);
      compare(to_array(block.tokens), at + "/tokens", ReferenceBound<T>::output);
      ++seen;
    });
    EXPECT_EQ(seen, model.config().depth);
    double const wanted = expected("/output/loss").data[0];
    EXPECT_LE(std::abs(found - wanted), ReferenceBound<T>::loss * std::abs(wanted));
    compare(to_array(state.logits), "/output/logits", ReferenceBound<T>::output);
  }

  void expect_gradients() {
    forward();
    std::vector<ParameterRange> ready;
    backward([&](ParameterRange r) { ready.push_back(r); });
    expect_reference_gradients(*this, ready);
  }
};

/// Token by token a language model gives the logits that it gives of all at once.
template <class Run>
void expect_steps(Run& run) {
  using Space = typename Run::Space;
  using Model = std::decay_t<decltype(run.model)>;
  run.forward();
  Array const all = to_array(run.state.logits), ids = to_array(run.ids);
  std::size_t const batch = ids.extent(0), tokens = ids.extent(1), classes = run.model.config().vocabulary;
  typename Model::State state;
  typename Model::Cache cache;
  auto const cut = [&](auto& work) {
    run.model.cut(work, batch, cache);
    run.model.cut(work, batch, 1, models::Pass::inference, state);
  };
  Arena<Space> const arena(run.space, measure<Space>(cut) + run.model.step_workspace(batch));
  auto work = arena.workspace();
  cut(work);
  for (std::size_t t = 0; t < tokens; ++t) {
    Array now({batch, 1}), expected({batch, classes});
    for (std::size_t b = 0; b < batch; ++b) {
      now(b, 0) = ids(b, t);
      for (std::size_t c = 0; c < classes; ++c) expected(b, c) = all(b * tokens + t, c);
    }
    run.model.step(run.space, to_view<Space, Label, 2>(now), t, state, cache, work);
    EXPECT_LE(worst_error(to_array(state.logits), expected), ReferenceBound<typename Run::T>::output) << "token " << t;
  }
}

}  // namespace krate::testing
