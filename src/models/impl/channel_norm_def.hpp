// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/models/channel_norm.hpp"
#include "krate/nn/batch_norm.hpp"
#include "krate/rate/impl/host_copy.hpp"

namespace krate::models {

inline constexpr double channel_norm_momentum = 0.1;

/// On devices through host memory.
template <class Space>
void sum_of_ranks(Space const& space, comm::Communicator const& comm, Vector<double, Space> const& sums) {
  if (comm.size() == 1) return;
  std::vector<double> host(sums.size());
  krate::impl::copy_to_host(space, sums, host, KRATE_LABEL("krate::models::ChannelNorm: sums are sent"));
  comm.all_reduce(std::span<double>(host));
  krate::impl::copy_to_device(space, host, sums);
  space.fence(KRATE_LABEL("krate::models::ChannelNorm: sums are back"));
}

template <class Space, class T>
ChannelNorm<Space, T>::ChannelNorm(ParameterTable& trained, ParameterTable& collected, std::string const& name,
                                   std::size_t channels, std::size_t sets, double norm_eps)
    : channels_(channels), norm_eps_(norm_eps) {
  weight_ = trained.add(name + "/weight", name + ".weight", {channels}, {Initial::one});
  bias_ = trained.add(name + "/bias", name + ".bias", {channels}, {Initial::zero});
  for (std::size_t s = 0; s < sets; ++s) {
    std::string const set = sets == 1 ? name : name + (s == 0 ? "/images" : "/regenerated");
    mean_.push_back(collected.add(set + "/mean", set + ".mean", {channels}, {Initial::zero}));
    variance_.push_back(collected.add(set + "/variance", set + ".variance", {channels}, {Initial::one}));
  }
}

template <class Space, class T>
typename ChannelNorm<Space, T>::State ChannelNorm<Space, T>::cut(Workspace<Space>& work) const {
  auto const mean = work.template take<T>(channels_);
  return {mean, work.template take<T>(channels_)};
}

template <class Space, class T>
std::size_t ChannelNorm<Space, T>::workspace() const {
  return measure<Space>([&](auto& work) { work.template take<double>(batch_sums_length(channels_)); }) +
         batch_sums_workspace(channels_);
}

template <class Space, class T>
void ChannelNorm<Space, T>::forward(Space const& space, comm::Communicator const& comm, Lists const& lists,
                                    Statistics statistics, std::size_t set, ConstMatrix<T, Space> x, State const& state,
                                    Workspace<Space> work, Matrix<T, Space> y) const {
  auto const mean = lists.collected.value(mean_[set]), variance = lists.collected.value(variance_[set]);
  if (statistics == Statistics::batch) {
    auto const sums = work.template take<double>(batch_sums_length(channels_));
    batch_moments(space, x, work, sums);
    sum_of_ranks(space, comm, sums);
    batch_statistics(space, sums, norm_eps_, state.mean, state.deviation);
    collect_statistics(space, sums, channel_norm_momentum, mean, variance);
  } else {
    collected_statistics(space, mean, variance, norm_eps_, state.mean, state.deviation);
  }
  normalize_columns(space, x, state.mean, state.deviation, lists.trained.value(weight_), lists.trained.value(bias_), y);
}

template <class Space, class T>
void ChannelNorm<Space, T>::backward(Space const& space, comm::Communicator const& comm, Lists const& lists,
                                     ConstMatrix<T, Space> x, State const& state, Workspace<Space> work,
                                     Matrix<T, Space> dy) const {
  auto const sums = work.template take<double>(batch_sums_length(channels_));
  batch_gradient_sums(space, x, state.mean, state.deviation, dy, work, sums, lists.trained.gradient(weight_),
                      lists.trained.gradient(bias_));
  sum_of_ranks(space, comm, sums);
  batch_norm_backward(space, x, state.mean, state.deviation, lists.trained.value(weight_), dy, sums, dy);
}

}  // namespace krate::models
