// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The game whose decoder has the encoder's dictionaries, as the authors' code plays it and with one change. krate gives
// the decoder dictionaries of its own: this is why.
#pragma once

#include <sstream>

#include "krate/linalg/elementwise.hpp"
#include "krate/models/csc_ctrl.hpp"
#include "krate/optim/optimizer.hpp"
#include "krate/rate/closed_loop.hpp"
#include "train/toy_game.hpp"

namespace krate::testing {
namespace {

enum class Tie {
  none,      ///< each player has its own dictionaries and optimizer: what ClosedLoopStep does
  stopped,   ///< tied; the decoder's step has gradients of the decoder's uses only, and an optimizer of its own
  as_coded,  ///< tied; one optimizer takes both steps, and the decoder's step moves the encoder, too
};

/// On the batch, with its statistics.
struct ToyValues {
  std::array<double, 3> values{};           ///< of closed_loop_rate()
  double pixel_error = 0, mean_cosine = 0;  ///< mean square; of z and what comes back
};

class TiedGame {
 public:
  explicit TiedGame(Tie tie)
      : tie_(tie),
        model_(space_, config(), Seed{1}),
        states_{optim::OptimizerState<TestSpace, float>(space_, adam_, model_.encoder.lists().trained),
                optim::OptimizerState<TestSpace, float>(space_, adam_, model_.decoder.lists().trained)},
        arena_(space_, std::size_t(1) << 28),
        rest_(arena_.workspace()) {
    images_ = model_.encoder.cut(rest_, batch);
    regenerated_ = model_.encoder.cut(rest_, batch);
    decoded_ = model_.decoder.cut(rest_, batch);
    pixels_ = rest_.template take<float>(batch * 256, 1);
    dpixels_ = rest_.template take<float>(batch * 256, 1);
    for (auto& g : gradients_) g = rest_.template take<float>(batch, 32);
    dfeatures_ = rest_.template take<float>(batch, 32);
    values_ = rest_.template take<double>(3);
    sign_ = rest_.template take<float>();
    Array x = bars_and_discs(batch, 5);
    for (double& v : x.data) v = 2 * v - 1;
    assign(pixels_, Array({x.size(), 1}, x.data));
    model_.decoder.refresh(space_);
    renew(50);
  }

  /// @return values before the encoder's step, and between it and the decoder's
  std::array<ToyValues, 2> iterate() {
    clear();
    auto const before = play();
    model_.encoder.backward(space_, {}, gradients_[0], images_, true, rest_, {});
    model_.encoder.backward(space_, {}, gradients_[1], regenerated_, true, rest_, {});
    ++taken_;
    update(0, -1, taken_);
    if (tie_ == Tie::as_coded) update(1, -1, taken_);  // of gradients 0: Adam goes on as before
    renew(3);

    clear();
    auto const between = play();
    bool const whole = tie_ == Tie::as_coded;
    model_.encoder.backward(space_, {}, gradients_[1], regenerated_, whole, rest_, dpixels_);
    model_.decoder.backward(space_, {}, decoded_, rest_, dpixels_, dfeatures_);
    if (whole) {
      add(space_, dfeatures_, gradients_[0]);
      model_.encoder.backward(space_, {}, gradients_[0], images_, true, rest_, {});
      each_dictionary([&](std::size_t f, std::size_t g) {
        add(space_, list(1).gradient(g), list(0).gradient(f));
        fill(space_, list(1).gradient(g), 0.0F);
      });
      ++taken_;
      update(0, 1, taken_);
    }
    update(1, 1, taken_);
    if (tie_ == Tie::stopped)
      each_dictionary([&](std::size_t f, std::size_t g) { copy(space_, list(1).value(g), list(0).value(f)); });
    tie_ == Tie::none ? model_.decoder.refresh(space_) : renew(3);
    return {before, between};
  }

 private:
  static constexpr std::size_t batch = 300;
  static models::CscCtrlConfig config() {
    models::CscCtrlConfig c;
    c.image_size = 16;
    c.width = 16;
    c.dim = 32;
    c.classes = 3;
    return c;
  }
  ParameterList<TestSpace, float> const& list(int player) const {
    return player == 0 ? model_.encoder.lists().trained : model_.decoder.lists().trained;
  }
  /// f(place in the encoder's list, place in the decoder's)
  template <class F>
  void each_dictionary(F const& f) const {
    for (std::string const layer : {"00", "01", "02"})
      f(list(0).index("encoder/" + layer + "/dictionary"), list(1).index("decoder/" + layer + "/dictionary"));
  }
  void clear() {
    for (int player = 0; player < 2; ++player)
      for (auto const& s : list(player).segments()) fill(space_, s.gradient, 0.0F);
  }
  /// Atoms of length 1, steps of the encoder's codes, and the decoder's dictionaries where they are tied.
  void renew(std::size_t iterations) {
    model_.encoder.refresh(space_, iterations, rest_);
    if (tie_ == Tie::none) return;
    each_dictionary([&](std::size_t f, std::size_t g) { copy(space_, list(0).value(f), list(1).value(g)); });
  }
  void update(int player, float sign, std::int64_t number) {
    fill(space_, sign_, sign);
    optim::adamw_update(space_, adam_, 1e-3, number, list(player), sign_, states_[player].view(0),
                        states_[player].view(1));
  }
  ToyValues play() {
    using models::Statistics;
    model_.encoder.forward(space_, {}, Statistics::batch, 0, pixels_, images_, rest_);
    model_.decoder.forward(space_, {}, Statistics::batch, images_.features(), decoded_, rest_);
    model_.encoder.forward(space_, {}, Statistics::batch, 1, decoded_.pixels(), regenerated_, rest_);
    auto const labels = view<Label, 1>(classes_in_turn(batch));
    closed_loop_rate(space_, comm::Communicator(), images_.features(), regenerated_.features(), labels, {0.5, 3}, rest_,
                     values_, gradients_[0], gradients_[1]);
    space_.fence("krate::test: the values are there");
    Array const v = to_array(values_), x = to_array(pixels_), x_hat = to_array(decoded_.pixels());
    ToyValues found{{v(0), v(1), v(2)}};
    for (std::size_t i = 0; i < x.size(); ++i)
      found.pixel_error += (x.data[i] - x_hat.data[i]) * (x.data[i] - x_hat.data[i]) / static_cast<double>(x.size());
    found.mean_cosine = dot(to_array(images_.features()), to_array(regenerated_.features())) / batch;
    return found;
  }

  TestSpace space_;
  Tie tie_;
  optim::AdamW adam_{.beta1 = 0.5, .weight_decay = 0};
  models::CscCtrl<TestSpace, float> model_;
  optim::OptimizerState<TestSpace, float> states_[2];
  Arena<TestSpace> arena_;
  Workspace<TestSpace> rest_;
  models::ConvEncoderState<TestSpace, float> images_, regenerated_;
  models::ConvDecoderState<TestSpace, float> decoded_;
  Matrix<float, TestSpace> pixels_, dpixels_, gradients_[2], dfeatures_;
  Vector<double, TestSpace> values_;
  Value<float, TestSpace> sign_;
  std::int64_t taken_ = 0;
};

/// Values of the first iteration and of the 25th, which go to the test's record.
inline std::array<ToyValues, 2> few_iterations(Tie tie) {
  TiedGame game(tie);
  std::array<ToyValues, 2> found;
  for (int i = 1; i <= 25; ++i) {
    auto const now = game.iterate()[1];
    if (i > 1 && i < 25) continue;
    found[i == 25] = now;
    std::ostringstream row;
    for (double const v : now.values) row << v << " ";
    row << now.pixel_error << " " << now.mean_cosine;
    ::testing::Test::RecordProperty("iteration_" + std::to_string(i), row.str());
  }
  return found;
}

template <class T>
struct TiedGameTest : ::testing::Test {};
SCALAR_TESTS(TiedGameTest, OnlyFloat);

// What is tied here is the library's game where it is not: the same bits.
SCALAR_TEST(TiedGameTest, UntiedItIsTheLibrarysGame) {
  TiedGame game(Tie::none);
  ToyGame library(true);
  auto const expected = library.play(3);
  for (auto const& e : expected) EXPECT_EQ(game.iterate()[0].values, e.values);
}

SCALAR_TEST(TiedGameTest, WithDictionariesOfItsOwnItGrows) {
  auto const [first, last] = few_iterations(Tie::none);
  EXPECT_GT(last.values[0], 4);
  EXPECT_LT(last.values[0], 7.2);  // the most that three classes in 32 dimensions have
  EXPECT_LT(last.mean_cosine, 0.3);
}

// The decoder's step moves the encoder, too: what the encoder climbed is lost, and all features become alike.
SCALAR_TEST(TiedGameTest, AsCodedTheRateReductionFalls) {
  auto const [first, last] = few_iterations(Tie::as_coded);
  EXPECT_GT(first.values[0], 1.7);
  EXPECT_LT(last.values[0], first.values[0] - 0.5);
  EXPECT_LT(last.values[1], first.values[1] / 2);
  EXPECT_LT(last.values[2], first.values[2] / 2);
  EXPECT_GT(last.mean_cosine, 0.9);
  EXPECT_LT(last.pixel_error, first.pixel_error);
}

SCALAR_TEST(TiedGameTest, WithoutTheEncodersUsesItGrows) {
  auto const [first, last] = few_iterations(Tie::stopped);
  EXPECT_GT(last.values[0], 4);
  EXPECT_LT(last.values[0], 7.2);
  EXPECT_GT(last.values[1], first.values[1]);
  EXPECT_GT(last.mean_cosine, 0.5);
  EXPECT_LT(last.mean_cosine, 0.9);
  EXPECT_LT(last.pixel_error, first.pixel_error);
}

}  // namespace
}  // namespace krate::testing
