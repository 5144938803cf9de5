// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What Inference::evaluate does with features that were trained by MCR2: nothing larger than a batch is kept of them.
#pragma once

#include <algorithm>
#include <vector>

#include "krate/analysis/class_subspaces.hpp"
#include "krate/rate/impl/host_copy.hpp"
#include "krate/rate/redunet_layer.hpp"
#include "krate/train/inference.hpp"

namespace krate::train {

template <class Model>
Evaluation Inference<Model>::evaluate_features(Space const& space, comm::Communicator const& comm,
                                               SourceOf<Model>& source, Part part,
                                               Part reference) requires(!ReadsTokens<Model> && !RemovesPatches<Model>) {
  auto const& c = model_.config();
  Kokkos::View<T**, Kokkos::LayoutRight, DeviceOf<Space>> const unit(
      Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::train::features"), batch_, c.dim);
  Kokkos::View<Label*, DeviceOf<Space>> const nearest(
      Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::train::nearest"), batch_);
  auto const rows_of = [&](Batch const& b) -> ConstMatrix<T, Space> {
    if (c.mcr2->frobenius > 0) return b.features;
    Matrix<T, Space> const rows(unit.data(), b.features.extent(0), c.dim);
    normalize_rows(space, b.features, rows);
    return rows;
  };

  ClassMoments<Space> known(space, comm, {.dim = c.dim, .classes = c.classes}),
      seen(space, comm, {.dim = c.dim, .classes = c.classes});
  run(space, source, reference, share(comm, source.size(reference)),
      [&](Batch const& b) { known.add(space, rows_of(b), b.labels); });
  analysis::ClassSubspaces<Space> const subspaces(space, known, std::max<std::size_t>(1, c.dim / c.classes));

  std::int64_t correct = 0;
  std::vector<Label> labels(batch_), found(batch_);
  run(space, source, part, share(comm, source.size(part)), [&](Batch const& b) {
    std::size_t const count = b.labels.extent(0);
    auto const rows = rows_of(b);
    seen.add(space, rows, b.labels);
    Vector<Label, Space> const answers(nearest.data(), count);
    subspaces.classify(space, rows, answers);
    krate::impl::copy_to_host(space, answers, found, KRATE_LABEL("krate::train::Inference: answers are read"));
    krate::impl::copy_to_host(space, b.labels, labels, KRATE_LABEL("krate::train::Inference: labels are read"));
    for (std::size_t i = 0; i < count; ++i) correct += found[i] == labels[i];
  });

  Evaluation result;
  result.samples = static_cast<std::int64_t>(source.size(part));
  result.correct = comm.all_reduce(correct);
  result.loss = -seen.result(space, c.mcr2->eps_squared).rate_reduction;
  if (c.mcr2->frobenius > 0) {
    double square = 0;  // the trace of the moments
    seen.for_each_moment(space, [&](std::size_t, std::span<double const> lower) {
      for (std::size_t i = 0; i < c.dim; ++i) square += lower[i * (i + 1) / 2 + i];
    });
    result.loss += c.mcr2->frobenius / 2 * square;
  }
  return result;
}

}  // namespace krate::train
