// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One layer of a ReduNet, from arrays to arrays.
#pragma once

#include "krate/rate/redunet_layer.hpp"
#include "rate/runs.hpp"
#include "support/redunet_oracle.hpp"

namespace {

template <class T>
struct BuiltLayer {
  Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> expansion;
  Kokkos::View<T***, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> compression;
  Kokkos::View<T*, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> weights;
  Array rates;
  bool failed;
};

template <class T>
BuiltLayer<T> build_layer(Array const& z, std::vector<int> const& labels, krate::ClassRateOptions const& options,
                          Layout layout = Layout::right, krate::comm::Communicator const& comm = {}) {
  std::size_t const d = z.extent(1), classes = options.classes;
  Bench const bench(krate::redunet_layer_build_workspace<TestSpace>(z.extent(0), d, classes));
  Guarded<TestSpace, T, 2> expansion(d, d);
  Guarded<TestSpace, T, 3> compression(classes, d, d);
  Guarded<TestSpace, T, 1> weights(classes);
  Guarded<TestSpace, double, 1> rates(2);
  Scalar0<krate::NumericalStatus> const status("krate::test::status");
  krate::redunet_layer_build(bench.space, comm, laid_out<T>(z, layout), label_view(labels), options, bench.work(),
                             expansion.view(), compression.view(), weights.view(), rates.view(), status);
  bench.space.fence("krate::test: built");
  EXPECT_TRUE(expansion.intact() && compression.intact() && weights.intact() && rates.intact());
  krate::NumericalStatus found;
  Kokkos::deep_copy(Kokkos::View<krate::NumericalStatus, Kokkos::HostSpace, krate::impl::Unmanaged>(&found), status);
  return {view<T, 2>(expansion.array()), view<T, 3>(compression.array()), view<T, 1>(weights.array()), rates.array(),
          found.failed()};
}

struct ForwardResult {
  Array z, logits;
};

template <class T>
ForwardResult forward_layer(Array const& z, BuiltLayer<T> const& layer, krate::RedunetStep const& step) {
  std::size_t const n = z.extent(0), d = z.extent(1), classes = layer.weights.extent(0);
  Bench const bench(krate::redunet_layer_forward_workspace<TestSpace, T>(n, d, classes));
  Guarded<TestSpace, T, 2> next(n, d), logits(n, classes);
  krate::redunet_layer_forward(bench.space, view<T, 2>(z), layer.expansion, layer.compression, layer.weights, step,
                               bench.work(), next.view(), logits.view());
  ForwardResult const found{next.array(), logits.array()};
  EXPECT_TRUE(next.intact() && logits.intact());
  return found;
}

/// Labels 0, 1, ..., classes - 1, 0, ...
inline std::vector<int> labels_in_turn(std::size_t samples, std::size_t classes) {
  std::vector<int> labels(samples);
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<int>(i % classes);
  return labels;
}

}  // namespace
