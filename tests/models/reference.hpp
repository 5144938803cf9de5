// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reference values of tests/data/crate_*.h5 (tests/data/README.md), read into a model.
#pragma once

#include <string>
#include <vector>

#include "krate/io/hdf5.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/models/crate.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "support/array.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {

inline Array read_array(io::File const& file, std::string const& path) {
  Array a;
  a.data = file.read_all<double>(path, &a.shape);
  return a;
}

/// Reads /GROUP/<official name> into each parameter's value.
template <class Model>
void load_official(io::File const& file, std::string const& group, Model const& model) {
  auto const& list = model.parameters();
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    Array const a = read_array(file, group + "/" + model.official_names()[i]);
    krate::testing::assign(list.value(i), a.reshaped({a.size()}));
  }
}

/// One reference model with its input, ready to run.
template <class Space, class T, template <class, class> class Model = models::Crate>
struct ReferenceRun {
  using ExecutionSpace = Space;
  using Scalar = T;
  io::File file;
  Space space;
  Model<Space, T> model;
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<Space>> images;
  Kokkos::View<Label*, Kokkos::LayoutRight, DeviceOf<Space>> labels;
  Arena<Space> arena;
  typename Model<Space, T>::State state;
  Workspace<Space> work;
  Matrix<T, Space> dlogits;
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;

  explicit ReferenceRun(std::string const& name, models::Pass pass = models::Pass::training)
      : file(io::File::open(krate::testing::reference_file(name))),
        model(space, Model<Space, T>::Config::from(file.attributes("/"))),
        images(to_view<Space, T, 4>(read_array(file, "/input/images"))),
        labels(to_view<Space, Label, 1>(read_array(file, "/input/labels"))) {
    load_official(file, "/params", model);
    std::size_t const batch = images.extent(0), classes = model.config().classes;
    std::size_t const extra = cross_entropy_workspace(batch) + measure<Space>([&](auto& w) {
                                w.template take<T>(batch, classes);
                                w.template take<double>();
                                w.template take<std::int64_t>();
                              });
    arena = Arena<Space>(space, model.plan(batch, pass) + extra);
    work = arena.workspace();
    dlogits = work.template take<T>(batch, classes);
    loss = work.template take<double>();
    correct = work.template take<std::int64_t>();
    model.cut(work, batch, pass, state);
  }

  CrossEntropyOptions objective() const {
    return {model.config().label_smoothing, 1.0 / static_cast<double>(images.extent(0))};
  }
  double forward(models::Tap<Space, T> tap = {}) {
    model.forward(space, images, state, work, tap);
    cross_entropy(space, state.logits, labels, objective(), work, loss, correct);
    return to_array(loss).data[0];
  }
  void backward(Tensor4<T, Space> dimages = {}, models::Ready ready = {}) {
    auto const& list = model.parameters();
    for (std::size_t i = 0; i < list.entries().size(); ++i) fill(space, list.gradient(i), T(0));
    cross_entropy_backward(space, state.logits, labels, objective(), dlogits);
    model.backward(space, dlogits, state, work, ready, dimages);
    space.fence("krate::test: backward");
  }
};

}  // namespace krate::testing
