// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fstream>

#include "krate/core/error.hpp"
#include "krate/io/checkpoint.hpp"
#include "mpi/ranks.hpp"

namespace {

using krate::Configuration;
using namespace krate::io;
using krate::IoError;
using krate::comm::Communicator;
using krate::testing::SharedDirectory;

struct CheckpointOfRanks : ::testing::TestWithParam<bool> {
  Communicator comm = GetParam() ? krate::testing::half() : krate::testing::world();
  SharedDirectory dir{comm};
  std::vector<double> const values = [] {
    std::vector<double> x(60);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1.0 / static_cast<double>(i + 1);
    return x;
  }();

  void write(std::string const& path, Communicator const& writers, std::int64_t step,
             std::size_t bytes_per_rank) const {
    Configuration config, train;
    config.set("model", "crate");
    train.set("step", step);
    CheckpointWriter writer(path, writers, config, {.bytes_per_rank = bytes_per_rank});
    writer.write<double const>("/model", {"a/weight", {12, 5}, values});
    writer.write<double const>("/model", {"a/bias", {5}, std::span(values).first(5)});
    writer.write_train(train);
    writer.commit();
  }
};
INSTANTIATE_TEST_SUITE_P(Of, CheckpointOfRanks, ::testing::Values(false, true),
                         [](auto const& info) { return info.param ? "Half" : "World"; });

TEST_P(CheckpointOfRanks, AnyNumberOfRanksWritesAndReads) {
  std::vector<double> found(60);
  for (std::size_t const bytes_per_rank : {std::size_t(1) << 24, std::size_t(1)}) {
    write(dir / "c.h5", comm, 7, bytes_per_rank);
    CheckpointReader const together(dir / "c.h5", comm), alone(dir / "c.h5");
    for (auto const* const reader : {&together, &alone}) {
      std::fill(found.begin(), found.end(), 0);
      reader->read<double>("/model", {"a/weight", {12, 5}, found});
      EXPECT_EQ(found, values);
      EXPECT_EQ(reader->train().get<std::int64_t>("step"), 7);
    }
    together.verify();
    comm.barrier();
  }
  std::string const own = dir / ("own" + std::to_string(comm.rank()) + ".h5");
  write(own, Communicator(), 8, 1);
  CheckpointReader(own).verify();
}

TEST_P(CheckpointOfRanks, EveryRankLearnsOfTheNewestGoodOneAndOfDamage) {
  EXPECT_FALSE(newest_good_checkpoint(dir.path(), comm).path.has_value());
  for (std::int64_t const step : {10, 20, 30}) write(dir / checkpoint_name(step), comm, step, 1 << 24);
  if (comm.is_root())
    std::filesystem::resize_file(dir / checkpoint_name(30), std::filesystem::file_size(dir / checkpoint_name(30)) / 2);
  comm.barrier();
  NewestCheckpoint const found = newest_good_checkpoint(dir.path(), comm);
  EXPECT_EQ(found.path, dir / checkpoint_name(20));
  ASSERT_EQ(found.skipped.size(), 1u);
  EXPECT_NE(found.skipped[0].find("step-00000030.h5"), std::string::npos);
  EXPECT_ERROR_EVERYWHERE(IoError, "step-00000030.h5", CheckpointReader(dir / checkpoint_name(30), comm));
  std::vector<double> out(60);
  CheckpointReader const reader(dir / checkpoint_name(20), comm);
  EXPECT_ERROR_EVERYWHERE(IoError, "/model/b: is missing", reader.read<double>("/model", {"b", {60}, out}));
  EXPECT_ERROR_EVERYWHERE(krate::ShapeError, "has shape [12, 5], expected [5, 12]",
                          reader.read<double>("/model", {"a/weight", {5, 12}, out}));
}

}  // namespace
