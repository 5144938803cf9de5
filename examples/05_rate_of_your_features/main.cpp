// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much do classes help to describe your features? Reads a file's samples in pieces and prints their coding rates.
// usage: rate_of_your_features DATA.h5 [PATH OF THE SAMPLES]
#include <cstdio>
#include <krate/io/dataset.hpp>
#include <krate/rate/class_moments.hpp>

using Space = Kokkos::DefaultExecutionSpace;

void rate(char const* file, char const* path) {
  Space const space;
  auto const data = krate::io::Dataset::open(file, {}, {.samples = path, .as_features = true});
  data.require_labels();
  std::size_t const dim = data.description().sample_size(), piece = 500;
  krate::ClassMoments<Space> moments(space, {},
                                     {.dim = dim, .classes = static_cast<std::size_t>(data.description().classes)});
  Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace> const z("features", piece, dim);
  Kokkos::View<krate::Label*, Kokkos::HostSpace> const labels("labels", piece);
  for (std::size_t begin = 0; begin < data.size(); begin += piece) {
    std::size_t const count = std::min(piece, data.size() - begin);
    data.read_rows<double>(begin, count, {z.data(), count * dim});
    data.read_labels(begin, count, {labels.data(), count});
    std::pair<std::size_t, std::size_t> const these(0, count);
    moments.add(space, Kokkos::create_mirror_view_and_copy(space, Kokkos::subview(z, these, Kokkos::ALL)),
                Kokkos::create_mirror_view_and_copy(space, Kokkos::subview(labels, these)));
    space.fence("the next piece takes the place of this one");
  }
  auto const found = moments.result(space, /*eps_squared=*/0.5);
  std::printf("%lld samples: R %.3f, R^c %.3f, rate reduction %.3f nats\n", static_cast<long long>(found.samples),
              found.rate, found.rate_classes, found.rate_reduction);
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return std::fprintf(stderr, "usage: %s DATA.h5 [PATH OF THE SAMPLES]\n", argv[0]), 2;
  Kokkos::ScopeGuard const kokkos(argc, argv);
  try {
    rate(argv[1], argc == 3 ? argv[2] : "");
  } catch (krate::Error const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
