// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>
#include <cstring>
#include <vector>

#include "krate/core/error.hpp"
#include "mpi/ranks.hpp"

namespace {

using namespace krate::comm;
using krate::testing::half;
using krate::testing::world;

struct CommunicatorTest : ::testing::TestWithParam<bool> {
  Communicator comm = GetParam() ? half() : world();
  std::size_t rank = static_cast<std::size_t>(comm.rank()), size = static_cast<std::size_t>(comm.size());
};
INSTANTIATE_TEST_SUITE_P(Of, CommunicatorTest, ::testing::Values(false, true),
                         [](auto const& info) { return info.param ? "Half" : "World"; });

TEST_P(CommunicatorTest, DuplicatesAndShares) {
  int same = MPI_UNEQUAL;
  MPI_Comm_compare(comm.native(), MPI_COMM_WORLD, &same);
  EXPECT_NE(same, MPI_IDENT);
  Communicator const copy = comm;
  EXPECT_EQ(copy.native(), comm.native());
  copy.barrier();
}

TEST_P(CommunicatorTest, Broadcasts) {
  for (int root = 0; root < comm.size(); ++root) {
    double x = comm.rank() == root ? 2.5 + root : 0;
    comm.broadcast(x, root);
    EXPECT_EQ(x, 2.5 + root);
    std::string text = comm.rank() == root ? std::string(1000, 'a' + static_cast<char>(root)) : "other";
    comm.broadcast(text, root);
    EXPECT_EQ(text, std::string(1000, 'a' + static_cast<char>(root)));
    std::string empty = comm.rank() == root ? "" : "other";
    comm.broadcast(empty, root);
    EXPECT_EQ(empty, "");
  }
}

double contribution(std::size_t rank, std::size_t i) {
  return std::sin(1.0 + double(i) * 7 + double(rank) * 3) * std::pow(10.0, double((i + rank) % 13) - 6);
}

TEST_P(CommunicatorTest, SumsInTheOrderOfTheRanks) {
  for (std::size_t const length : {0, 1, 2, 3, 7, 1000, 100001}) {
    std::vector<std::vector<double>> of_rank(size, std::vector<double>(length));  // stored, so that no sum can be fused
    for (std::size_t r = 0; r < size; ++r) {
      for (std::size_t i = 0; i < length; ++i) of_rank[r][i] = contribution(r, i);
    }
    std::vector<double> values = of_rank[rank], again = values, expected = of_rank[0];
    for (std::size_t r = 1; r < size; ++r) {
      for (std::size_t i = 0; i < length; ++i) expected[i] += of_rank[r][i];
    }
    comm.all_reduce(values);
    comm.all_reduce(again);
    EXPECT_TRUE(length == 0 || std::memcmp(values.data(), expected.data(), length * sizeof(double)) == 0) << length;
    EXPECT_EQ(values, again);
  }
}

TEST_P(CommunicatorTest, ReducesOtherTypesAndKinds) {
  std::vector<float> floats = {float(rank), 1};
  comm.all_reduce(std::span<float>(floats));
  EXPECT_EQ(floats, (std::vector<float>{float(size * (size - 1) / 2), float(size)}));
  EXPECT_EQ(comm.all_reduce<std::int64_t>(comm.rank(), Reduction::max), comm.size() - 1);
  EXPECT_EQ(comm.all_reduce<std::int64_t>(comm.rank() - 5, Reduction::min), -5);
  EXPECT_EQ(comm.all_reduce<double>(double(rank), Reduction::max), double(size - 1));
}

TEST_P(CommunicatorTest, GathersUnevenShares) {
  std::vector<std::size_t> counts;  // none from rank 0
  std::string expected;
  for (std::size_t r = 0; r < size; ++r) {
    counts.push_back(r * 3);
    expected += std::string(r * 3, static_cast<char>('a' + r));
  }
  std::string const mine(rank * 3, static_cast<char>('a' + rank));
  std::string all(expected.size(), ' ');
  comm.all_gather(std::as_bytes(std::span<char const>(mine)), std::as_writable_bytes(std::span<char>(all)), counts);
  EXPECT_EQ(all, expected);
}

TEST_P(CommunicatorTest, SharesCoverEverythingOnce) {
  for (std::size_t const total : {0, 1, 5, 64}) {
    Share const s = share_of(total, comm.rank(), comm.size());
    auto sum = static_cast<std::int64_t>(s.count), end = static_cast<std::int64_t>(s.begin + s.count);
    EXPECT_EQ(comm.all_reduce(sum), static_cast<std::int64_t>(total));
    EXPECT_EQ(comm.all_reduce(end, Reduction::max), static_cast<std::int64_t>(total));
  }
}

template <class E>
void expect_everywhere(Communicator const& comm, int failing) {
  auto const work = [&] {
    if (comm.rank() == failing) throw E("krate::test", "rank " + std::to_string(failing) + " has trouble");
  };
  EXPECT_ERROR_EVERYWHERE(E, "krate::test: rank " + std::to_string(failing) + " has trouble", comm.guarded(work));
}

TEST_P(CommunicatorTest, AFailureOnOneRankIsThrownOnAll) {
  for (int failing = 0; failing < comm.size(); ++failing) {
    expect_everywhere<krate::ShapeError>(comm, failing);
    expect_everywhere<krate::ValueError>(comm, failing);
    expect_everywhere<krate::NotBuiltError>(comm, failing);
    expect_everywhere<krate::IoError>(comm, failing);
    expect_everywhere<krate::NumericalError>(comm, failing);
    if (comm.rank() == failing) {
      EXPECT_THROW(comm.guarded([] { throw std::runtime_error("other"); }), std::runtime_error);
    } else {
      EXPECT_ERROR_EVERYWHERE(krate::MpiError, "rank " + std::to_string(failing) + " failed: other",
                              comm.guarded([] {}));
    }
  }
  comm.guarded([] {});  // and goes on
  EXPECT_EQ(comm.all_reduce<std::int64_t>(1), comm.size());
}

TEST_P(CommunicatorTest, SeveralFailuresKeepTheirOwnText) {
  auto const work = [&] { throw krate::IoError("krate::test", "mine is " + std::to_string(comm.rank())); };
  EXPECT_ERROR_EVERYWHERE(krate::IoError, "mine is " + std::to_string(comm.rank()), comm.guarded(work));
}

TEST(Communicator, HalvesWorkApart) {
  Communicator const all = world(), mine = half();
  // The halves do different numbers of collectives; nothing of one reaches the other.
  for (int i = 0; i <= all.rank() % 2; ++i) EXPECT_EQ(mine.all_reduce<std::int64_t>(1), mine.size());
  EXPECT_EQ(all.all_reduce<std::int64_t>(1), all.size());
}

TEST(Communicator, IsOneRankByDefault) {
  Communicator const alone;
  EXPECT_EQ(alone.size(), 1);
  EXPECT_EQ(alone.native(), MPI_COMM_SELF);
  EXPECT_EQ(alone.all_reduce(3.5), 3.5);
  EXPECT_THROW(alone.guarded([] { throw krate::ValueError("krate::test", "alone"); }), krate::ValueError);
}

}  // namespace
