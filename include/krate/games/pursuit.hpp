// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/games/linear_game.hpp"

namespace krate::games {

enum class Constraint {
  norms,      ///< multiple-subspace pursuit: mean square norm of each class's codes at most 1, any decoder
  orthogonal  ///< single-subspace pursuit: both maps semi-orthogonal; the rate of all codes takes the reduction's place
};
enum class LeaderStep { adam, gradient };
enum class Follower {
  adam,  ///< steps of Adam on the same samples
  exact  ///< its best response, the pseudo-inverse
};

/// How a game is played. The encoder leads with one step, the decoder follows with many on the same samples.
struct PursuitRule {
  std::size_t width = 40;
  double eps_squared = 1;
  Constraint constraint = Constraint::norms;
  LeaderStep leader = LeaderStep::adam;
  Follower follower = Follower::adam;
  double encoder_rate = 1e-2, decoder_rate = 1e-3;
  std::size_t inner_steps = 1000;  ///< of the decoder after each of the encoder's
  std::size_t batch = 50;          ///< samples of a step; 0: all of them
  bool shuffled = true;            ///< in an order of its own each epoch
  std::uint64_t seed = 1337;
};

/// What games are about: rows [samples, dim], labels [samples] from 0 to classes - 1.
struct PursuitData {
  std::size_t dim = 0, classes = 0;
  std::vector<double> rows{};
  std::vector<Label> labels{};

  std::size_t samples() const { return labels.size(); }
};

struct PursuitGame {
  std::size_t data = 0;  ///< which of the data
  PursuitRule rule{};
};

/// Many sequential games of linear maps, each with its data, width, noise and seed. All of them go on together, in one
/// kernel, a game a team (on hosts a thread); how a game goes does not depend on threads, ranks or other games.
///
/// Samples enter through a factor of each class's second moment, of as few rows as its rank on this batch: the
/// decoder's steps cost 8 rank dim width operations or 4 width^2 (dim + rank), whichever are less.
/// @note allocates: in the constructor, maps() and save() only; bitwise repeatable: yes
template <class Space, class T = double>
class Pursuit {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");

 public:
  /// Maps start as random normal numbers, their polar factors where they are to be semi-orthogonal.
  /// @param steps  of the encoder that curves have room for
  /// @throws ShapeError or ValueError for data and rules that do not fit or are out of range
  Pursuit(Space const& space, std::span<PursuitData const> data, std::span<PursuitGame const> games, std::size_t steps);

  std::size_t games() const { return items_; }
  std::size_t step() const { return step_; }

  /// So many steps of the encoder, each with its inner steps of the decoder, in all games.
  /// @throws ValueError beyond the steps that curves have room for     @note fences: no
  void run(Space const& space, std::size_t steps);

  /// @note the exact follower's decoder is found here
  LinearMaps maps(Space const& space, std::size_t game) const;
  /// Where a game goes on from; what Adam remembers is kept. @throws ShapeError for maps of another size
  void set_maps(Space const& space, std::size_t game, LinearMaps const& maps);
  /// [step(), 2] expansion and inconsistency after each step, on the samples of that step.
  std::vector<double> curve(Space const& space, std::size_t game) const;

  /// All that changes in a game: game_size() numbers, which restore() takes back, also into another list of games.
  std::size_t game_size(std::size_t game) const;
  std::vector<double> save(Space const& space, std::size_t game) const;
  void restore(Space const& space, std::size_t step, std::size_t game, std::span<double const> numbers);

 private:
  std::size_t items_ = 0, step_ = 0, most_steps_ = 0;
  std::vector<PursuitGame> rules_;
  std::vector<std::size_t> dims_;
  std::vector<std::int64_t> state_at_;  ///< of each game, and the end
  Arena<Space> arena_;
  Vector<unsigned char, Space> plans_;  ///< sizes and places of the games
  Vector<double, Space> samples_, state_, scratch_;
  Vector<int, Space> labels_, orders_;
};

}  // namespace krate::games
