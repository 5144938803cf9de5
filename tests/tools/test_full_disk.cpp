// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Output that stops fitting: a limit on the size of files stands in for a full disk, as that needs no privileges.
#include <cstdlib>

#include "bad_files.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

struct FullDisk : ::testing::TestWithParam<int> {
  BadFiles const files;
  std::string const out = files / "out/new";

  /// The command where no file may grow beyond a few hundred bytes. The launcher's own files are kept out of it.
  Outcome confined(std::string const& command) const {
    std::vector<std::string> const words{"-c", "ulimit -f 2; exec " + command_path() + " " + command};
    setenv("OMPI_MCA_btl", "self,tcp", 1);
    setenv("PMIX_MCA_gds", "hash", 1);
    auto const outcome = GetParam() > 1 ? krate_ranks(GetParam(), words, "/bin/sh") : krate(words, {}, "/bin/sh");
    unsetenv("OMPI_MCA_btl");
    unsetenv("PMIX_MCA_gds");
    return outcome;
  }
  void expect_no_room(std::string const& command) const {
    SCOPED_TRACE(command);
    auto const outcome = confined(command);
    EXPECT_GT(outcome.exit_code, 0);
    EXPECT_EQ(outcome.out, "");
    auto const own = own_lines(outcome.err);
    ASSERT_EQ(own.size(), 1u) << outcome.err;
    EXPECT_NE(own[0].find("File too large"), std::string::npos) << own[0];
  }
};

TEST_P(FullDisk, LeavesNothing) {
  auto const before = files.listing();
  std::string const on_good = " --data " + files.good() + " -o " + out;
  expect_no_room("data digits -o " + out);
  expect_no_room("predict " + files.model() + on_good);
  expect_no_room("train --model crate --dim 8 --depth 1 --heads 2 --steps 2" + on_good);
  expect_no_room("train --model redunet --layers 20" + on_good);
  EXPECT_EQ(files.changes(before), BadFiles::Listing());
  expect_no_room("analyze attention " + files.model() + on_good);
  EXPECT_TRUE(std::filesystem::is_empty(out));
}

TEST_P(FullDisk, AnInterruptedRunStaysAsItWas) {
  std::string const run = files / "run_long_metrics";
  auto const before = files.listing();
  expect_no_room("resume " + run);
  EXPECT_EQ(files.changes(before), BadFiles::Listing());
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);
  auto const parameters = [](std::string const& model) {
    return io::File::open(model).read_all<double>("/model/position_embedding");
  };
  EXPECT_EQ(parameters(run + "/model.h5"), parameters(files.model()));
}

INSTANTIATE_TEST_SUITE_P(Ranks, FullDisk,
#ifdef KRATE_MPIEXEC
                         ::testing::Values(1, 2),
#else
                         ::testing::Values(1),
#endif
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace krate::testing
