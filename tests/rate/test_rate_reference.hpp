// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Hard-label cases of tests/data/rate.h5 (tests/data/rate.md): values computed with 448 bits, and beside them what
// plain double arithmetic through a Gram matrix must lose (err_gram_*). The tolerances follow from that:
//     |value - ref| <= 1e-12 max(1, |ref|) + 20 err_gram,   |derivative - ref| <= (1e-11 + 20 err_gram) max |ref|
// Rates far below 1 ("tiny", 1e-14 and less) keep nine digits. Not asked for here: more digits than err_gram allows for
// rows or columns scaled by 1e-6 to 1e6 (tests/rate/test_extremes.hpp has such scales).
#pragma once

#include "rate/reference.hpp"
#include "rate/runs.hpp"

namespace {

struct HardCase {
  std::string name;
  Array z;
  std::vector<int> labels;
  std::size_t classes;
};

inline HardCase hard_case(krate::io::File const& file, std::string const& name) {
  std::string const path = "/hard/" + name;
  auto const labels = file.read_all<std::int32_t>(path + "/labels");
  auto const classes = file.attributes(path).get<std::int64_t>("classes");
  return {name, read_array(file, path + "/Z"), {labels.begin(), labels.end()}, static_cast<std::size_t>(classes)};
}

template <class T>
struct RateReferenceTest : ::testing::Test {};
SCALAR_TESTS(RateReferenceTest, krate::testing::Scalars);

// From an independent program: d = 4, class sizes 5, 3, 6, eps^2 = 0.5.
SCALAR_TEST(RateReferenceTest, NumbersOfTheReferencePage) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array z({14, 4});
    std::vector<int> labels(14);
    for (int j = 0; j < 14; ++j) {
      labels[j] = j < 5 ? 0 : j < 8 ? 1 : 2;
      for (int i = 0; i < 4; ++i) z(j, i) = std::sin(0.7 * i + 0.65 * j * j + 0.9 * i * j + 0.3);
    }
    auto const whole = run_rate<double>(view<double, 2>(z), {.eps_squared = 0.5});
    auto const parts = run_class_rate<double>(z, labels, {.eps_squared = 0.5, .classes = 3});
    EXPECT_NEAR(whole.rate, 3.0584021619273, 1e-13);
    EXPECT_NEAR(parts.rate, 2.69282745531567, 1e-13);
    EXPECT_NEAR(whole.rate - parts.rate, 0.365574706611624, 1e-13);
    // gradient of R - R^c - 0.05 |Z|^2
    Array const g = combined(1, combined(1, whole.gradient, -1, parts.gradient), -0.1, z);
    EXPECT_NEAR(std::sqrt(krate::testing::dot(g, g)), 0.518006478340745, 1e-13);
    EXPECT_NEAR(g(0, 0), -0.073932528494, 1e-12);
    EXPECT_NEAR(g(13, 3), -0.0502628692626888, 1e-14);
  }
}

SCALAR_TEST(RateReferenceTest, HardLabels) {
  using T = TypeParam;
  auto const file = rate_file();
  int count = 0;
  for (auto const& name : file.list("/hard")) {
    HardCase const c = hard_case(file, name);
    // In float only inputs that float holds, and only well scaled ones.
    bool const exact = same_bits(rounded<float>(c.z), c.z);
    if (std::is_same_v<T, float> && (!exact || name.rfind("scaled", 0) == 0)) continue;
    for (auto const& group : file.list("/hard/" + name)) {
      if (group.rfind("eps_", 0) != 0) continue;
      SCOPED_TRACE(name + "/" + group);
      std::string const path = "/hard/" + name + "/" + group;
      auto const attributes = file.attributes(path);
      auto const number = [&](char const* key) { return attributes.get<double>(key); };
      double const eps_squared = number("eps2");
      auto const value_error = [&](char const* key, double reference) {
        return std::is_same_v<T, float> ? 1e-5 * std::max(1e-7, std::abs(reference))
                                        : 1e-12 * std::max(1.0, std::abs(reference)) + 20 * number(key);
      };
      auto const derivative_error = [&](char const* key) {
        return std::is_same_v<T, float> ? 1e-5 : 1e-11 + 20 * number(key);
      };
      for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
        auto const whole = run_rate<T>(view<T, 2>(c.z), {eps_squared, 0, route});
        double const rate = read_number(file, path + "/R");
        EXPECT_NEAR(whole.rate, rate, value_error("err_gram_R", rate));
        if (name == "tiny") {
          EXPECT_NEAR(whole.rate / rate, 1, (std::is_same_v<T, double> ? 1e-9 : 1e-5));
        }
        EXPECT_LE(worst_error(whole.gradient, read_array(file, path + "/grad_R")), derivative_error("err_gram_grad_R"));

        auto const parts = run_class_rate<T>(c.z, c.labels, {eps_squared, c.classes, route});
        double const parts_rate = read_number(file, path + "/Rc");
        EXPECT_NEAR(parts.rate, parts_rate, value_error("err_gram_Rc", parts_rate));
        EXPECT_LE(worst_error(parts.gradient, read_array(file, path + "/grad_Rc")),
                  derivative_error("err_gram_grad_Rc"));
        Array const per_class = read_array(file, path + "/R_class");
        for (std::size_t k = 0; k < c.classes; ++k)
          EXPECT_NEAR(parts.per_class(k), per_class(k), 10 * value_error("err_gram_Rc", per_class(k)));
      }
      ++count;
    }
  }
  EXPECT_GE(count, 30);
}

SCALAR_TEST(RateReferenceTest, SoftMemberships) {
  using T = TypeParam;
  auto const file = rate_file();
  int count = 0;
  for (auto const& name : file.list("/soft")) {
    std::string const path = "/soft/" + name;
    Array const z = read_array(file, path + "/Z"), pi = read_array(file, path + "/Pi");
    bool const exact = same_bits(rounded<float>(z), z) && same_bits(rounded<float>(pi), pi);
    if (std::is_same_v<T, float> && !exact) continue;
    for (auto const& group : file.list(path)) {
      if (group.rfind("eps_", 0) != 0) continue;
      SCOPED_TRACE(name + "/" + group);
      std::string const at = path + "/" + group;
      auto const attributes = file.attributes(at);
      auto const lost = [&](char const* key) { return 20 * attributes.get<double>(key); };
      double const derivative = std::is_same_v<T, float> ? 1e-5 : 1e-11, rate = read_number(file, at + "/Rc");
      auto const r = run_soft<T>(z, pi, {.eps_squared = attributes.get<double>("eps2")});
      EXPECT_NEAR(r.rate, rate, (std::is_same_v<T, float> ? 1e-5 : 1e-12) * std::max(1.0, rate) + lost("err_gram_Rc"));
      EXPECT_LE(worst_error(r.dz, read_array(file, at + "/grad_Rc")), derivative + lost("err_gram_grad_Rc"));
      Array expected = read_array(file, at + "/grad_Rc_Pi"), found = r.dmemberships;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(std::isnan(expected.data[i]), std::isnan(found.data[i]));
        if (std::isnan(expected.data[i])) expected.data[i] = found.data[i] = 0;
      }
      EXPECT_LE(worst_error(found, expected), derivative);
      if constexpr (std::is_same_v<T, double>) {
        Array const product = run_soft_hessian<double>(z, pi, {.eps_squared = attributes.get<double>("eps2")},
                                                       read_array(file, path + "/D"));
        EXPECT_LE(worst_error(product, read_array(file, at + "/hvp_Rc")), 1e-11 + lost("err_gram_hvp_Rc"));
      }
      ++count;
    }
  }
  EXPECT_GE(count, (std::is_same_v<T, float> ? 1 : 5));
}

// The rate is that of one class, and hard labels are memberships of 0 and 1: one code for all three products.
SCALAR_TEST(RateReferenceTest, HessianProducts) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    auto const file = rate_file();
    int count = 0;
    for (auto const& name : file.list("/hard")) {
      HardCase const c = hard_case(file, name);
      for (auto const& group : file.list("/hard/" + name)) {
        std::string const path = "/hard/" + name + "/" + group;
        if (group.rfind("eps_", 0) != 0 || !file.exists(path + "/hvp_R")) continue;
        SCOPED_TRACE(name + "/" + group);
        auto const attributes = file.attributes(path);
        double const eps_squared = attributes.template get<double>("eps2");
        std::size_t const n = c.z.extent(0), d = c.z.extent(1);
        auto const z = view<double, 2>(c.z), direction = view<double, 2>(read_array(file, "/hard/" + name + "/D"));
        Bench const bench(krate::class_coding_rate_hessian_workspace<double>(n, d, c.classes) +
                          krate::coding_rate_hessian_workspace<double>(n, d));
        Guarded<TestSpace, double, 2> whole(n, d), parts(n, d);
        krate::coding_rate_hessian_product(bench.space, z, {.eps_squared = eps_squared}, direction, bench.work(),
                                           whole.view());
        krate::class_coding_rate_hessian_product(bench.space, z, label_view(c.labels),
                                                 {.eps_squared = eps_squared, .classes = c.classes}, direction,
                                                 bench.work(), parts.view());
        EXPECT_LE(worst_error(whole.array(), read_array(file, path + "/hvp_R")),
                  1e-11 + 20 * attributes.template get<double>("err_gram_hvp_R"));
        EXPECT_LE(worst_error(parts.array(), read_array(file, path + "/hvp_Rc")),
                  1e-11 + 20 * attributes.template get<double>("err_gram_hvp_Rc"));
        ++count;
      }
    }
    EXPECT_GE(count, 20);
  }
}

SCALAR_TEST(RateReferenceTest, SweepsOverTheDistortion) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    auto const file = rate_file();
    for (auto const& name : file.list("/hard")) {
      std::string const path = "/hard/" + name;
      if (!file.exists(path + "/sweep_R")) continue;
      HardCase const c = hard_case(file, name);
      Array const eps = read_array(file, path + "/sweep_eps2"), rates = read_array(file, path + "/sweep_R"),
                  parts = read_array(file, path + "/sweep_Rc");
      for (std::size_t i = 0; i < eps.size(); ++i) {
        SCOPED_TRACE(name + " " + std::to_string(eps(i)));
        // Plain arithmetic through a Gram matrix loses about eps / eps^2 where z is rank deficient.
        double const lost = 1e-13 / std::min(1.0, eps(i));
        EXPECT_NEAR(run_rate_value<double>(c.z, {.eps_squared = eps(i)}), rates(i),
                    1e-12 * std::max(1.0, rates(i)) + lost);
        EXPECT_NEAR(run_class_rate<double>(c.z, c.labels, {.eps_squared = eps(i), .classes = c.classes}).rate, parts(i),
                    1e-12 * std::max(1.0, parts(i)) + lost);
      }
    }
  }
}

}  // namespace
