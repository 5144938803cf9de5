// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs every test on all ranks; rank 0 reports as usual, the others only what fails, with their number.
#include <gtest/gtest.h>
#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <string>

namespace {

class FailuresOfRank : public testing::EmptyTestEventListener {
 public:
  explicit FailuresOfRank(int rank) : rank_(rank) {}
  void OnTestStart(testing::TestInfo const& info) override {
    name_ = std::string(info.test_suite_name()) + "." + info.name();
  }
  void OnTestPartResult(testing::TestPartResult const& result) override {  // must not ask GoogleTest: it holds its lock
    if (!result.failed()) return;
    std::fprintf(stderr, "[rank %d] %s\n%s:%d\n%s\n", rank_, name_.c_str(), result.file_name(), result.line_number(),
                 result.message());
  }

 private:
  int rank_;
  std::string name_;
};

}  // namespace

int main(int argc, char** argv) {
  int provided = 0, rank = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  testing::InitGoogleTest(&argc, argv);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (rank > 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new FailuresOfRank(rank));
  int failed = RUN_ALL_TESTS();
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  Kokkos::finalize();
  MPI_Finalize();
  return failed;
}
