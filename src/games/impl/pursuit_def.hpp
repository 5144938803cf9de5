// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstring>

#include "games/impl/play_games.hpp"
#include "games/impl/transfer.hpp"
#include "games/pursuit_input.hpp"
#include "krate/core/require.hpp"

namespace krate::games {

template <class Space, class T>
Pursuit<Space, T>::Pursuit(Space const& space, std::span<PursuitData const> data, std::span<PursuitGame const> games,
                           std::size_t steps)
    : items_(games.size()), most_steps_(steps), rules_(games.begin(), games.end()) {
  impl::require_pursuit(data, games);
  std::vector<double> samples, state;
  std::vector<int> labels, orders;
  std::vector<impl::PursuitPlan> plans;
  std::vector<std::int64_t> samples_at, labels_at, factor_at(data.size(), -1);
  auto const append = [](auto& to, auto const& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (auto const& d : data) {
    samples_at.push_back(static_cast<std::int64_t>(samples.size()));
    labels_at.push_back(static_cast<std::int64_t>(labels.size()));
    append(samples, d.rows);
    append(labels, d.labels);
  }
  std::vector<impl::MomentFactor> factors(data.size());
  std::vector<std::int64_t> offsets_at(data.size());
  std::int64_t scratch = 0;
  for (auto const& g : games) {
    auto const& d = data[g.data];
    auto const& r = g.rule;
    impl::PursuitPlan plan{r,
                           static_cast<int>(r.width),
                           static_cast<int>(d.dim),
                           static_cast<int>(d.classes),
                           static_cast<int>(r.batch),
                           0,
                           samples_at[g.data],
                           labels_at[g.data],
                           static_cast<std::int64_t>(orders.size()),
                           static_cast<std::int64_t>(state.size()),
                           scratch};
    if (r.batch == 0) {
      auto& factor = factors[g.data];
      if (factor_at[g.data] < 0) {
        factor = impl::moment_factor(class_statistics(d.rows, d.dim, d.labels, d.classes));
        factor_at[g.data] = static_cast<std::int64_t>(samples.size());
        offsets_at[g.data] = static_cast<std::int64_t>(labels.size());
        append(samples, factor.rows);
        append(samples, factor.counts);
        append(labels, factor.offsets);
      }
      plan.rows = factor.offsets.back();
      plan.classes = static_cast<int>(factor.counts.size()) - 1;
      plan.samples_at = factor_at[g.data];
      plan.labels_at = offsets_at[g.data];
    } else {
      plan.rows = static_cast<int>(std::min(r.batch, d.classes * d.dim));
      append(orders, impl::batch_order(r, d.samples(), steps));
    }
    scratch += impl::PursuitScratch(nullptr, plan.rows, plan.batch, plan.width, plan.dim, plan.classes).size;
    auto const maps = impl::first_maps(r, d.dim);
    dims_.push_back(d.dim);
    state_at_.push_back(plan.state_at);
    append(state, maps.encoder);
    append(state, impl::turned(maps.decoder, d.dim, r.width));
    state.resize(static_cast<std::size_t>(plan.state_at) + impl::PursuitState::size(r.width * d.dim, steps), 0.0);
    plans.push_back(plan);
  }
  state_at_.push_back(static_cast<std::int64_t>(state.size()));
  auto const cut = [&](Workspace<Space>& work) {
    plans_ = work.template take<unsigned char>(plans.size() * sizeof(impl::PursuitPlan));
    samples_ = work.template take<double>(samples.size());
    labels_ = work.template take<int>(labels.size());
    orders_ = work.template take<int>(orders.size());
    state_ = work.template take<double>(state.size());
    scratch_ = work.template take<double>(scratch);
  };
  arena_ = Arena<Space>(space, krate::measure<Space>(cut), "krate::games::pursuit");
  auto work = arena_.workspace();
  cut(work);
  std::vector<unsigned char> bytes(plans.size() * sizeof(impl::PursuitPlan));
  std::memcpy(bytes.data(), plans.data(), bytes.size());
  impl::upload<Space, unsigned char>(space, bytes, plans_);
  impl::upload<Space, double>(space, samples, samples_);
  impl::upload<Space, int>(space, labels, labels_);
  impl::upload<Space, int>(space, orders, orders_);
  impl::upload<Space, double>(space, state, state_);
}

template <class Space, class T>
void Pursuit<Space, T>::run(Space const& space, std::size_t steps) {
  require_value(step_ + steps <= most_steps_, "krate::games::Pursuit::run", "steps", step_ + steps,
                "must be at most the steps that the curves have room for");
  if (steps == 0) return;
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::games::pursue"));
  Kokkos::parallel_for(
      KRATE_LABEL("krate::games::play_pursuit"), krate::impl::rows(space, items_),
      impl::PlayGames<Space>{reinterpret_cast<impl::PursuitPlan const*>(plans_.data()), samples_.data(), labels_.data(),
                             orders_.data(), state_.data(), scratch_.data(), static_cast<std::int64_t>(step_),
                             static_cast<std::int64_t>(step_ + steps)});
  step_ += steps;
}

template <class Space, class T>
std::size_t Pursuit<Space, T>::game_size(std::size_t game) const {
  require_value(game < items_, "krate::games::Pursuit", "game", game, "must be below the number of games");
  return static_cast<std::size_t>(state_at_[game + 1] - state_at_[game]);
}

template <class Space, class T>
std::vector<double> Pursuit<Space, T>::save(Space const& space, std::size_t game) const {
  std::size_t const size = game_size(game);
  return impl::download<Space, double>(space, Vector<double, Space>(state_.data() + state_at_[game], size));
}

template <class Space, class T>
void Pursuit<Space, T>::restore(Space const& space, std::size_t step, std::size_t game,
                                std::span<double const> numbers) {
  constexpr char const* where = "krate::games::Pursuit::restore";
  if (numbers.size() != game_size(game))
    throw ShapeError(where, "numbers has " + std::to_string(numbers.size()) + " entries, expected " +
                                std::to_string(game_size(game)) + " (what save() gives); pass those of this game");
  require_value(step <= most_steps_, where, "step", step, "must be at most the steps that the curves have room for");
  std::vector<double> const own(numbers.begin(), numbers.end());
  impl::upload<Space, double>(space, own, Vector<double, Space>(state_.data() + state_at_[game], own.size()));
  step_ = step;
}

template <class Space, class T>
LinearMaps Pursuit<Space, T>::maps(Space const& space, std::size_t game) const {
  auto const numbers = save(space, game);
  auto const& rule = rules_[game].rule;
  std::size_t const dim = dims_[game];
  auto const part = static_cast<std::ptrdiff_t>(rule.width * dim);
  LinearMaps found{{numbers.begin(), numbers.begin() + part},
                   impl::turned({numbers.begin() + part, numbers.begin() + 2 * part}, rule.width, dim)};
  if (rule.follower == Follower::exact) found.decoder = pseudo_inverse(found.encoder, rule.width, dim);
  return found;
}

template <class Space, class T>
void Pursuit<Space, T>::set_maps(Space const& space, std::size_t game, LinearMaps const& maps) {
  auto numbers = save(space, game);
  std::size_t const size = rules_[game].rule.width * dims_[game];
  if (maps.encoder.size() != size || maps.decoder.size() != size)
    throw ShapeError("krate::games::Pursuit::set_maps", "the maps have " + std::to_string(maps.encoder.size()) +
                                                            " and " + std::to_string(maps.decoder.size()) +
                                                            " entries, expected " + std::to_string(size) +
                                                            " (width times dim); pass maps of this game");
  auto const decoder = impl::turned(maps.decoder, dims_[game], rules_[game].rule.width);
  std::copy(maps.encoder.begin(), maps.encoder.end(), numbers.begin());
  std::copy(decoder.begin(), decoder.end(), numbers.begin() + static_cast<std::ptrdiff_t>(size));
  restore(space, step_, game, numbers);
}

template <class Space, class T>
std::vector<double> Pursuit<Space, T>::curve(Space const& space, std::size_t game) const {
  auto const numbers = save(space, game);
  auto const begin = numbers.begin() + static_cast<std::ptrdiff_t>(6 * rules_[game].rule.width * dims_[game]);
  return {begin, begin + static_cast<std::ptrdiff_t>(2 * step_)};
}

}  // namespace krate::games
