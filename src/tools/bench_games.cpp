// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/flatnet.hpp"
#include "perf/cases/markov.hpp"
#include "perf/cases/pursuit.hpp"
#include "tools/bench_case.hpp"

namespace krate::tools {

namespace {

OptionTable markov_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("players", 4, "Players").at_least(1).at_most(10000);
  o.add<std::int64_t>("routes", 2, "Routes: 2^routes states").at_least(1).at_most(10);
  add_size(o, "replicas", 1, "Replicas; a thread plays one");
  o.add<std::int64_t>("stages", 1000000, "Stages of a replica").at_least(1).at_most(0x1p40);
  o.add<std::string>("random", "counter", "Random numbers").one_of({"counter", "mersenne"});
  return o;
}

Json run_markov(Bench& bench, BenchCase const& self, OptionTable const& o) {
  perf::MarkovCase<Space, double>::Options options{o.get<std::size_t>("players"), o.get<std::size_t>("routes"),
                                                   o.get<std::size_t>("replicas"), o.get<std::int64_t>("stages"),
                                                   o.get<std::string>("random") == "mersenne"};
  return bench.run<perf::MarkovCase<Space, double>>(self.name, config_of(o), options);
}

OptionTable ctrl_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("games", 1, "Games; a thread plays one").at_least(1).at_most(100000);
  o.add<std::int64_t>("dim", 50, "Numbers of a sample").at_least(5).at_most(4096);
  o.add<std::int64_t>("width", 40, "Numbers of a code").at_least(1).at_most(4096);
  o.add<std::int64_t>("batch", 50, "Samples of a step").at_least(1).at_most(1500);
  o.add<std::int64_t>("steps", 1, "Steps of the encoder").at_least(1).at_most(1000000);
  o.add<std::int64_t>("inner-steps", 1000, "Steps of the decoder after each").at_least(1).at_most(1 << 24);
  o.add<double>("noise", 0, "Mean square norm of noise").at_least(0);
  return o;
}

Json run_ctrl(Bench& bench, BenchCase const& self, OptionTable const& o) {
  perf::PursuitCase<Space, double>::Options options;
  options.games = o.get<std::size_t>("games");
  options.dim = o.get<std::size_t>("dim");
  options.width = o.get<std::size_t>("width");
  options.batch = o.get<std::size_t>("batch");
  options.steps = o.get<std::size_t>("steps");
  options.inner_steps = o.get<std::size_t>("inner-steps");
  options.noise = o.get<double>("noise");
  return bench.run<perf::PursuitCase<Space, double>>(self.name, config_of(o), options);
}

OptionTable flatnet_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("samples", 1000, "Samples, all of them near the centre").at_least(2).at_most(1 << 24);
  o.add<std::int64_t>("dim", 100, "Numbers of a sample").at_least(2).at_most(1 << 14);
  o.add<std::int64_t>("manifold-dim", 5, "Columns of the frame").at_least(1).at_most(64);
  o.add<std::int64_t>("steps", 200, "Steps of the fit").at_least(1).at_most(1000000);
  return o;
}

Json run_flatnet(Bench& bench, BenchCase const& self, OptionTable const& o) {
  perf::FlatnetCase<Space, double>::Options const options{o.get<std::size_t>("samples"), o.get<std::size_t>("dim"),
                                                          o.get<std::size_t>("manifold-dim"),
                                                          o.get<std::size_t>("steps")};
  return bench.run<perf::FlatnetCase<Space, double>>(self.name, config_of(o), options);
}

}  // namespace

std::span<BenchCase const> game_cases() {
  static constexpr BenchCase cases[] = {
      {"markov", "Independent learning in a Markov game",
       "Timed: stages of the routing game, all replicas from their begin; stages * replicas / seconds is the speed. "
       "The\n"
       "arithmetic is fp64.",
       markov_options, run_markov},
      {"ctrl", "Sequential games of linear maps",
       "Timed: steps of an encoder, each with steps of the decoder, on samples of three subspaces, from random maps;\n"
       "seconds / (steps * inner-steps * games) is the time of an inner step. The arithmetic is fp64.",
       ctrl_options, run_ctrl},
      {"flatnet", "Fit of a manifold's tangent space",
       "Timed: steps of a frame and a quadratic form, which building a FlatNet consists of; seconds / steps is the "
       "time "
       "of an\n"
       "inner step. The arithmetic is fp64.",
       flatnet_options, run_flatnet},
  };
  return cases;
}

}  // namespace krate::tools
