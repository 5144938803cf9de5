// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Settings of the experiments of Pai et al. 2022 and of its appendices.
#include <algorithm>

#include "krate/core/require.hpp"
#include "tools/ctrl.hpp"

namespace krate::tools {

namespace {

CtrlSetting named(std::string const& name) {
  CtrlSetting s;
  s.name = name;
  return s;
}

CtrlSetting digits(std::string const& which, std::string const& data, std::size_t hidden) {
  if (data.empty())
    throw ValueError("krate::game",
                     "--figure " + which + " needs --data (it is about MNIST); make it with krate data mnist or csv");
  auto s = named("figure" + which);
  s.file = data;
  s.epochs = 1;
  s.rule.width = 150;
  s.rule.inner_steps = s.rule.batch = 200;
  s.hidden = hidden;
  return s;
}

std::vector<CtrlSetting> figure(std::string const& which, std::string const& data) {
  std::vector<CtrlSetting> all;
  auto const add = [&](CtrlSetting s) -> CtrlSetting& { return all.emplace_back(std::move(s)); };
  if (which == "1") add(named("figure1"));
  if (which == "2") add(named("figure2")).subspaces.noise = 1e-2;
  if (which == "3") add(digits(which, data, 0));
  if (which == "4") add(digits(which, data, 150));
  for (int const width : {20, 30, 40, 60})
    if (which == "D9") add(named("D9_width" + std::to_string(width))).rule.width = static_cast<std::size_t>(width);
  int number = 1;
  for (double const noise : {1e-6, 1e-4, 1e-2, 1.0}) {
    if (which == "D10") add(named("D10_noise" + std::to_string(number))).subspaces.noise = noise;
    if (which == "C8") add(single_subspace("C8_noise" + std::to_string(number))).subspaces.noise = noise;
    ++number;
  }
  if (which == "C6") add(single_subspace("C6"));
  for (int const width : {10, 20, 40, 50})
    if (which == "C7")
      add(single_subspace("C7_width" + std::to_string(width))).rule.width = static_cast<std::size_t>(width);
  return all;
}

}  // namespace

CtrlSetting single_subspace(std::string const& name) {
  CtrlSetting s = named(name);
  s.subspaces.dimensions = {10};
  s.rule.constraint = games::Constraint::orthogonal;
  s.rule.leader = games::LeaderStep::gradient;
  s.rule.shuffled = false;
  return s;
}

std::vector<CtrlSetting> ctrl_figures(std::string const& which, std::string const& data) {
  std::vector<std::string> const known{"1", "2", "3", "4", "D9", "D10", "C6", "C7", "C8"};
  auto const takes_data = [](std::string const& f) { return f == "3" || f == "4"; };
  bool const is_known = std::find(known.begin(), known.end(), which) != known.end();
  require_value(is_known || which == "all", "krate::game", "--figure", which,
                "must be 1, 2, 3, 4, D9, D10, C6, C7, C8 or all");
  require_value(data.empty() || takes_data(which) || which == "all", "krate::game", "--figure", which,
                "makes its own samples: --data is for 3, 4 and all");
  if (which != "all") return figure(which, data);
  std::vector<CtrlSetting> all;
  for (auto const& f : known) {
    if (takes_data(f) && data.empty()) continue;
    auto const some = figure(f, data);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace krate::tools
