// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rate_stream.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string_view>

#include "krate/core/require.hpp"
#include "tools/machine.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_rate_stream = "krate::rate";
constexpr std::size_t mebibyte = std::size_t(1) << 20;
// Buffers of HDF5, MPI and BLAS, and of the pass over the labels.
constexpr std::size_t reserve = 12 * mebibyte;
// Pieces beyond this are not faster.
constexpr std::size_t largest_piece = 128 * mebibyte;

ClassMomentsOptions options_for(io::DatasetDescription const& data) {
  return {.dim = data.sample_size(), .classes = static_cast<std::size_t>(std::max<std::int64_t>(data.classes, 1))};
}

// Infinity where the moments are larger than any memory, so that no product overflows.
double fixed_bytes(io::DatasetDescription const& data) {
  auto const options = options_for(data);
  auto const dim = static_cast<double>(options.dim);
  if (sizeof(double) * static_cast<double>(options.classes) * dim * dim > 0x1p50) return INFINITY;
  std::size_t const split = data.split.size() * (1 + sizeof(std::int64_t));  // as it is, and as it was read
  return static_cast<double>(reserve + split + ClassMoments<Space>::bytes(options));
}

// Of a sample: its features and label, the latter also as the file's number; on a device features and label again.
std::size_t row_bytes(io::DatasetDescription const& data) {
  std::size_t const row = data.sample_size() * sizeof(double) + sizeof(Label);
  return (impl::is_device<Space> ? 2 : 1) * row + sizeof(double);
}

// "4096", "64M", "1.5G".
std::size_t bytes_of(std::string const& text) {
  double number = 0;
  char const* const end = text.data() + text.size();
  auto const [rest, error] = std::from_chars(text.data(), end, number);
  constexpr std::string_view units = "KMGT";
  std::size_t power = 0;
  if (rest + 1 == end) power = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(*rest)))) + 1;
  double const bytes = std::ldexp(number, 10 * static_cast<int>(power));
  bool const good = error == std::errc() && end - rest <= 1 && (rest == end || power > 0);
  require_value(good && bytes >= 0 && bytes < 0x1p62, in_rate_stream, "--memory", text,
                "must be a number of bytes, or one of K, M, G or T, such as 64M");
  return static_cast<std::size_t>(bytes);
}

}  // namespace

std::size_t rate_piece(comm::Communicator const& comm, io::DatasetDescription const& data, std::string const& asked,
                       double bytes_at_once) {
  double budget =
      asked.empty() ? static_cast<double>(memory_bytes()) / 4 / comm.size() : static_cast<double>(bytes_of(asked));
  budget = comm.all_reduce(budget, comm::Reduction::min);  // machines may differ
  if (bytes_at_once <= budget) return 0;
  double const fixed = fixed_bytes(data), row = static_cast<double>(row_bytes(data)), least = fixed + row;
  if (asked.empty() && bytes_at_once < least) return 0;
  if (!asked.empty() && budget < least) {
    char const* const lesser = bytes_at_once < least ? "all samples at once" : "moments of the classes and buffers";
    double const mebibytes = std::ceil(std::min(bytes_at_once, least) / mebibyte);
    throw ValueError(in_rate_stream, "--memory = " + asked + ", but " + lesser + " take " +
                                         std::to_string(static_cast<std::int64_t>(mebibytes)) +
                                         "M; give at least that");
  }
  double const room = asked.empty() ? std::max(budget - fixed, static_cast<double>(reserve)) : budget - fixed;
  double const rows = std::min(room, static_cast<double>(largest_piece)) / row;
  std::size_t const longest = comm::share_of(data.samples, 0, comm.size()).count;
  return static_cast<std::size_t>(std::clamp(rows, 1.0, static_cast<double>(longest)));
}

RateReduction rate_of_stream(Context& context, io::Dataset const& data, double eps_squared, std::size_t piece) {
  Space const& space = context.space();
  auto const& comm = context.comm();
  auto const& d = data.description();
  std::size_t const dim = d.sample_size();
  auto const share = comm::share_of(d.samples, comm.rank(), comm.size());
  std::size_t const longest = comm::share_of(d.samples, 0, comm.size()).count;  // reading is collective

  ClassMoments<Space> moments(space, comm, options_for(d));
  {
    Kokkos::View<double**, Kokkos::LayoutRight, Space> const rows(
        Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::tools::rate::rows"), piece, dim);
    Kokkos::View<Label*, Space> const labels(
        Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::tools::rate::labels"), piece);
    auto const host_rows = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, rows);
    auto const host_labels = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, labels);
    space.fence("krate::tools::rate: buffers are there");
    std::fill_n(host_labels.data(), piece, Label(0));
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
