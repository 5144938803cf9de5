// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/class_coding_rate.hpp"
#include "perf/cases/coding_rate.hpp"
#include "perf/cases/csc.hpp"
#include "perf/cases/ista.hpp"
#include "perf/cases/mssa.hpp"
#include "perf/cases/multi_head_attention.hpp"
#include "perf/cases/tssa.hpp"
#include "tools/bench_case.hpp"

namespace krate::tools {

namespace {

void add_backward(OptionTable& table) {
  table.add<bool>("backward", false, "Time forward and backward pass together");
}
void add_causal(OptionTable& table) {
  table.add<bool>("causal", false, "Each token sees the tokens up to itself only");
}

OptionTable mssa_options() {
  OptionTable o("krate::bench");
  add_size(o, "batch", 8, "Samples");
  add_size(o, "heads", 12, "Number of subspaces");
  add_size(o, "tokens", 197, "Tokens of a sample");
  add_size(o, "head-dim", 48, "Width of a subspace");
  add_backward(o);
  add_causal(o);
  add_precision(o);
  return o;
}

Json run_mssa(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::MssaCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("batch"),    o.get<std::size_t>("heads"), o.get<std::size_t>("tokens"),
               o.get<std::size_t>("head-dim"), o.get<bool>("backward"),     o.get<bool>("causal")};
  });
}

Json run_tssa(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::TssaCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("batch"),    o.get<std::size_t>("heads"), o.get<std::size_t>("tokens"),
               o.get<std::size_t>("head-dim"), o.get<bool>("backward"),     o.get<bool>("causal")};
  });
}

Json run_multi_head(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::MultiHeadCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("batch"),    o.get<std::size_t>("heads"), o.get<std::size_t>("tokens"),
               o.get<std::size_t>("head-dim"), o.get<bool>("backward"),     o.get<bool>("causal")};
  });
}

OptionTable ista_options() {
  OptionTable o("krate::bench");
  add_size(o, "tokens", 1576, "Tokens of all samples");
  add_size(o, "dim", 576, "Width of the tokens");
  add_backward(o);
  add_precision(o);
  return o;
}

Json run_ista(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::IstaCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("tokens"), o.get<std::size_t>("dim"), o.get<bool>("backward")};
  });
}

OptionTable csc_options() {
  OptionTable o("krate::bench");
  add_size(o, "batch", 32, "Images");
  add_size(o, "size", 16, "Height and width of the images");
  add_size(o, "channels", 64, "Channels of the images");
  add_size(o, "atoms", 128, "Channels of the code");
  add_size(o, "kernel", 4, "Height and width of an atom");
  add_size(o, "stride", 2, "Pixels from one place of the code to the next");
  o.add<std::int64_t>("padding", 1, "Pixels of zeros around the image").at_least(0).at_most(1 << 24);
  add_size(o, "code-steps", 2, "Steps of FISTA");
  add_backward(o);
  add_precision(o);
  return o;
}

Json run_csc(Bench& bench, BenchCase const& self, OptionTable const& o) {
  auto const size = [&](char const* name) { return o.get<std::size_t>(name); };
  return run_case<perf::CscCase>(bench, self, o, [&](auto& options) {
    options = {{size("batch"), size("channels"), size("size"), size("size"), size("atoms"), size("kernel"),
                size("stride"), size("padding")},
               size("code-steps"),
               o.get<bool>("backward")};
  });
}

OptionTable rate_options() {
  OptionTable o("krate::bench");
  add_size(o, "samples", 10000, "Samples");
  add_size(o, "dim", 512, "Features of a sample");
  o.add<std::int64_t>("classes", 0, "Rate the classes instead, so many of equal size; 0: all samples together")
      .at_least(0)
      .at_most(1 << 24);
  o.add<bool>("value", false, "Time the value without the gradient");
  add_precision(o);
  return o;
}

Json run_rate(Bench& bench, BenchCase const& self, OptionTable const& o) {
  auto const fill = [&](perf::RateSize& size) {
    size = {o.get<std::size_t>("samples"), o.get<std::size_t>("dim"), o.get<std::size_t>("classes"),
            o.get<bool>("value")};
  };
  return o.get<std::size_t>("classes") > 0 ? run_case<perf::ClassCodingRateCase>(bench, self, o, fill)
                                           : run_case<perf::CodingRateCase>(bench, self, o, fill);
}

}  // namespace

std::span<BenchCase const> layer_cases() {
  static constexpr BenchCase cases[] = {
      {"mssa", "Subspace attention",
       "Timed: O_k = softmax(W_k W_k^T / sqrt(head_dim)) W_k of projected tokens W, without the products that make W "
       "and\n"
       "take O back; with --backward from W to O and from dO to dW.",
       mssa_options, run_mssa},
      {"mhsa", "Multi-head attention",
       "Timed: O_k = softmax(Q_k K_k^T / sqrt(head_dim)) V_k, what subspace attention is compared with, without the "
       "products\n"
       "that make Q, K, V and take O back; with --backward also from dO to dQ, dK, dV.",
       mssa_options, run_multi_head},
      {"tssa", "Token statistics attention",
       "Timed: the attention of ToST from projected tokens W to O, without the products that make W and take O back; "
       "with\n"
       "--backward also from dO to dW.",
       mssa_options, run_tssa},
      {"ista", "Sparse coding step",
       "Timed: max(0, x + eta (x - x D^T) D - eta lambda); with --backward also the gradients of x and D.",
       ista_options, run_ista},
      {"csc", "Convolutional sparse coding",
       "Timed: steps of FISTA towards the code of images, channels last; with --backward also the gradients of images\n"
       "and dictionary.",
       csc_options, run_csc},
      {"rate", "Coding rate with its gradient",
       "Timed: the value and the gradient of R; with --classes those of R^c; with --value the value alone. Sums are\n"
       "double in any precision.",
       rate_options, run_rate},
  };
  return cases;
}

}  // namespace krate::tools
