// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/comm/communicator.hpp"

#include <algorithm>
#include <climits>
#include <cstring>
#include <vector>

#include "krate/core/error.hpp"

namespace krate::comm {

#if KRATE_ENABLE_MPI

namespace {

constexpr std::size_t chunk = std::size_t(1) << 30;  // bytes: MPI counts are int

void check(int code, char const* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError("krate::comm", std::string(call) + " failed (" + std::string(text, length) + ")");
}

}  // namespace

struct Communicator::State {
  MPI_Comm comm = MPI_COMM_NULL;
  ~State() {
    int finalized = 0;
    if (MPI_Finalized(&finalized) == MPI_SUCCESS && !finalized && comm != MPI_COMM_NULL) MPI_Comm_free(&comm);
  }
};

Communicator::Communicator(MPI_Comm comm) : state_(std::make_shared<State>()) {
  int initialized = 0, finalized = 0;
  check(MPI_Initialized(&initialized), "MPI_Initialized");
  check(MPI_Finalized(&finalized), "MPI_Finalized");
  if (!initialized || finalized) {
    throw MpiError("krate::comm::Communicator", std::string("MPI is ") +
                                                    (finalized ? "already finalised" : "not initialised") +
                                                    " (krate never starts MPI); call MPI_Init before making one");
  }
  check(MPI_Comm_dup(comm, &state_->comm), "MPI_Comm_dup");
  check(MPI_Comm_set_errhandler(state_->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(state_->comm, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(state_->comm, &size_), "MPI_Comm_size");
}

MPI_Comm Communicator::native() const {
  return state_ ? state_->comm : MPI_COMM_SELF;
}

void Communicator::barrier() const {
  if (size_ > 1) check(MPI_Barrier(state_->comm), "MPI_Barrier");
}

void Communicator::broadcast(std::span<std::byte> data, int root) const {
  if (size_ == 1) return;
  for (std::size_t done = 0; done < data.size(); done += chunk) {
    int const count = static_cast<int>(std::min(chunk, data.size() - done));
    check(MPI_Bcast(data.data() + done, count, MPI_BYTE, root, state_->comm), "MPI_Bcast");
  }
}

namespace {

// Each rank owns one slice: it receives all contributions to it, adds them in the order of the ranks, and hands the sum
// out.
template <class T>
void all_reduce_ordered(std::span<T> values, Reduction reduction, int rank, int size, MPI_Comm comm) {
  std::size_t const most = chunk / sizeof(T);  // per round
  std::vector<int> counts(size), displacements(size), mine(size), places(size);
  std::vector<T> received;
  for (std::size_t done = 0; done < values.size(); done += most) {
    std::span<T> const part = values.subspan(done, std::min(most, values.size() - done));
    for (int r = 0; r < size; ++r) {
      Share const s = share_of(part.size(), r, size);
      counts[r] = static_cast<int>(s.count * sizeof(T));
      displacements[r] = static_cast<int>(s.begin * sizeof(T));
    }
    Share const own = share_of(part.size(), rank, size);
    received.resize(own.count * size);
    for (int r = 0; r < size; ++r) {
      mine[r] = counts[rank];
      places[r] = r * counts[rank];
    }
    check(MPI_Alltoallv(part.data(), counts.data(), displacements.data(), MPI_BYTE, received.data(), mine.data(),
                        places.data(), MPI_BYTE, comm),
          "MPI_Alltoallv");
    for (int r = 1; r < size; ++r) {
      for (std::size_t i = 0; i < own.count; ++i) {
        T const x = received[r * own.count + i];
        T& y = received[i];
        y = reduction == Reduction::sum ? y + x : reduction == Reduction::min ? std::min(y, x) : std::max(y, x);
      }
    }
    check(MPI_Allgatherv(received.data(), counts[rank], MPI_BYTE, part.data(), counts.data(), displacements.data(),
                         MPI_BYTE, comm),
          "MPI_Allgatherv");
  }
}

}  // namespace

void Communicator::all_reduce(std::span<double> v, Reduction r) const {
  if (size_ > 1) all_reduce_ordered(v, r, rank_, size_, state_->comm);
}
void Communicator::all_reduce(std::span<float> v, Reduction r) const {
  if (size_ > 1) all_reduce_ordered(v, r, rank_, size_, state_->comm);
}
void Communicator::all_reduce(std::span<std::int64_t> v, Reduction r) const {
  if (size_ > 1) all_reduce_ordered(v, r, rank_, size_, state_->comm);
}

void Communicator::all_gather(std::span<std::byte const> mine, std::span<std::byte> all,
                              std::span<std::size_t const> counts) const {
  if (size_ == 1) {
    std::copy(mine.begin(), mine.end(), all.begin());
    return;
  }
  std::size_t begin = 0;
  for (int r = 0; r < size_; begin += counts[r], ++r) {  // one broadcast a rank: any size
    std::span<std::byte> const slot = all.subspan(begin, counts[r]);
    if (r == rank_) std::copy(mine.begin(), mine.end(), slot.begin());
    broadcast(slot, r);
  }
}

#else  // one rank

struct Communicator::State {};
void Communicator::barrier() const {}
void Communicator::broadcast(std::span<std::byte>, int) const {}
void Communicator::all_reduce(std::span<double>, Reduction) const {}
void Communicator::all_reduce(std::span<float>, Reduction) const {}
void Communicator::all_reduce(std::span<std::int64_t>, Reduction) const {}
void Communicator::all_gather(std::span<std::byte const> mine, std::span<std::byte> all,
                              std::span<std::size_t const>) const {
  std::copy(mine.begin(), mine.end(), all.begin());
}

#endif

void Communicator::broadcast(std::string& text, int root) const {
  if (size_ == 1) return;
  auto length = static_cast<std::uint64_t>(text.size());
  broadcast(length, root);
  text.resize(length);
  broadcast(std::as_writable_bytes(std::span<char>(text)), root);
}

namespace {

enum Kind : int { other, shape, value, not_built, io, mpi, numerical };

Kind kind_of(std::exception_ptr const& failure, std::string& where, std::string& text) {
  auto const take = [&](Error const& e, Kind kind) {
    where = e.where();
    text = std::string(e.what()).substr(std::min(std::strlen(e.what()), where.size() + 2));
    return kind;
  };
  try {
    std::rethrow_exception(failure);
  } catch (ShapeError const& e) {
    return take(e, shape);
  } catch (ValueError const& e) {
    return take(e, value);
  } catch (NotBuiltError const& e) {
    return take(e, not_built);
  } catch (IoError const& e) {
    return take(e, io);
  } catch (MpiError const& e) {
    return take(e, mpi);
  } catch (NumericalError const& e) {
    return take(e, numerical);
  } catch (std::exception const& e) {
    where = "krate";
    text = e.what();
  } catch (...) {
    where = "krate";
    text = "an unknown exception";
  }
  return other;
}

}  // namespace

void Communicator::agree(std::exception_ptr const& failure) const {
  if (size_ == 1) {
    if (failure) std::rethrow_exception(failure);
    return;
  }
  std::int64_t const first = all_reduce<std::int64_t>(failure ? rank_ : size_, Reduction::min);
  if (first == size_) return;
  std::string where, text;
  int kind = other;
  if (rank_ == first) kind = kind_of(failure, where, text);
  broadcast(kind, static_cast<int>(first));
  broadcast(where, static_cast<int>(first));
  broadcast(text, static_cast<int>(first));
  if (failure) std::rethrow_exception(failure);
  switch (kind) {
    case shape:
      throw ShapeError(where, text);
    case value:
      throw ValueError(where, text);
    case not_built:
      throw NotBuiltError(where, text);
    case io:
      throw IoError(where, text);
    case numerical:
      throw NumericalError(where, text);
    default:
      throw MpiError(where, "rank " + std::to_string(first) + " failed: " + text);
  }
}

}  // namespace krate::comm
