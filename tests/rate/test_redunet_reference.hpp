// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vector cases of tests/data/redunet.h5: each layer alone from its stored input, and all layers in a row.
#pragma once

#include "krate/io/hdf5.hpp"
#include "rate/redunet_runs.hpp"
#include "support/reference_file.hpp"

namespace {

inline Array stored(krate::io::File const& file, std::string const& path) {
  Array a;
  a.data = file.read_all<double>(path, &a.shape);
  return a;
}

template <class T>
struct RedunetReferenceTest : ::testing::Test {};
SCALAR_TESTS(RedunetReferenceTest, krate::testing::OnlyDouble);

SCALAR_TEST(RedunetReferenceTest, LayersOfAllCases) {
  auto const file = krate::io::File::open(krate::testing::reference_file("redunet.h5"));
  int cases = 0;
  for (auto const& name : file.list("/vector")) {
    std::string const path = "/vector/" + name;
    auto const about = file.attributes(path);
    auto const integers = file.read_all<std::int32_t>(path + "/labels_train");
    std::vector<int> const labels(integers.begin(), integers.end());
    krate::ClassRateOptions const options{.eps_squared = about.get<double>("eps2"),
                                          .classes = static_cast<std::size_t>(about.get<std::int64_t>("classes"))};
    krate::RedunetStep const step{about.get<double>("eta"), about.get<double>("softmax_scale")};
    Array train = stored(file, path + "/Z_train"), test = stored(file, path + "/Z_test");
    Array own_train = train, own_test = test;
    for (std::int64_t l = 0; l < about.get<std::int64_t>("layers"); ++l) {
      std::string const at = path + "/layer_" + std::to_string(l);
      SCOPED_TRACE(at);
      auto const layer = build_layer<double>(train, labels, options);
      auto const expect = [&](Array const& found, char const* what) {
        EXPECT_LE(worst_error(found, stored(file, at + "/" + what)), 1e-10) << what;
      };
      expect(to_array(layer.expansion), "E");
      expect(to_array(layer.compression), "C");
      expect(to_array(layer.weights), "gamma");
      EXPECT_NEAR(layer.rates(0), stored(file, at + "/R")(0), 1e-10);
      EXPECT_NEAR(layer.rates(1), stored(file, at + "/Rc")(0), 1e-10);
      EXPECT_NEAR(layer.rates(0) - layer.rates(1), stored(file, at + "/delta_R")(0), 1e-10);
      auto const moved_train = forward_layer<double>(train, layer, step),
                 moved_test = forward_layer<double>(test, layer, step);
      expect(moved_train.z, "Z_train_next");
      expect(moved_test.z, "Z_test_next");
      expect(krate::testing::softmax_of(moved_train.logits), "soft_train");
      expect(krate::testing::softmax_of(moved_test.logits), "soft_test");

      auto const own_layer = build_layer<double>(own_train, labels, options);
      own_test = forward_layer<double>(own_test, own_layer, step).z;
      own_train = forward_layer<double>(own_train, own_layer, step).z;
      expect(own_train, "Z_train_next");
      expect(own_test, "Z_test_next");
      train = stored(file, at + "/Z_train_next");
      test = stored(file, at + "/Z_test_next");
    }
    ++cases;
  }
  EXPECT_EQ(cases, 4);
}

}  // namespace
