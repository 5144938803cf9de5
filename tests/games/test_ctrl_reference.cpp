// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/ctrl.h5: values, projections, best replies and equilibria.
#include "games/ctrl_reference.hpp"

namespace krate::games {
namespace {

using Numbers = std::vector<double>;

TEST(CtrlReference, Values) {
  CtrlFile const f;
  for (std::string const name : {"one_class", "page", "small", "tall_decoder"}) {
    std::string const g = "/values/" + name;
    auto const data = statistics(f.data(g));
    double const eps_squared = f.attribute(g, "eps2");
    LinearMaps maps{f.numbers(g + "/F"), f.numbers(g + "/G")};
    auto const v = linear_values(data, maps, eps_squared);
    EXPECT_LE(off({v.expansion}, f.numbers(g + "/delta_R")), 1e-12) << name;
    EXPECT_LE(off({v.inconsistency}, f.numbers(g + "/L")), 1e-12) << name;
    EXPECT_LE(off(v.inconsistency_by_class, f.numbers(g + "/L_class")), 1e-12) << name;
    EXPECT_LE(off(v.expansion_by_encoder, f.numbers(g + "/d_delta_R_dF")), 1e-12) << name;
    EXPECT_LE(off(v.inconsistency_by_encoder, f.numbers(g + "/dL_dF")), 1e-11) << name;
    EXPECT_LE(off(v.inconsistency_by_decoder, f.numbers(g + "/dL_dG")), 1e-11) << name;
    EXPECT_LE(off(v.inconsistency_by_product, f.numbers(g + "/dL_dA")), 1e-11) << name;

    auto const p = project_on_norms(data, f.numbers(g + "/projection/F0"));
    EXPECT_LE(off(p.encoder, f.numbers(g + "/projection/F")), 1e-9) << name;
    EXPECT_LE(off(p.multipliers, f.numbers(g + "/projection/multipliers")), 1e-8) << name;

    std::size_t const width = f.rows(g + "/F"), dim = data.dim;
    maps.decoder = pseudo_inverse(maps.encoder, width, dim);
    EXPECT_LE(off(maps.decoder, f.numbers(g + "/follower/G")), 1e-10) << name;
    EXPECT_LE(linear_values(data, maps, eps_squared).inconsistency, 1e-20) << name;
    auto const change = f.numbers(g + "/follower/perturbation");
    for (std::size_t i = 0; i < change.size(); ++i) maps.decoder[i] += change[i];
    double const moved = linear_values(data, maps, eps_squared).inconsistency;
    EXPECT_NEAR(moved / f.number(g + "/follower/L_perturbed"), 1, 1e-8) << name;
  }
}

TEST(CtrlReference, Equilibrium) {
  CtrlFile const f;
  for (std::string const name : {"paper", "unequal", "small"}) {
    std::string const g = "/equilibrium/" + name;
    auto const data = f.moments(g);
    auto const width = static_cast<std::size_t>(f.file.attributes(g).get<std::int64_t>("d_z"));
    double const eps_squared = f.attribute(g, "eps2");
    auto const e = oracle_equilibrium(data, width, eps_squared);
    EXPECT_NEAR(e.expansion, f.number(g + "/delta_R_max"), 1e-12) << name;
    EXPECT_NEAR(e.precision_ratio, f.number(g + "/precision_ratio"), 1e-13) << name;
    auto const v = linear_values(data, e.maps, eps_squared);
    EXPECT_NEAR(v.expansion, e.expansion, 1e-10) << name;
    EXPECT_LE(v.inconsistency, 1e-14) << name;
    auto const theirs = linear_values(data, {f.numbers(g + "/F"), f.numbers(g + "/G")}, eps_squared);
    EXPECT_NEAR(theirs.expansion, e.expansion, 1e-11) << name;
    EXPECT_LE(off(theirs.expansion_by_encoder, f.numbers(g + "/d_delta_R_dF")), 1e-10) << name;
    // The same encoder but for a rotation of the codes: F^T F is one.
    auto const square = [&](Numbers const& m) { return times(turned(m, width), m, width); };
    EXPECT_LE(off(square(e.maps.encoder), square(f.numbers(g + "/F"))), 1e-8) << name;
  }
}

TEST(CtrlReference, AscentOfTheLeader) {  // C6, its begin
  CtrlFile const f;
  for (std::string const name : {"paper", "unequal", "small"}) {
    std::string const g = "/equilibrium/" + name;
    auto const data = f.moments(g);
    double const eps_squared = f.attribute(g, "eps2");
    auto encoder = f.numbers(g + "/ascent/F_0");
    for (int step = 1; step <= 2; ++step) {
      auto const v = linear_values(data, {encoder, Numbers(encoder.size(), 0.0)}, eps_squared);
      for (std::size_t i = 0; i < encoder.size(); ++i) encoder[i] += 0.05 * v.expansion_by_encoder[i];
      encoder = project_on_norms(data, encoder).encoder;
      EXPECT_LE(off(encoder, f.numbers(g + "/ascent/F_" + std::to_string(step))), 1e-9) << name;
    }
  }
}

TEST(CtrlReference, SingleSubspace) {
  CtrlFile const f;
  auto const samples = f.data("/single");
  auto const data = statistics(samples);
  for (std::size_t const width : {2, 4, 8, 14}) {
    std::string const g = "/single/dz_" + std::to_string(width);
    EXPECT_NEAR(principal_rate(data, width, 1), f.number(g + "/R_max"), 1e-10);
    auto const mine = principal_encoder(data, width), theirs = f.numbers(g + "/F");
    EXPECT_LE(off(polar_factor(f.numbers(g + "/F_raw"), width, 14), f.numbers(g + "/F_polar")), 1e-10);
    if (width > 4) continue;  // beyond the subspace's dimension the directions are free
    EXPECT_LE(off(times(turned(mine, width), mine, width), times(turned(theirs, width), theirs, width)), 1e-8);
  }
}

}  // namespace
}  // namespace krate::games
