// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rate reduction of samples that lie on several ranks; each rank checks and prints for itself.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "krate/rate/class_moments.hpp"
#if KRATE_ENABLE_HDF5
#include <filesystem>

#include "krate/io/moments_file.hpp"
#endif
#include "rate/runs.hpp"
#include "support/ranks.hpp"

void run_on_ranks() {
  krate::comm::Communicator const comm(MPI_COMM_WORLD);
  TestSpace space;
  constexpr std::size_t samples = 37, dim = 6, classes = 4;  // class 3 is empty
  Array const z = filled(1, {samples, dim});
  std::vector<int> labels(samples);
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<int>(i * i % 3);
  auto const share = krate::comm::share_of(samples, comm.rank(), comm.size());
  auto const begin = static_cast<std::ptrdiff_t>(share.begin), end = begin + static_cast<std::ptrdiff_t>(share.count);
  auto const d = static_cast<std::ptrdiff_t>(dim);
  Array const mine({share.count, dim}, std::vector<double>(z.data.begin() + begin * d, z.data.begin() + end * d));
  auto const my_labels = label_view({labels.begin() + begin, labels.begin() + end});

  krate::ClassMoments<TestSpace> moments(space, comm, {.dim = dim, .classes = classes});
  moments.add(space, view<double, 2>(mine), my_labels);
  auto const found = moments.result(space, 0.1);
  double const whole = run_rate_value<double>(z, {.eps_squared = 0.1});
  auto const parts = run_class_rate<double>(z, labels, {.eps_squared = 0.1, .classes = classes});
  expect(found.samples == samples, "samples are not those of all ranks");
  expect(std::abs(found.rate - whole) <= 1e-13 * whole, "the rate differs from that of all samples together");
  expect(std::abs(found.rate_classes - parts.rate) <= 1e-13 * whole, "the rate of the classes differs");
  for (std::size_t k = 0; k < classes; ++k)
    expect(std::abs(found.per_class[k].rate - parts.per_class(k)) <= 1e-13 * whole, "the rate of a class differs");
  expect(comm.all_reduce(found.rate_reduction, krate::comm::Reduction::min) ==
             comm.all_reduce(found.rate_reduction, krate::comm::Reduction::max),
         "ranks got different bits");
  expect(moments.result(space, 0.1).rate_reduction == found.rate_reduction, "a second result differs");

#if KRATE_ENABLE_HDF5
  std::string directory = (std::filesystem::temp_directory_path() / "krate_moments_XXXXXX").string();
  if (comm.is_root() && !mkdtemp(directory.data())) std::abort();
  comm.broadcast(directory);
  krate::io::write_moments(space, moments, directory + "/m.h5");
  auto const again = krate::io::read_moments(space, directory + "/m.h5", comm).result(space, 0.1);
  expect(again.samples == samples && std::abs(again.rate_reduction - found.rate_reduction) <= 1e-13 * whole,
         "the file gives another result");
  if (comm.is_root()) {  // one rank alone reads what all wrote
    auto const alone = krate::io::read_moments(space, directory + "/m.h5").result(space, 0.1);
    expect(std::abs(alone.rate_reduction - found.rate_reduction) <= 1e-13 * whole, "one rank reads another result");
    std::filesystem::remove_all(directory);
  }
#endif

  // What one rank has seen is everyone's error.
  bool const last = comm.rank() == comm.size() - 1;
  auto const refuses = [&]<class Error>(double value, int label) {
    krate::ClassMoments<TestSpace> bad(space, comm, {.dim = dim, .classes = classes});
    if (last) bad.add(space, view<double, 2>(Array({1, dim}, std::vector<double>(dim, value))), label_view({label}));
    try {
      bad.result(space, 0.1);
    } catch (Error const&) {
      return true;
    }
    return false;
  };
  expect(refuses.operator()<krate::NumericalError>(std::numeric_limits<double>::quiet_NaN(), 0), "NaN went unnoticed");
  expect(refuses.operator()<krate::ValueError>(1, classes), "a bad label went unnoticed");
}
