// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rate_stream.hpp"

#include <algorithm>

#include "tools/machine.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t mebibyte = std::size_t(1) << 20;
// Buffers of HDF5, MPI and BLAS, and of the pass over the labels.
constexpr std::size_t reserve = 12 * mebibyte;
// Pieces beyond this are not faster.
constexpr std::size_t largest_piece = 128 * mebibyte;

ClassMomentsOptions options_for(io::DatasetDescription const& data) {
  return {.dim = data.sample_size(), .classes = static_cast<std::size_t>(std::max<std::int64_t>(data.classes, 1))};
}

std::size_t fixed_bytes(io::DatasetDescription const& data) {
  return reserve + ClassMoments<Space>::bytes(options_for(data));
}

// Of a sample: its features and label, the latter also as the file's number; on a device features and label again.
std::size_t row_bytes(io::DatasetDescription const& data) {
  std::size_t const row = data.sample_size() * sizeof(double) + sizeof(Label);
  return (impl::is_device<Space> ? 2 : 1) * row + sizeof(double);
}

}  // namespace

std::size_t rate_budget(comm::Communicator const& comm, io::DatasetDescription const& data, std::uint64_t asked) {
  std::size_t const least = fixed_bytes(data) + row_bytes(data);
  if (asked == 0) return std::max(memory_bytes() / 4 / static_cast<std::size_t>(comm.size()), least);
  if (asked < least) {
    throw ValueError("krate::rate", "--memory = " + std::to_string(asked) + ", but moments of " +
                                        std::to_string(options_for(data).classes) + " classes of dim " +
                                        std::to_string(data.sample_size()) + " and buffers take " +
                                        std::to_string(least / mebibyte + 1) + "M; give at least that");
  }
  return asked;
}

RateReduction rate_of_stream(Context& context, io::Dataset const& data, double eps_squared, std::size_t budget) {
  Space const& space = context.space();
  auto const& comm = context.comm();
  auto const& d = data.description();
  std::size_t const dim = d.sample_size();
  auto const share = comm::share_of(d.samples, comm.rank(), comm.size());
  std::size_t const longest = comm::share_of(d.samples, 0, comm.size()).count;  // reading is collective
  std::size_t const room = std::min(budget - fixed_bytes(d), largest_piece);
  std::size_t const piece = std::clamp<std::size_t>(room / row_bytes(d), 1, longest);

  ClassMoments<Space> moments(space, comm, options_for(d));
  {
    Kokkos::View<double**, Kokkos::LayoutRight, Space> const rows(
        Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::tools::rate::rows"), piece, dim);
    Kokkos::View<Label*, Space> const labels(Kokkos::view_alloc(space, "krate::tools::rate::labels"), piece);
    auto const host_rows = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, rows);
    auto const host_labels = Kokkos::create_mirror_view(labels);
    space.fence("krate::tools::rate: buffers are there");
    auto progress = context.progress("rate", d.samples);
    for (std::size_t begin = 0; begin < longest; begin += piece) {
      std::size_t const done = std::min(begin, share.count), count = std::min(piece, share.count - done);
      data.read_rows<double>(share.begin + done, count, std::span(host_rows.data(), count * dim));
      if (d.has_labels) data.read_labels(share.begin + done, count, std::span(host_labels.data(), count));
      Kokkos::deep_copy(space, rows, host_rows);
      Kokkos::deep_copy(space, labels, host_labels);
      std::pair<std::size_t, std::size_t> const these(0, count);
      moments.add(space, Kokkos::subview(rows, these, Kokkos::ALL), Kokkos::subview(labels, these));
      space.fence("krate::tools::rate: the next samples take the place of these");
      progress.update(std::min((begin + piece) * static_cast<std::size_t>(comm.size()), d.samples));
    }
  }
  return moments.result(space, eps_squared);
}

}  // namespace krate::tools
