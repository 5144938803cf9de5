// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of an ensemble: a work item is a replica.
#pragma once

#include "games/impl/learn.hpp"
#include "games/impl/streams.hpp"

namespace krate::games::impl {

/// How replicas go on; shared by the kernels.
template <class Space>
struct Replicas {
  Vector<LearningRule, Space> rules;
  Vector<double, Space> tables;
  std::int64_t length;  ///< of a replica's table
  Matrix<int, Space> current;
  Matrix<std::uint32_t, Space> generators;

  template <int Actions, class Game>
  KOKKOS_INLINE_FUNCTION Table<Space, Actions> table(std::int64_t r, Game const& game) const {
    std::int64_t const count = static_cast<std::int64_t>(rules.extent(0));
    bool const apart = !krate::impl::is_device<Space>;
    return {tables.data() + (apart ? r * length : r), apart ? 1 : count, game.players, game.states,
            game.most_actions()};
  }
};

template <class Space, class Game, class Stream>
struct BeginReplica {
  Game game;
  Replicas<Space> replicas;
  KOKKOS_FUNCTION void operator()(std::int64_t r) const {
    auto const t = replicas.template table<0>(r, game);
    for (std::int64_t k = 0; k < replicas.length; ++k) t.at(k) = 0;
    for (int s = 0; s < game.states; ++s)
      for (int i = 0; i < game.players; ++i) {
        int const count = game.actions_of(i);
        for (int a = 0; a < count; ++a) t.policy(s, i, a) = 1.0 / count;
        t.refresh(s, i, replicas.rules(r).tau);
      }
    std::uint32_t* const memory = replicas.generators.data() + r * static_cast<std::int64_t>(Stream::words);
    Stream::begin(replicas.rules(r).seed, memory);
    Stream stream(replicas.rules(r).seed, 0, memory);
    replicas.current(r, 0) = game.start(stream.uniform());
    stream.end(memory);
  }
};

/// Policies and values as they are, [players, states, actions].
template <class Table>
KOKKOS_INLINE_FUNCTION void copy_record(Table const& t, double* policy, double* q) {
  for (int i = 0, at = 0; i < t.players; ++i)
    for (int s = 0; s < t.states; ++s)
      for (int a = 0; a < t.actions(); ++a, ++at) {
        policy[at] = t.policy(s, i, a);
        q[at] = t.q(s, i, a);
      }
}

template <class Space, class Game, class Stream, int Actions>
struct PlayStages {
  Game game;
  Replicas<Space> replicas;
  std::int64_t begin, end;
  Records<Space> records;

  KOKKOS_FUNCTION void operator()(std::int64_t r) const {
    auto const t = replicas.template table<Actions>(r, game);
    LearningRule const rule = replicas.rules(r);
    std::uint32_t* const memory = replicas.generators.data() + r * static_cast<std::int64_t>(Stream::words);
    auto const taken = 1 + static_cast<std::uint64_t>(begin) * static_cast<std::uint64_t>(game.players + 1);
    Drawn<Stream> play{Stream(rule.seed, taken, memory)};
    int* const action = &replicas.current(r, 1);
    int s = replicas.current(r, 0);
    std::int64_t record = 0;
    std::int64_t const count = static_cast<std::int64_t>(records.stages.extent(0));
    while (record < count && records.stages(record) < begin) ++record;
    for (std::int64_t k = begin;; ++k) {
      while (record < count && records.stages(record) == k) {
        copy_record(t, &records.policy(record, r, 0), &records.q(record, r, 0));
        ++record;
      }
      if (k == end) break;
      s = play_stage(t, game, rule, play, s, action, k);
    }
    replicas.current(r, 0) = s;
    play.stream.end(memory);
  }
};

template <class Space, class Game>
struct ReplayStages {
  Game game;
  Replicas<Space> replicas;
  int start;
  Vector<int, Space> actions, nexts;

  KOKKOS_FUNCTION void operator()(std::int64_t r) const {
    auto const t = replicas.template table<0>(r, game);
    LearningRule const rule = replicas.rules(r);
    Given play{actions.data(), nexts.data(), game.players};
    int s = start;
    for (std::int64_t k = 0; k < static_cast<std::int64_t>(nexts.extent(0)); ++k)
      s = play_stage(t, game, rule, play, s, &replicas.current(r, 1), k);
    replicas.current(r, 0) = s;
  }
};

}  // namespace krate::games::impl
