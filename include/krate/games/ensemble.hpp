// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/games/impl/game_tables.hpp"
#include "krate/games/learning_rule.hpp"

namespace krate::games {

/// Policies and values of all replicas at chosen stages.
template <class Space>
struct Records {
  ConstVector<std::int64_t, Space> stages;  ///< ascending; at stage k: after k updates
  Tensor3<double, Space> policy, q;         ///< [records, replicas, players * states * actions]
};

/// How far each record is from the last one, which is what the players came to. Each [records, replicas, players].
template <class Space>
struct Distances {
  Tensor3<double, Space> policy, q;  ///< sum of absolute differences
  /// Sum over states of what player i lacks to the best reply, with its own policy of then against the others' last one
  Tensor3<double, Space> nash;
};

/// One replica, on the host. Policies, values and plays are [players, states, actions], padded with 0.
struct Snapshot {
  std::vector<double> policy{}, q{};
  std::vector<std::int64_t> plays{}, visits{};  ///< visits [states]
  int state = 0;
};

/// Replicas of one game, each learning by a rule and a seed of its own. All of them go on together, in one kernel, one
/// replica a thread; what a replica does depends on its rule alone, not on threads, ranks or other replicas.
/// @note allocates: in the constructor, snapshot() and save() only; bitwise repeatable: yes
template <class Space, class T = double>
class Ensemble {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");

 public:
  /// @param rules  one a replica
  /// @throws what require_valid() throws for the game; ValueError for a rule out of range, no replica, more than 2^20
  ///         players or a mersenne seed beyond 32 bits
  Ensemble(Space const& space, RoutingGame const& game, std::span<LearningRule const> rules,
           RandomStream random = RandomStream::counter);
  Ensemble(Space const& space, FiniteGame const& game, std::span<LearningRule const> rules,
           RandomStream random = RandomStream::counter);

  std::size_t replicas() const { return replicas_; }
  std::size_t players() const { return players_; }
  std::size_t states() const { return states_; }
  std::size_t actions() const { return actions_; }
  /// Length of a replica's policies.
  std::size_t size() const { return players_ * states_ * actions_; }
  /// Stages played so far.
  std::int64_t stage() const { return stage_; }

  /// Plays so many stages, and fills in the records whose stage is from stage() to stage() + stages.
  /// @throws ShapeError if records have other extents; ValueError for negative stages     @note fences: no
  void run(Space const& space, std::int64_t stages, Records<Space> const& records = {});

  /// Plays actions and next states that are given, the same for all replicas: what players learn from a game that
  /// others played.
  /// @param start    the first state     @param actions  [stages, players]     @param next  [stages]
  /// @throws ValueError for what this game does not have     @note fences: once, before it returns
  void replay(Space const& space, int start, std::span<int const> actions, std::span<int const> next);

  /// Bytes that measure() needs.
  std::size_t measure_workspace() const;
  /// Distances of all records to the last one. @throws ValueError beyond 1024 states     @note fences: no
  void measure(Space const& space, Records<Space> const& records, Workspace<Space> work, Distances<Space> const& out);

  Snapshot snapshot(Space const& space, std::size_t replica) const;

  /// All that changes: [replicas, replica_bytes()], a replica's bytes being the same in any space and among any
  /// others, so that restore() takes them back in any ensemble of the same game, random stream and number of replicas.
  std::size_t replica_bytes() const;
  std::vector<std::uint8_t> save(Space const& space) const;
  void restore(Space const& space, std::int64_t stage, std::span<std::uint8_t const> bytes);

 private:
  template <class Game>
  void start(Space const& space, Game const& game, std::span<LearningRule const> rules);
  void cut(Workspace<Space>& work, std::size_t numbers, std::size_t integers);
  auto parts() const;
  void require_records(char const* where, Records<Space> const& records) const;
  std::size_t decision_doubles() const;
  template <bool IsSave>
  void exchange(std::uint8_t* changing, std::uint8_t* bytes) const;

  std::size_t replicas_ = 0, players_ = 0, states_ = 0, actions_ = 0;
  std::int64_t stage_ = 0;
  RandomStream random_;
  std::vector<int> counts_;  ///< of each player's actions
  std::variant<impl::RoutingTables, impl::FiniteTables> game_;
  Arena<Space> arena_;
  Vector<double, Space> numbers_;  ///< of the game
  Vector<int, Space> integers_;
  Vector<LearningRule, Space> rules_;
  Vector<unsigned char, Space> changing_;  ///< all of what follows
  Vector<double, Space> tables_;
  Matrix<int, Space> current_;  ///< [replicas, 1 + players]: state, actions
  Matrix<std::uint32_t, Space> generators_;
};

}  // namespace krate::games
