// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Host code: the schedules, and names of rules.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "krate/optim/optimizer.hpp"
#include "krate/optim/schedule.hpp"
#include "support/op_test.hpp"

namespace {

using krate::optim::Schedule;
using Kind = Schedule::Kind;

struct Curve {
  Schedule schedule;
  std::vector<double> rates;
};

/// Ten steps each, from the reference curves of the CRATE and ToST models: every distinct learning-rate sequence there.
std::vector<Curve> const curves = {
    // crate: AdamW of the supervised classifiers
    {{Kind::crate, 0.01, 10, 3},
     {0.0033333333333333331, 0.0066666666666666662, 0.009045084971874737, 0.0079389262614623663, 0.0065450849718747374,
      0.0050000000000000001, 0.0034549150281252632, 0.0020610737385376348, 0.00095491502812526327,
      0.00024471741852423234}},
    // warmup_cosine: AdamW of CRATE-MAE and CRATE-BERT
    {{Kind::warmup_cosine, 0.01, 10, 3},
     {0.0033333333333333335, 0.0066666666666666671, 0.01, 0.01, 0.0095048443395120957, 0.0081174490092936688,
      0.006112604669781572, 0.0038873953302184282, 0.0018825509907063327, 0.00049515566048790487}},
    // warmup_cosine: Lion of all CRATE models
    {{Kind::warmup_cosine, 0.003, 10, 2},
     {0.0015, 0.0030000000000000001, 0.0030000000000000001, 0.00288581929876693, 0.002560660171779821,
      0.0020740251485476349, 0.0015, 0.00092597485145236541, 0.00043933982822017882, 0.0001141807012330699}},
    // warmup_cosine: AdamW, then Lion of the ToST classifier
    {{Kind::warmup_cosine, 0.005, 10, 3},
     {0.0016666666666666668, 0.0033333333333333335, 0.0050000000000000001, 0.0050000000000000001, 0.0047524221697560478,
      0.0040587245046468344, 0.003056302334890786, 0.0019436976651092141, 0.00094127549535316635,
      0.00024757783024395244}},
    {{Kind::warmup_cosine, 0.001, 10, 2},
     {0.00050000000000000001, 0.001, 0.001, 0.00096193976625564344, 0.00085355339059327371, 0.00069134171618254496,
      0.00050000000000000001, 0.00030865828381745512, 0.00014644660940672628, 3.8060233744356632e-05}},
    // warmup_cosine_from_zero: AdamW of CRATE-alpha
    {{Kind::warmup_cosine_from_zero, 0.01, 10, 3, 1e-6},
     {0, 0.0033333333333333335, 0.0066666666666666671, 0.01, 0.0095048938550781441, 0.0081176372643927391,
      0.0061129934093145941, 0.0038880065906854071, 0.0018833627356072621, 0.00049610614492185616}},
    // warmup_cosine_from_zero: AdamW of the language models
    {{Kind::warmup_cosine_from_zero, 0.01, 10, 2, 0.001},
     {0, 0.0050000000000000001, 0.010000000000000002, 0.0096574578963007918, 0.0086819805153394644,
      0.0072220754456429051, 0.0055000000000000005, 0.0037779245543570965, 0.0023180194846605367,
      0.0013425421036992098}}};

TEST(Schedule, ReproducesTheReferenceCurves) {
  for (auto const& [schedule, rates] : curves) {
    for (std::size_t k = 0; k < rates.size(); ++k) {
      EXPECT_NEAR(schedule.at(static_cast<std::int64_t>(k)), rates[k],
                  4e-16 * schedule.learning_rate + 4e-16 * rates[k])
          << krate::optim::name(schedule.kind) << " step " << k;
    }
  }
}

TEST(Schedule, ConstantWarmsUpAndStays) {
  Schedule const s{.kind = Kind::constant, .learning_rate = 0.5, .warmup_steps = 2};
  EXPECT_EQ(s.at(0), 0.25);
  EXPECT_EQ(s.at(1), 0.5);
  EXPECT_EQ(s.at(1000000), 0.5);
  EXPECT_EQ((Schedule{.kind = Kind::constant, .learning_rate = 0.5}.at(0)), 0.5);
}

TEST(Schedule, EdgesOfTheRun) {
  Schedule const s{.learning_rate = 1, .steps = 4, .min_learning_rate = 0.25};
  EXPECT_EQ(s.at(0), 1);  // no warm-up
  EXPECT_NEAR(s.at(2), 0.625, 1e-15);
  EXPECT_EQ(s.at(4), 0.25);
  EXPECT_EQ(s.at(9), 0.25);  // beyond the end
  EXPECT_EQ((Schedule{.kind = Kind::crate, .learning_rate = 1, .steps = 4}.at(7)), 0);
  Schedule const all_warm{.learning_rate = 1, .steps = 3, .warmup_steps = 3};
  EXPECT_EQ(all_warm.at(2), 1);
  EXPECT_EQ(all_warm.at(3), 0);
  Schedule const longer{.learning_rate = 1, .steps = 2, .warmup_steps = 4};  // ends while warming up
  EXPECT_EQ(longer.at(1), 0.5);
}

TEST(Schedule, NeverNegativeNorAboveTheRate) {
  for (auto const& [schedule, rates] : curves) {
    for (std::int64_t k = 0; k < 30; ++k) {
      EXPECT_GE(schedule.at(k), 0);
      EXPECT_LE(schedule.at(k), schedule.learning_rate * (1 + 1e-15));
    }
  }
}

TEST(Schedule, NamesGoBothWays) {
  for (Kind const kind : {Kind::constant, Kind::warmup_cosine, Kind::warmup_cosine_from_zero, Kind::crate})
    EXPECT_EQ(krate::optim::parse_schedule(krate::optim::name(kind)), kind);
  EXPECT_ERROR(krate::ValueError,
               "krate::optim::parse_schedule: there is no schedule named \"cosine\"; choose one of constant, "
               "warmup_cosine, warmup_cosine_from_zero, crate",
               krate::optim::parse_schedule("cosine"));
}

TEST(Schedule, SaysWhatIsWrong) {
  EXPECT_ERROR(krate::ValueError, "krate::optim::Schedule::at: steps = 0, but it must be positive", Schedule{}.at(0));
  EXPECT_ERROR(krate::ValueError, "step = -1, but it counts from 0", (Schedule{.steps = 3}.at(-1)));
  double const nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_ERROR(krate::ValueError, "learning_rate = nan, but it must not be negative",
               (Schedule{.learning_rate = nan, .steps = 3}.at(0)));
  EXPECT_ERROR(krate::ValueError, "warmup_steps = -2, but it must not be negative",
               (Schedule{.steps = 3, .warmup_steps = -2}.at(0)));
}

TEST(Rule, NamesGoBothWays) {
  EXPECT_STREQ(krate::optim::name(krate::optim::parse_rule("adamw")), "adamw");
  EXPECT_STREQ(krate::optim::name(krate::optim::parse_rule("lion")), "lion");
  EXPECT_ERROR(krate::ValueError,
               "krate::optim::parse_rule: there is no optimizer named \"sgd\"; choose one of adamw, lion",
               krate::optim::parse_rule("sgd"));
}

}  // namespace
