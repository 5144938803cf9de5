// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <numeric>

#include "games/pursuit_input.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/host_copy.hpp"
#include "krate/train/network_pursuit.hpp"
#include "train/impl/class_utilities.hpp"

namespace krate::train {

/// Everything between the samples of a batch, class by class, and the value of the game.
template <class Space, class T>
struct NetworkPursuit<Space, T>::Pass {
  Matrix<T, Space> samples, dsamples;
  models::TwoLayerState<Space, T> codes, decoded, recoded;
  Matrix<T, Space> dcodes, drecoded;
  ClassUtilities<Space, T> utilities;

  Pass(Workspace<Space>& work, std::array<Network, 2> const& players, std::vector<std::size_t> const& offsets,
       double eps_squared)
      : samples(work.template take<T>(offsets.back(), players[0].config().in)),
        dsamples(work.template take<T>(offsets.back(), players[0].config().in)),
        codes(players[0].cut(work, offsets.back())),
        decoded(players[1].cut(work, offsets.back())),
        recoded(players[0].cut(work, offsets.back())),
        dcodes(work.template take<T>(offsets.back(), players[0].config().out)),
        drecoded(work.template take<T>(offsets.back(), players[0].config().out)),
        utilities(work, offsets, players[0].config().out, eps_squared) {}
};

template <class Space, class T>
NetworkPursuit<Space, T>::NetworkPursuit(Space const& space, games::PursuitData const& data,
                                         games::PursuitRule const& rule, std::size_t hidden, std::size_t steps)
    : data_(&data),
      rule_(rule),
      most_steps_(steps),
      curve_(2 * steps),
      players_{Network(space, {data.dim, hidden, rule.width, true}, Seed{rule.seed}),
               Network(space, {rule.width, hidden, data.dim, false}, Seed{~rule.seed})} {
  constexpr char const* where = "krate::train::NetworkPursuit";
  games::PursuitGame const game{0, rule};
  games::impl::require_pursuit(std::span(&data, 1), std::span(&game, 1));
  require_value(rule.leader == games::LeaderStep::adam && rule.follower == games::Follower::adam, where, "rule",
                "another than Adam", "must be Adam's for both players (only linear maps have others)");
  if (rule.batch == 0) {
    orders_.resize(data.samples());
    std::iota(orders_.begin(), orders_.end(), 0);
  } else {
    orders_ = games::impl::batch_order(rule, data.samples(), steps);
  }
  optim::AdamW const adam{.weight_decay = 0};
  for (std::size_t i = 0; i < 2; ++i)
    optimizers_[i] = optim::OptimizerState<Space, T>(space, adam, players_[i].parameters());
  arena_ = Arena<Space>(space, bytes(rule.batch == 0 ? data.samples() : rule.batch), "krate::train::network_pursuit");
}

template <class Space, class T>
std::size_t NetworkPursuit<Space, T>::bytes(std::size_t samples) const {
  std::vector<std::size_t> classes(data_->classes + 1, samples);
  std::size_t const update = measure<Space>([](auto& work) { work.template take<T>(); });
  return measure<Space>([&](auto& work) { Pass(work, players_, classes, rule_.eps_squared); }) +
         std::max({update, players_[0].workspace(samples), players_[1].workspace(samples),
                   ClassUtilities<Space, T>::workspace(samples, rule_.width)});
}

/// Which samples the next step is about.
template <class Space, class T>
std::span<int const> NetworkPursuit<Space, T>::batch() const {
  if (rule_.batch == 0) return orders_;
  auto const all = std::span(orders_).subspan(step_ * rule_.batch, rule_.batch);
  return all.first(static_cast<std::size_t>(std::find(all.begin(), all.end(), -1) - all.begin()));
}

template <class Space, class T>
void NetworkPursuit<Space, T>::load(Space const& space, games::PursuitData const& data, std::span<int const> chosen,
                                    Pass const& pass) const {
  std::vector<T> rows;
  rows.reserve(chosen.size() * data.dim);
  for (int const i : chosen) {
    auto const row = std::span(data.rows).subspan(static_cast<std::size_t>(i) * data.dim, data.dim);
    for (double const x : row) rows.push_back(static_cast<T>(x));
  }
  krate::impl::copy_to_device(space, rows, Vector<T, Space>(pass.samples.data(), rows.size()));
  space.fence(KRATE_LABEL("krate::train::NetworkPursuit: the batch is there"));
}

/// From the codes on.
template <class Space, class T>
void NetworkPursuit<Space, T>::regenerate(Space const& space, Pass& pass) const {
  players_[1].forward(space, pass.codes.out, pass.decoded);
  players_[0].forward(space, pass.decoded.out, pass.recoded);
}

template <class Space, class T>
void NetworkPursuit<Space, T>::update(Space const& space, std::size_t player, std::size_t number,
                                      Workspace<Space> work) {
  auto const sign = work.template take<T>();
  fill(space, sign, player == 0 ? T(-1) : T(1));
  optim::AdamW const adam{.weight_decay = 0};
  optim::adamw_update(space, adam, player == 0 ? rule_.encoder_rate : rule_.decoder_rate,
                      static_cast<std::int64_t>(number), players_[player].parameters(), sign,
                      optimizers_[player].view(0), optimizers_[player].view(1));
}

template <class Space, class T>
void NetworkPursuit<Space, T>::lead(Space const& space, Pass& pass, Workspace<Space> work) {
  auto const &f = players_[0], &g = players_[1];
  for (auto const& s : f.parameters().segments()) fill(space, s.gradient, T(0));
  f.forward(space, pass.samples, pass.codes);
  regenerate(space, pass);
  pass.utilities.lead(space, pass.codes.out, pass.recoded.out, work, pass.dcodes, pass.drecoded);
  f.backward(space, pass.recoded, Network::Gradients::of_both, work, pass.drecoded, pass.dsamples);
  g.backward(space, pass.decoded, Network::Gradients::of_input, work, pass.dsamples, pass.drecoded);
  add(space, pass.drecoded, pass.dcodes);
  f.backward(space, pass.codes, Network::Gradients::of_parameters, work, pass.dcodes);
  update(space, 0, step_ + 1, work);
}

template <class Space, class T>
void NetworkPursuit<Space, T>::follow(Space const& space, Pass& pass, std::size_t number, Workspace<Space> work) {
  auto const &f = players_[0], &g = players_[1];
  for (auto const& s : g.parameters().segments()) fill(space, s.gradient, T(0));
  regenerate(space, pass);
  pass.utilities.follow(space, pass.codes.out, pass.recoded.out, work, pass.drecoded);
  f.backward(space, pass.recoded, Network::Gradients::of_input, work, pass.drecoded, pass.dsamples);
  g.backward(space, pass.decoded, Network::Gradients::of_parameters, work, pass.dsamples);
  update(space, 1, step_ * rule_.inner_steps + number, work);
}

template <class Space, class T>
void NetworkPursuit<Space, T>::run(Space const& space, std::size_t steps) {
  constexpr char const* where = "krate::train::NetworkPursuit::run";
  require_value(step_ + steps <= most_steps_, where, "steps", step_ + steps,
                "must be at most the steps that the curve has room for");
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::train::network_pursuit"));
  for (; steps > 0; --steps) {
    ByClass const chosen(*data_, batch());
    auto work = arena_.workspace();
    Pass pass(work, players_, chosen.offsets, rule_.eps_squared);
    load(space, *data_, chosen.samples, pass);
    lead(space, pass, work);
    players_[0].forward(space, pass.samples, pass.codes);
    for (std::size_t k = 1; k <= rule_.inner_steps; ++k) follow(space, pass, k, work);
    regenerate(space, pass);
    auto const found = pass.utilities.values(space, pass.codes.out, pass.recoded.out, work);
    ++step_;
    curve_[2 * step_ - 2] = found[0];
    curve_[2 * step_ - 1] = found[1];
    if (!std::isfinite(found[0] + found[1]))
      throw NumericalError(where, "the game's value is no number at step " + std::to_string(step_) +
                                      " (it diverged); lower the players' rates");
  }
}

template <class Space, class T>
NetworkView NetworkPursuit<Space, T>::look(Space const& space, games::PursuitData const& data) const {
  games::PursuitGame const game{0, {.batch = 0}};
  games::impl::require_pursuit(std::span(&data, 1), std::span(&game, 1));
  if (data.dim != data_->dim || data.classes > data_->classes)
    throw ShapeError("krate::train::NetworkPursuit::look",
                     "samples have " + std::to_string(data.dim) + " numbers and " + std::to_string(data.classes) +
                         " classes, expected " + std::to_string(data_->dim) + " and at most " +
                         std::to_string(data_->classes) + " (the game's); pass samples of its kind");
  std::vector<int> all(data.samples());
  std::iota(all.begin(), all.end(), 0);
  ByClass const chosen(data, all);
  Arena<Space> const arena(space, bytes(all.size()), "krate::train::network_view");
  auto work = arena.workspace();
  Pass pass(work, players_, chosen.offsets, rule_.eps_squared);
  load(space, data, chosen.samples, pass);
  players_[0].forward(space, pass.samples, pass.codes);
  regenerate(space, pass);
  auto const found = pass.utilities.values(space, pass.codes.out, pass.recoded.out, work);
  auto const numbers = [&](Matrix<T, Space> const& rows) {
    std::vector<T> own(rows.size());
    krate::impl::copy_to_host(space, Vector<T, Space>(rows.data(), rows.size()), own,
                              KRATE_LABEL("krate::train::NetworkPursuit: what networks made"));
    std::vector<double> in_order(own.size());
    auto const width = static_cast<std::ptrdiff_t>(rows.extent(1));
    for (std::size_t i = 0; i < all.size(); ++i)
      std::copy_n(own.begin() + static_cast<std::ptrdiff_t>(i) * width, width,
                  in_order.begin() + chosen.samples[i] * width);
    return in_order;
  };
  return {numbers(pass.codes.out), numbers(pass.decoded.out), numbers(pass.recoded.out), found[0], found[1]};
}

/// f(tensor) for all that is saved of the players, in this order.
template <class Space, class T>
template <class F>
void NetworkPursuit<Space, T>::each_tensor(F const& f) const {
  for (auto const& player : players_)
    for (std::size_t i = 0; i < player.parameters().entries().size(); ++i) f(player.parameters().value(i));
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t moment = 0; moment < 2; ++moment)
      for (auto const& entry : players_[k].parameters().entries())
        f(Vector<T, Space>(optimizers_[k].view(moment).data() + entry.offset, entry.size));
}

template <class Space, class T>
std::array<std::size_t, 2> NetworkPursuit<Space, T>::network_sizes(std::size_t dim, std::size_t hidden,
                                                                   std::size_t width) {
  return {hidden * (dim + 1) + width * (hidden + 1), hidden * (width + 1) + dim * (hidden + 1)};
}
template <class Space, class T>
std::size_t NetworkPursuit<Space, T>::game_size(std::size_t dim, std::size_t hidden, std::size_t width,
                                                std::size_t steps) {
  auto const sizes = network_sizes(dim, hidden, width);
  return 3 * (sizes[0] + sizes[1]) + 2 * steps;
}

template <class Space, class T>
std::vector<double> NetworkPursuit<Space, T>::save(Space const& space) const {
  std::vector<double> all;
  each_tensor([&](Vector<T, Space> const& tensor) {
    std::vector<T> numbers(tensor.size());
    krate::impl::copy_to_host(space, tensor, numbers, KRATE_LABEL("krate::train::NetworkPursuit: saved"));
    all.insert(all.end(), numbers.begin(), numbers.end());
  });
  all.insert(all.end(), curve_.begin(), curve_.end());
  return all;
}

template <class Space, class T>
void NetworkPursuit<Space, T>::restore(Space const& space, std::size_t step, std::span<double const> numbers) {
  constexpr char const* where = "krate::train::NetworkPursuit::restore";
  std::size_t const expected = game_size(data_->dim, players_[0].config().hidden, rule_.width, most_steps_);
  if (numbers.size() != expected)
    throw ShapeError(where, "numbers has " + std::to_string(numbers.size()) + " entries, expected " +
                                std::to_string(expected) + " (what save() gives); pass those of this game");
  require_value(step <= most_steps_, where, "step", step, "must be at most the steps that the curve has room for");
  space.fence(KRATE_LABEL("krate::train::NetworkPursuit: nothing is under way"));
  each_tensor([&](Vector<T, Space> const& tensor) {
    std::vector<T> const own(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(tensor.size()));
    krate::impl::copy_to_device(space, own, tensor);
    space.fence(KRATE_LABEL("krate::train::NetworkPursuit: restored"));
    numbers = numbers.subspan(tensor.size());
  });
  std::copy(numbers.begin(), numbers.end(), curve_.begin());
  step_ = step;
}

}  // namespace krate::train
