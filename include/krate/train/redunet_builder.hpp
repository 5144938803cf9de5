// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/core/arena.hpp"
#include "krate/core/function_ref.hpp"
#include "krate/linalg/cholesky.hpp"
#include "krate/models/redunet.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "krate/rate/redunet_layer.hpp"
#include "krate/train/inference.hpp"

namespace krate::train {

/// Samples with labels on this rank; may be none. The rows of z become the features behind the last layer.
template <class Space, class T>
struct RedunetSamples {
  Matrix<T, Space> z;
  ConstVector<Label, Space> labels;
};

/// What one layer met: rates of the training features that reached it, and how its soft assignment, made without
/// labels, agrees with them.
struct RedunetLayerRecord {
  double rate = 0, class_rate = 0;
  Evaluation train{}, test{};
  double rate_reduction() const { return rate - class_rate; }
};

namespace impl {

template <class Space>
struct RedunetMeasures {
  Vector<double, Space> rates;
  Value<NumericalStatus, Space> status;
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;
  explicit RedunetMeasures(Workspace<Space>& work)
      : rates(work.template take<double>(2)),
        status(work.template take<NumericalStatus>()),
        loss(work.template take<double>()),
        correct(work.template take<std::int64_t>()) {}
};

/// Sums of all ranks, and the mean of the loss.
inline void combine(comm::Communicator const& comm, std::vector<RedunetLayerRecord>& records) {
  std::vector<double> sums;
  for (auto const& r : records)
    for (auto const& e : {r.train, r.test})
      sums.insert(sums.end(), {static_cast<double>(e.samples), static_cast<double>(e.correct), e.loss});
  comm.all_reduce(std::span<double>(sums));
  auto at = sums.begin();
  for (auto& r : records)
    for (auto* e : {&r.train, &r.test}) {
      e->samples = static_cast<std::int64_t>(*at++);
      e->correct = static_cast<std::int64_t>(*at++);
      e->loss = e->samples > 0 ? *at / static_cast<double>(e->samples) : 0;
      ++at;
    }
}

}  // namespace impl

/// Collective: builds all layers of a ReduNet, one after the other, from the training samples of all ranks, and takes
/// the test samples along. One all-reduce a layer, and one at the end for the counts.
/// @param train,test   inputs; their rows are scaled to unit length first
/// @param built        called with the number of layers done
/// @return  a record a layer, the same on every rank
/// @throws NumericalError on all ranks if an input is NaN or a training label out of range; ShapeError, ValueError as
///         redunet_layer_build()
/// @note allocates: one arena, the records; fences: yes; bitwise repeatable: yes, for the same number of ranks
template <class Space, class T>
std::vector<RedunetLayerRecord> build_redunet(Space const& space, comm::Communicator const& comm,
                                              models::Redunet<Space, T> const& model,
                                              RedunetSamples<Space, T> const& train,
                                              RedunetSamples<Space, T> const& test,
                                              FunctionRef<void(std::size_t)> built = {}) {
  std::size_t const samples = train.z.extent(0), tests = test.z.extent(0), most = std::max(samples, tests),
                    classes = model.config().classes;
  std::size_t const bytes = measure<Space>([&](auto& work) {
    impl::RedunetMeasures<Space>{work};
    work.template take<T>(most, classes);
  });
  Arena<Space> arena(
      space, bytes + std::max({model.build_workspace(samples), model.workspace(most), cross_entropy_workspace(most)}),
      "krate::build_redunet");
  auto work = arena.workspace();
  impl::RedunetMeasures<Space> const measures(work);
  Matrix<T, Space> const logits = work.template take<T>(most, classes);

  auto const forward = [&](std::size_t i, RedunetSamples<Space, T> const& part) {
    std::size_t const count = part.z.extent(0);
    if (count == 0) return Evaluation{};
    Matrix<T, Space> const own(logits.data(), count, classes);
    model.forward(space, i, part.z, work, own);
    cross_entropy(space, own, part.labels, {}, work, measures.loss, measures.correct);
    auto const correct = fetch(space, measures.correct, KRATE_LABEL("krate::build_redunet: accuracy is read"));
    return Evaluation{static_cast<std::int64_t>(count), correct,
                      fetch(space, measures.loss, KRATE_LABEL("krate::build_redunet: loss is read"))};
  };
  normalize_rows(space, train.z, train.z);
  normalize_rows(space, test.z, test.z);
  std::vector<RedunetLayerRecord> records;
  for (std::size_t i = 0; i < model.config().layers; ++i) {
    model.build(space, comm, i, train.z, train.labels, work, measures.rates, measures.status);
    check(space, "krate::train::build_redunet", measures.status);
    RedunetLayerRecord record;
    auto const rate = [&](std::size_t r) {
      return fetch(space, Value<double, Space>(&measures.rates(r)), KRATE_LABEL("krate::build_redunet: rate is read"));
    };
    record.rate = rate(0);
    record.class_rate = rate(1);
    record.train = forward(i, train);
    record.test = forward(i, test);
    records.push_back(record);
    if (built) built(i + 1);
  }
  impl::combine(comm, records);
  return records;
}

}  // namespace krate::train
