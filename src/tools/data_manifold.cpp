// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data manifold: samples of known manifolds.
#include <cmath>

#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/manifold.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_data_manifold = "krate::data manifold";

struct ManifoldOptions {
  Manifold manifold{};
  std::int64_t samples = 50, dim = 100, intrinsic = 2, seed = 0;
};

Manifold checked(ManifoldOptions const& o) {
  auto const at_least = [](std::int64_t value, char const* name, std::int64_t least) {
    require_value(value >= least && value <= (1 << 24), in_data_manifold, name, value,
                  ("must be from " + std::to_string(least) + " to 16777216").c_str());
    return static_cast<std::size_t>(value);
  };
  Manifold m = o.manifold;
  m.samples = at_least(o.samples, "--samples", 2);
  m.dim = at_least(o.dim, "--dim", 1);
  m.intrinsic = at_least(o.intrinsic, "--intrinsic-dim", 1);
  m.seed = Seed{at_least(o.seed, "--seed", 0)};
  require_value(m.scale > 0 && std::isfinite(m.scale), in_data_manifold, "--scale", m.scale, "must be positive");
  return m;
}

}  // namespace

void add_data_manifold(cli::App& data, Context& context) {
  auto const command = add_source(data, context, "manifold", "Samples of a known manifold",
                                  "krate data manifold gp --samples 1000 --intrinsic-dim 5 -o gp.h5");
  auto const o = std::make_shared<ManifoldOptions>();
  command.app
      ->add_option("shape", o->manifold.shape,
                   "sine and semicircle (1.5 pi of a circle): curves in the plane; swissroll, and swissroll-aug with "
                   "|x|^2 as fourth number; random: products of waves; gp: each number a Gaussian process")
      ->required()
      ->one_of(manifold_shapes());
  command.app->add_option("--samples", o->samples, "Number of samples")->option_text("INT [50]");
  command.app->add_option("--dim", o->dim, "Numbers of a sample of random and gp")->option_text("INT [100]");
  command.app->add_option("--intrinsic-dim", o->intrinsic, "Dimension of the manifold of random and gp")
      ->option_text("INT [2]");
  command.app->add_option("--scale", o->manifold.scale, "Root mean square length of a sample of gp")
      ->option_text("NUMBER [1]");
  command.app->add_option("--seed", o->seed, "Of what is drawn")->option_text("INT [0]");
  command.app->callback([&context, o, output = command.output] {
    auto const m = checked(*o);
    make_dataset(context, *output, [&] {
      NewDataset made;
      made.kind = io::SampleKind::features;
      made.sample_shape = {manifold_columns(m)};
      auto const x = sample_manifold(m);
      made.numbers.assign(x.begin(), x.end());
      made.description = "manifold " + m.shape;
      return made;
    });
  });
}

}  // namespace krate::tools
