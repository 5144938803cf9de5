// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Part of ensemble_def.hpp: what replicas are at, for people and for files.
#pragma once

#include <cstring>

#include "games/impl/replicas.hpp"
#include "games/impl/transfer.hpp"
#include "krate/core/require.hpp"
#include "krate/games/ensemble.hpp"

namespace krate::games {

template <class Space, class T>
Snapshot Ensemble<Space, T>::snapshot(Space const& space, std::size_t replica) const {
  require_value(replica < replicas_, "krate::games::Ensemble::snapshot", "replica", replica,
                "must be below the number of replicas");
  auto tables = impl::download<Space, double>(space, tables_);
  auto const current = impl::download<Space, int>(space, Vector<int, Space>(current_.data(), current_.size()));
  std::size_t const length = tables_.size() / replicas_;
  bool const apart = !krate::impl::is_device<Space>;
  impl::Table<Kokkos::DefaultHostExecutionSpace, 0> t{};
  std::vector<double> own(length);
  for (std::size_t k = 0; k < own.size(); ++k)
    own[k] = apart ? tables[replica * own.size() + k] : tables[k * replicas_ + replica];
  t = {own.data(), 1, static_cast<int>(players_), static_cast<int>(states_), static_cast<int>(actions_)};
  Snapshot found{.policy = std::vector<double>(size()), .q = std::vector<double>(size())};
  impl::copy_record(t, found.policy.data(), found.q.data());
  for (int i = 0; i < t.players; ++i)
    for (int s = 0; s < t.states; ++s)
      for (int a = 0; a < t.actions(); ++a) found.plays.push_back(static_cast<std::int64_t>(t.plays(s, i, a)));
  for (int s = 0; s < t.states; ++s) found.visits.push_back(static_cast<std::int64_t>(t.visits(s)));
  found.state = current[replica * current_.extent(1)];
  return found;
}

template <class Space, class T>
std::size_t Ensemble<Space, T>::replica_bytes() const {
  return tables_.size() / replicas_ * sizeof(double) + current_.extent(1) * sizeof(int) +
         generators_.extent(1) * sizeof(std::uint32_t);
}

/// Between what lies in memory, tables first, and each replica's own bytes.
template <class Space, class T>
template <bool IsSave>
void Ensemble<Space, T>::exchange(std::uint8_t* changing, std::uint8_t* bytes) const {
  auto const move = [&](void const* there, std::size_t size) {
    std::size_t const at = static_cast<std::size_t>(reinterpret_cast<unsigned char const*>(there) - changing_.data());
    if constexpr (IsSave) {
      std::memcpy(bytes, changing + at, size);
    } else {
      std::memcpy(changing + at, bytes, size);
    }
    bytes += size;
  };
  bool const apart = !krate::impl::is_device<Space>;
  std::size_t const length = tables_.size() / replicas_;
  for (std::size_t r = 0; r < replicas_; ++r) {
    if (apart) {
      move(tables_.data() + r * length, length * sizeof(double));
    } else {
      for (std::size_t k = 0; k < length; ++k) move(tables_.data() + k * replicas_ + r, sizeof(double));
    }
    move(current_.data() + r * current_.extent(1), current_.extent(1) * sizeof(int));
    move(generators_.data() + r * generators_.extent(1), generators_.extent(1) * sizeof(std::uint32_t));
  }
}

template <class Space, class T>
std::vector<std::uint8_t> Ensemble<Space, T>::save(Space const& space) const {
  auto changing = impl::download<Space, unsigned char>(space, changing_);
  std::vector<std::uint8_t> bytes(replicas_ * replica_bytes());
  exchange<true>(changing.data(), bytes.data());
  return bytes;
}

template <class Space, class T>
void Ensemble<Space, T>::restore(Space const& space, std::int64_t stage, std::span<std::uint8_t const> bytes) {
  constexpr char const* where = "krate::games::Ensemble::restore";
  if (bytes.size() != replicas_ * replica_bytes())
    throw ShapeError(where, "bytes has " + std::to_string(bytes.size()) + " entries, expected " +
                                std::to_string(replicas_ * replica_bytes()) +
                                " (what save() gives); pass those of this game and stream");
  require_value(stage >= 0, where, "stage", stage, "must not be negative");
  std::vector<std::uint8_t> changing(changing_.extent(0)), own(bytes.begin(), bytes.end());
  exchange<false>(changing.data(), own.data());
  impl::upload<Space, unsigned char>(space, changing, changing_);
  stage_ = stage;
}

}  // namespace krate::games
