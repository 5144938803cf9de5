// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/ctrl_stages.hpp"

#include "krate/train/network_pursuit.hpp"

namespace krate::tools {

namespace {

using Numbers = std::vector<double>;

Numbers part(std::span<double const> numbers, std::size_t begin, std::size_t count) {
  auto const some = numbers.subspan(begin, count);
  return {some.begin(), some.end()};
}

/// rows map^T
Rows images(Space const& space, Rows const& rows, Numbers const& map) {
  return product(space, rows, "T", on_device(space, Rows{rows.columns, map}));
}

CtrlStages of_linear_maps(Space const& space, CtrlSetting const& s, games::PursuitData const& test,
                          std::span<double const> numbers) {
  std::size_t const dim = test.dim, size = s.rule.width * dim;
  CtrlStages found;
  found.encoder = part(numbers, 0, size);
  found.decoder.resize(size);
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t k = 0; k < s.rule.width; ++k) found.decoder[i * s.rule.width + k] = numbers[size + k * dim + i];
  if (s.rule.follower == games::Follower::exact)
    found.decoder = games::pseudo_inverse(found.encoder, s.rule.width, dim);
  found.curve = part(numbers, 6 * size, numbers.size() - 6 * size);
  auto const data = games::class_statistics(test.rows, dim, test.labels, test.classes);
  auto const values = games::linear_values(data, {found.encoder, found.decoder}, s.rule.eps_squared);
  found.inconsistency = values.inconsistency;
  found.expansion = s.rule.constraint == games::Constraint::norms ? values.expansion : values.rate;
  found.codes = images(space, {dim, test.rows}, found.encoder);
  found.decoded = images(space, found.codes, found.decoder);
  found.recoded = images(space, found.decoded, found.encoder);
  return found;
}

CtrlStages of_networks(Space const& space, CtrlSetting const& s, CtrlSamples const& samples,
                       std::span<double const> numbers) {
  using Game = train::NetworkPursuit<Space>;
  std::size_t const dim = samples.test.dim, steps = ctrl_steps(s, samples.train.samples());
  auto const sizes = Game::network_sizes(dim, s.hidden, s.rule.width);
  Game game(space, samples.train, s.rule, s.hidden, steps);
  game.restore(space, steps, numbers);
  auto view = game.look(space, samples.test);
  return {{s.rule.width, std::move(view.codes)},
          {dim, std::move(view.decoded)},
          {s.rule.width, std::move(view.recoded)},
          view.expansion,
          view.inconsistency,
          part(numbers, 0, sizes[0]),
          part(numbers, sizes[0], sizes[1]),
          game.curve()};
}

}  // namespace

CtrlStages ctrl_stages(Space const& space, CtrlSetting const& setting, CtrlSamples const& samples,
                       std::span<double const> numbers) {
  return setting.hidden > 0 ? of_networks(space, setting, samples, numbers)
                            : of_linear_maps(space, setting, samples.test, numbers);
}

}  // namespace krate::tools
