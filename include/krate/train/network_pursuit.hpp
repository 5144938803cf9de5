// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <span>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/games/pursuit.hpp"
#include "krate/models/two_layer.hpp"
#include "krate/optim/optimizer.hpp"

namespace krate::train {

/// What two networks make of samples, row by row, and the values of their game.
struct NetworkView {
  std::vector<double> codes{}, decoded{}, recoded{};  ///< [samples, width], [samples, dim], [samples, width]
  double expansion = 0, inconsistency = 0;
};

/// A sequential game of two small networks: an encoder f whose codes lie on the sphere, which takes the place of limits
/// of their norms, and a decoder g. On each batch f takes one step up its utility
///     Delta R(f(X)) + sum_j Delta R(f(X_j), f(g(f(X_j))))
/// through all three of its uses, then g many down the sum, both by Adam.
/// Source: Pai et al. 2022 (CTRL-SG), the non-linear game on MNIST.
template <class Space, class T = double>
class NetworkPursuit {
 public:
  using Network = models::TwoLayer<Space, T>;

  /// @param data    is read at every step, and must outlive the game
  /// @param rule    of players that both follow Adam; its constraint does not matter
  /// @param hidden  numbers between the two layers of each network     @param steps  that the curve has room for
  /// @throws ShapeError or ValueError for data and rules that do not fit or are out of range
  /// @note allocates: yes; fences: no
  NetworkPursuit(Space const& space, games::PursuitData const& data, games::PursuitRule const& rule, std::size_t hidden,
                 std::size_t steps);

  std::size_t step() const { return step_; }
  Network const& encoder() const { return players_[0]; }
  Network const& decoder() const { return players_[1]; }

  /// So many steps of the encoder, each with its inner steps of the decoder.
  /// @throws ValueError beyond the steps that the curve has room for; NumericalError where a value is no number
  /// @note allocates: lists of states; fences: twice a step; bitwise repeatable: yes
  void run(Space const& space, std::size_t steps);

  /// [step(), 2] expansion and inconsistency after each step, on the samples of that step.
  std::vector<double> curve() const {
    return {curve_.begin(), curve_.begin() + 2 * static_cast<std::ptrdiff_t>(step_)};
  }

  /// The players as they are, on any samples of as many numbers. @throws ShapeError or ValueError for data that do not
  /// fit
  /// @note allocates: yes; fences: yes
  NetworkView look(Space const& space, games::PursuitData const& data) const;

  /// Numbers of encoder and decoder, layer by layer, each weight [out, in] before its bias; and what a game of so many
  /// steps is: these, what Adam remembers of them, and the curve.
  static std::array<std::size_t, 2> network_sizes(std::size_t dim, std::size_t hidden, std::size_t width);
  static std::size_t game_size(std::size_t dim, std::size_t hidden, std::size_t width, std::size_t steps);
  std::vector<double> save(Space const& space) const;
  /// @throws ShapeError for numbers that save() did not give; ValueError for a step that the curve has no room for
  void restore(Space const& space, std::size_t step, std::span<double const> numbers);

 private:
  struct Pass;
  void load(Space const& space, games::PursuitData const& data, std::span<int const> chosen, Pass const& pass) const;
  void regenerate(Space const& space, Pass& pass) const;
  void lead(Space const& space, Pass& pass, Workspace<Space> work);
  void follow(Space const& space, Pass& pass, std::size_t number, Workspace<Space> work);
  void update(Space const& space, std::size_t player, std::size_t number, Workspace<Space> work);
  template <class F>
  void each_tensor(F const& f) const;
  std::span<int const> batch() const;
  std::size_t bytes(std::size_t samples) const;

  games::PursuitData const* data_;
  games::PursuitRule rule_;
  std::size_t step_ = 0, most_steps_;
  std::vector<int> orders_;    ///< [most_steps_, batch], or [samples]
  std::vector<double> curve_;  ///< [most_steps_, 2]
  std::array<Network, 2> players_;
  std::array<optim::OptimizerState<Space, T>, 2> optimizers_;
  Arena<Space> arena_;
};

}  // namespace krate::train
