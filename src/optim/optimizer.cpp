// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/optim/optimizer.hpp"

namespace krate::optim {

namespace {
/// Rules of the variant from position i on.
template <std::size_t i = 0>
Rule find(std::string_view wanted, std::string valid) {
  if constexpr (i == std::variant_size_v<Rule>) {
    throw ValueError("krate::optim::parse_rule",
                     "there is no optimizer named \"" + std::string(wanted) + "\"; choose one of " + valid);
  } else {
    using R = std::variant_alternative_t<i, Rule>;
    if (wanted == R::name) return R{};
    return find<i + 1>(wanted, valid + (i == 0 ? "" : ", ") + R::name);
  }
}
}  // namespace

Rule parse_rule(std::string_view name) {
  return find(name, "");
}

char const* name(Rule const& rule) {
  return std::visit([](auto const& r) { return r.name; }, rule);
}

std::span<char const* const> state_names(Rule const& rule) {
  return std::visit([](auto const& r) { return std::span<char const* const>(r.state_names); }, rule);
}

}  // namespace krate::optim
