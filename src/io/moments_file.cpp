// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/moments_file.hpp"

#include <cmath>

#include "krate/core/require.hpp"

namespace krate::io {
namespace {

constexpr char const* moments_path = "/class_moments";
constexpr char const* counts_path = "/class_counts";
constexpr std::int64_t most_samples = std::int64_t(1) << 53;  // of all classes together: exact as doubles

// The fault of the class that this rank has in place k, or nothing.
std::string fault_of(std::int64_t count, std::span<double const> lower, std::size_t dim) {
  if (count < 0 || count > most_samples) return "counts " + std::to_string(count) + " samples";
  for (double const x : lower) {
    if (!std::isfinite(x)) return "has the moment " + krate::impl::value_text(x);
    if (count == 0 && x != 0) return "has the moment " + krate::impl::value_text(x) + ", but no samples";
  }
  for (std::size_t i = 0; i < dim; ++i) {
    double const square = lower[i * (i + 3) / 2];
    if (square < 0) return "has the sum of squares " + krate::impl::value_text(square);
  }
  return {};
}

template <class Failure>
void check(char const* where, std::string const& path, comm::Communicator const& comm, MomentsTable const& table,
           char const* advice) {
  std::size_t const size = table.dim * (table.dim + 1) / 2;
  std::size_t const begin = comm::share_of(table.classes, comm.rank(), comm.size()).begin;
  double samples = 0;
  comm.guarded([&] {
    for (std::size_t k = 0; k < table.counts.size(); ++k) {
      std::string const fault = fault_of(table.counts[k], std::span(table.lower).subspan(k * size, size), table.dim);
      if (!fault.empty())
        throw Failure(where, path + ": class " + std::to_string(begin + k) + " " + fault + "; " + advice);
      samples += static_cast<double>(table.counts[k]);
    }
  });
  samples = comm.all_reduce(samples);
  if (samples > static_cast<double>(most_samples))
    throw Failure(where, path + ": counts more than 2^53 samples; " + advice);
}

}  // namespace

void write_moments_table(std::string const& path, comm::Communicator const& comm, MomentsTable const& table) {
  constexpr char const* where = "krate::io::write_moments";
  std::size_t const size = table.dim * (table.dim + 1) / 2;
  auto const share = comm::share_of(table.classes, comm.rank(), comm.size());
  comm.guarded([&] {
    require_value(table.dim > 0, where, "dim", table.dim, "must be positive");
    require_value(table.counts.size() == share.count && table.lower.size() == share.count * size, where, "lower",
                  table.lower.size(), "must have dim (dim + 1) / 2 numbers for each class of this rank's share");
  });
  check<NumericalError>(where, path, comm, table, "clean or normalise the samples");
  File file = File::create(path, comm);
  file.write<double>(moments_path, {table.classes, size}, share.begin, share.count, table.lower);
  file.write<std::int64_t>(counts_path, {table.classes}, share.begin, share.count, table.counts);
  file.set_attribute(moments_path, "dim", static_cast<std::int64_t>(table.dim));
  file.commit();
}

MomentsTable read_moments_table(std::string const& path, comm::Communicator const& comm) {
  constexpr char const* where = "krate::io::read_moments";
  constexpr char const* advice = "give a file that krate::io::write_moments made";
  File const file = File::open(path, comm);
  MomentsTable table;
  std::size_t size = 0;
  comm.guarded([&] {
    auto const fail = [&](std::string const& what) { throw IoError(where, path + ": " + what + "; " + advice); };
    for (char const* const name : {moments_path, counts_path})
      if (!file.exists(name)) fail(std::string("there is no ") + name);
    auto const moments = file.info(moments_path), counts = file.info(counts_path);
    if (moments.shape.size() != 2 || moments.size() == 0 || counts.shape != std::vector<std::size_t>{moments.shape[0]})
      fail("the shapes " + krate::impl::shape_text(moments.shape) + " and " + krate::impl::shape_text(counts.shape) +
           " of " + moments_path + " and " + counts_path + " are not [classes, dim (dim + 1) / 2] and [classes]");
    size = moments.shape[1];
    auto const dim = static_cast<std::size_t>((std::sqrt(8.0 * static_cast<double>(size) + 1) - 1) / 2 + 0.5);
    bool const named = file.has_attribute(moments_path, "dim");
    if (dim * (dim + 1) / 2 != size || !named ||
        file.attribute(moments_path, "dim") != Attribute(static_cast<std::int64_t>(dim)))
      fail("the rows of " + std::string(moments_path) + ", " + std::to_string(size) +
           " numbers long, do not fit its attribute 'dim'");
    table.dim = dim;
    table.classes = moments.shape[0];
    auto const share = comm::share_of(table.classes, comm.rank(), comm.size());
    try {
      table.counts.resize(share.count);
      table.lower.resize(share.count * size);
    } catch (std::exception const&) {
      fail("needs " + std::to_string(share.count * size * sizeof(double)) + " bytes of memory");
    }
  });
  auto const share = comm::share_of(table.classes, comm.rank(), comm.size());
  file.read<double>(moments_path, share.begin, share.count, table.lower);
  file.read<std::int64_t>(counts_path, share.begin, share.count, table.counts);
  check<IoError>(where, path, comm, table, advice);
  return table;
}

}  // namespace krate::io
