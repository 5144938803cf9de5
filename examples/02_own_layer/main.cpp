// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One's own model out of krate's layers: tokens pass through subspace attention and one sparse coding step, and AdamW
// fits both layers, whose parameters are this program's own Views, to a target.
#include <cstdio>
#include <krate/attention/mssa.hpp>
#include <krate/linalg/elementwise.hpp>
#include <krate/linalg/fetch.hpp>
#include <krate/optim/optimizer.hpp>
#include <krate/sparse/ista.hpp>
#include <string>

using Space = Kokkos::DefaultExecutionSpace;
using Tokens = Kokkos::View<double***, Kokkos::LayoutRight, Space>;
using Rows = Kokkos::View<double**, Kokkos::LayoutRight, Space>;
using Line = Kokkos::View<double*, Space>;

constexpr int batch = 4, tokens = 10, dim = 24, heads = 3;

struct Weight {
  Rows value, gradient;
};

Weight make_weight(Space const& space, char const* name, krate::ParameterList<Space, double>& list) {
  Weight const w{Rows(Kokkos::view_alloc(space, std::string(name)), dim, dim),
                 Rows(Kokkos::view_alloc(space, std::string(name)), dim, dim)};
  Kokkos::parallel_for(
      "start", Kokkos::RangePolicy<Space>(space, 0, dim * dim),
      KOKKOS_LAMBDA(int i) { w.value(i / dim, i % dim) = 0.2 * Kokkos::sin(1.0 + 7 * i) + (i / dim == i % dim); });
  list.adopt(name, w.value, w.gradient, /*decay=*/false);
  return w;
}

Tokens wave(Space const& space, char const* name, double frequency) {
  Tokens const t(Kokkos::view_alloc(space, std::string(name)), batch, tokens, dim);
  Kokkos::parallel_for(
      "wave", Kokkos::RangePolicy<Space>(space, 0, batch * tokens * dim),
      KOKKOS_LAMBDA(int i) { t.data()[i] = Kokkos::sin(frequency * i); });
  return t;
}

Rows rows(Tokens const& t) {
  return Rows(t.data(), batch * tokens, dim);
}

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  krate::ParameterList<Space, double> parameters;
  Weight const U = make_weight(space, "projection", parameters), B = make_weight(space, "output", parameters),
               D = make_weight(space, "dictionary", parameters);
  Line const b(Kokkos::view_alloc(space, "bias"), dim), db(Kokkos::view_alloc(space, "bias gradient"), dim);
  parameters.adopt("bias", b, db, false);
  krate::optim::Rule const rule = krate::optim::AdamW{.weight_decay = 0};
  krate::optim::OptimizerState<Space, double> const state(space, rule, parameters);
  Kokkos::View<double, Space> const scale(Kokkos::view_alloc(space, "scale")), loss(Kokkos::view_alloc(space, "loss"));
  Kokkos::deep_copy(space, scale, 1.0);

  // The layers own their temporaries.
  krate::Mssa<Space, double> mssa(space, {.dim = dim, .heads = heads, .max_batch = batch, .max_tokens = tokens});
  krate::Ista<Space, double> const ista(space, {.dim = dim, .max_tokens = batch * tokens});
  Tokens const x = wave(space, "x", 0.7), target = wave(space, "target", 1.3), y = wave(space, "y", 0),
               code = wave(space, "code", 0), dcode = wave(space, "dcode", 0), dy = wave(space, "dy", 0),
               dx = wave(space, "dx", 0);

  for (int step = 0; step <= 200; ++step) {
    mssa.forward(space, x, U.value, B.value, b, y);
    ista.forward(space, rows(y), D.value, rows(code));
    // Half the mean square of the distance to the positive part of the target, and its gradient.
    Kokkos::parallel_reduce(
        "loss", Kokkos::RangePolicy<Space>(space, 0, batch * tokens * dim),
        KOKKOS_LAMBDA(int i, double& sum) {
          double const e = code.data()[i] - Kokkos::fmax(target.data()[i], 0.0);
          dcode.data()[i] = e / (batch * tokens * dim);
          sum += e * e / (2 * batch * tokens * dim);
        },
        loss);
    if (step % 50 == 0) std::printf("step %3d  loss %.4f\n", step, krate::fetch(space, loss, "loss"));
    for (auto const& s : parameters.segments()) krate::fill(space, s.gradient, 0);  // backward passes add to them
    ista.backward(space, rows(y), D.value, rows(code), rows(dcode), rows(dy), D.gradient);
    mssa.backward(space, x, U.value, B.value, dy, dx, U.gradient, B.gradient, db);
    krate::optim::update(space, rule, /*learning_rate=*/3e-3, step + 1, parameters, scale, state);
  }
  space.fence("the end");
}
