// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "krate/config.hpp"
#if KRATE_ENABLE_MPI
#include <mpi.h>
#endif

namespace krate::comm {

enum class Reduction { sum, min, max };

/// The ranks that work together. Made from the caller's communicator, it duplicates it, shares the duplicate among its
/// copies and frees it with the last one (before MPI_Finalize: keep no copy beyond that). Without MPI, or made by
/// default, it is one rank with the same interface, and needs no initialised MPI.
///
/// All members that are marked *collective* must be called by all ranks in the same order. Nothing here aborts: MPI
/// errors on the duplicate are returned and thrown as MpiError.
class Communicator {
 public:
  /// One rank.
  Communicator() = default;
#if KRATE_ENABLE_MPI
  /// Collective. @throws MpiError if MPI is not initialised, or already finalised
  explicit Communicator(MPI_Comm comm);
  /// The duplicate; MPI_COMM_SELF for a one-rank communicator made by default.
  MPI_Comm native() const;
#endif

  int rank() const {
    return rank_;
  }
  int size() const {
    return size_;
  }
  bool is_root() const {
    return rank_ == 0;
  }

  /// Collective.
  void barrier() const;

  /// Collective: every rank gets the root's bytes.
  void broadcast(std::span<std::byte> data, int root = 0) const;
  template <class T>
  void broadcast(T& value, int root = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    broadcast(std::as_writable_bytes(std::span<T, 1>(&value, 1)), root);
  }
  void broadcast(std::string& text, int root = 0) const;

  /// Collective, in place. Sums are added in the order of the ranks: the same bits on every rank and in each run.
  /// @note allocates: scratch of twice the length (none with one rank); fences: no (host memory)
  void all_reduce(std::span<double> values, Reduction reduction = Reduction::sum) const;
  void all_reduce(std::span<float> values, Reduction reduction = Reduction::sum) const;
  void all_reduce(std::span<std::int64_t> values, Reduction reduction = Reduction::sum) const;
  template <class T>
  requires std::is_arithmetic_v<T> T all_reduce(T value, Reduction reduction = Reduction::sum)
  const {
    all_reduce(std::span<T>(&value, 1), reduction);
    return value;
  }

  /// Collective: the bytes of all ranks in rank order; each rank contributes `counts[rank]` bytes, known to all.
  void all_gather(std::span<std::byte const> mine, std::span<std::byte> all, std::span<std::size_t const> counts) const;

  /// Collective: runs `work` on this rank; if it threw on any rank, every rank throws: the failing one its own
  /// exception, the others MpiError or the same type of krate error with the first failing rank's text. So no rank
  /// waits for a dead one. `work` itself must not call collectives that a failure before them would leave unmatched.
  template <class Work>
  void guarded(Work&& work) const {
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    agree(failure);
  }

 private:
  void agree(std::exception_ptr const& failure) const;

  struct State;
  std::shared_ptr<State> state_;
  int rank_ = 0, size_ = 1;
};

/// The part [begin, begin + count) of `total` items that belongs to a rank: contiguous, sizes differ by at most one.
struct Share {
  std::size_t begin = 0, count = 0;
};
inline Share share_of(std::size_t total, int rank, int ranks) {
  std::size_t const base = total / ranks, extra = total % ranks, r = static_cast<std::size_t>(rank);
  return {r * base + (r < extra ? r : extra), base + (r < extra ? 1 : 0)};
}

}  // namespace krate::comm
