// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "krate/comm/communicator.hpp"

namespace krate::testing {

/// All ranks, on a duplicate.
inline comm::Communicator world() {
  return comm::Communicator(MPI_COMM_WORLD);
}

/// This rank's half of the world: even ranks, or odd ones. MPI's communicator is freed at once: krate has its
/// duplicate.
inline comm::Communicator half() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm split;
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &split);  // ranks in reversed order, too
  comm::Communicator result(split);
  MPI_Comm_free(&split);
  return result;
}

/// A directory of all ranks of a communicator; collective.
class SharedDirectory {
 public:
  explicit SharedDirectory(comm::Communicator const& comm) : comm_(comm) {
    path_ = (std::filesystem::temp_directory_path() / "krate_mpi_XXXXXX").string();
    if (comm.is_root() && !::mkdtemp(path_.data())) path_.clear();
    comm_.broadcast(path_);
  }
  ~SharedDirectory() {
    comm_.barrier();
    std::error_code ignored;
    if (comm_.is_root()) std::filesystem::remove_all(path_, ignored);
  }
  SharedDirectory(SharedDirectory const&) = delete;
  std::string operator/(std::string const& name) const { return path_ + "/" + name; }
  std::string const& path() const { return path_; }
  std::size_t files() const {
    comm_.barrier();
    auto const it = std::filesystem::directory_iterator(path_);
    auto const count = static_cast<std::size_t>(std::distance(begin(it), end(it)));
    comm_.barrier();
    return count;
  }

 private:
  comm::Communicator comm_;
  std::string path_;
};

/// `call` must throw Type on every rank, with `part` in its text.
#define EXPECT_ERROR_EVERYWHERE(Type, part, call)                                                           \
  try {                                                                                                     \
    call;                                                                                                   \
    ADD_FAILURE() << "nothing was thrown";                                                                  \
  } catch (Type const& error) {                                                                             \
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "the text was: " << error.what(); \
  }

}  // namespace krate::testing
