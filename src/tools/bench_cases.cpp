// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench_cases.hpp"

#include "tools/network_options.hpp"

namespace krate::tools {

std::vector<BenchCase> const& bench_cases() {
  static std::vector<BenchCase> const cases = [] {
    std::vector<BenchCase> all;
    for (auto const part : {model_cases(), layer_cases(), game_cases(), machine_cases()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return cases;
}

Json run_case(Bench& bench, BenchCase const& which, OptionTable& options) {
  if (options.applies("model")) {
    options.choose(options.get<std::string>("model"));
    adopt_size(options);
  }
  return which.run(bench, which, options);
}

Json config_of(OptionTable const& options) {
  struct Value {
    Json operator()(Pair p) const {
      return p.rows == p.columns ? Json(p.rows) : Json(std::to_string(p.rows) + "x" + std::to_string(p.columns));
    }
    Json operator()(bool v) const { return v; }
    Json operator()(std::int64_t v) const { return v; }
    Json operator()(double v) const { return v; }
    Json operator()(std::string const& v) const { return v; }
  };
  Json config = Json::object();
  for (auto const& [key, value] : options.values()) config[key] = std::visit(Value{}, value);
  return config;
}

}  // namespace krate::tools
