// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/infer.hpp"
#if KRATE_ENABLE_HDF5  // the trainer is a part of it
#include "perf/cases/step.hpp"
#endif
#include "perf/support/bench.hpp"

namespace krate::perf {

namespace {

template <class T>
void add_model(std::string const& name, models::CrateConfig const& model, std::size_t batch) {
  add<InferCase<Space, T>>("infer/" + name, {model, batch});
#if KRATE_ENABLE_HDF5
  add<StepCase<Space, T>>("step/" + name, {model, batch});
#endif
}

}  // namespace

void add_benchmarks() {
  models::CrateConfig const digits{.image_size = 8, .patch_size = 4, .dim = 96, .depth = 3, .heads = 6};
  models::CrateConfig const small_images{
      .image_size = 32, .patch_size = 4, .channels = 3, .dim = 384, .depth = 12, .heads = 6};
  add_model<float>("digits/64/float", digits, 64);
  add_model<double>("digits/64/double", digits, 64);
  add_model<float>("32px/16/float", small_images, 16);
  add_model<float>("small/2/float", models::crate_config("small"), 2);
}

}  // namespace krate::perf
