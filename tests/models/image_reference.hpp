// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What must hold of a classifier of images with reference values.
#pragma once

#include <cmath>

#include "models/reference_curves.hpp"

namespace krate::testing {

/// Loss, logits, every gradient and that of the images.
template <class Run>
void expect_image_reference(Run& run) {
  using Space = typename Run::ExecutionSpace;
  using T = typename Run::Scalar;
  double const found = run.forward(), wanted = read_array(run.file, "/output/loss").data[0];
  EXPECT_LE(std::abs(found - wanted), ReferenceBound<T>::loss * std::abs(wanted));
  EXPECT_LE(worst_error(to_array(run.state.logits), read_array(run.file, "/output/logits")), ReferenceBound<T>::output);
  auto const& im = run.images;
  Guarded<Space, T, 4> dimages(im.extent(0), im.extent(1), im.extent(2), im.extent(3));
  std::vector<ParameterRange> ready;
  run.backward(dimages.view(), [&](ParameterRange r) { ready.push_back(r); });
  EXPECT_TRUE(dimages.intact());
  EXPECT_LE(worst_error(dimages.array(), read_array(run.file, "/grads/input")), ReferenceBound<T>::gradient);
  expect_reference_gradients(run, ready);
}

/// Of two runs that differ in what they keep.
template <class Run>
void expect_same_gradients(Run& whole, Run& less) {
  EXPECT_EQ(whole.forward(), less.forward());
  whole.backward();
  less.backward();
  auto const &expected = whole.model.parameters(), &found = less.model.parameters();
  for (std::size_t i = 0; i < expected.entries().size(); ++i)
    EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
}

}  // namespace krate::testing
