// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <signal.h>
#include <sys/resource.h>

#include "krate/core/error.hpp"
#include "krate/io/hdf5.hpp"
#include "mpi/ranks.hpp"
#include "support/reference_file.hpp"

namespace {

using krate::Attribute;
using namespace krate::io;
using krate::IoError;
using krate::comm::Communicator;
using krate::comm::Share;
using krate::comm::share_of;
using krate::testing::SharedDirectory;

struct FileOfRanks : ::testing::TestWithParam<bool> {
  Communicator comm = GetParam() ? krate::testing::half() : krate::testing::world();
  SharedDirectory dir{comm};
  std::size_t rank = static_cast<std::size_t>(comm.rank()), size = static_cast<std::size_t>(comm.size());

  static std::vector<float> rows(std::size_t begin, std::size_t count, std::size_t width) {
    std::vector<float> values(count * width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.5f * static_cast<float>(begin * width + i);
    return values;
  }
};
INSTANTIATE_TEST_SUITE_P(Of, FileOfRanks, ::testing::Values(false, true),
                         [](auto const& info) { return info.param ? "Half" : "World"; });

TEST_P(FileOfRanks, UnevenRowsAreWrittenTogetherAndReadBack) {
  std::vector<FileOptions> const kinds = {{},
                                          {.collective_metadata = false},
                                          {.alignment = 4096},
                                          {.chunk_bytes = 200},
                                          {.chunk_bytes = 200, .compression = 4},
                                          {.piece_bytes = 60}};  // two rows at a time
  for (auto const& options : kinds) {
    // Rank r writes r * r rows: none on rank 0, except alone.
    std::size_t begin = 0, total = 0;
    for (std::size_t r = 0; r < size; ++r) {
      if (r < rank) begin += r * r;
      total += r * r;
    }
    std::size_t const extra = 5, count = rank * rank + (rank + 1 == size ? extra : 0), width = 7;
    total += extra;
    {
      File file = File::create(dir / "a.h5", comm, options);
      file.write<float>("/deep/x", {total, width}, begin, count, rows(begin, count, width));
      file.write<float>("/nothing", {0, 3}, 0, 0, {});
      std::vector<double> const one(rank == 0, 2.5);
      file.write<double>("/scalar", {}, 0, rank == 0, one);
      file.set_attribute("/deep", "written_by", "rank " + std::to_string(rank));  // the root's counts
      file.commit();
    }
    EXPECT_EQ(dir.files(), 1u);
    File const file = File::open(dir / "a.h5", comm, options);
    EXPECT_EQ(file.read_all<float>("/deep/x"), rows(0, total, width));
    EXPECT_EQ(file.read_all("/scalar"), std::vector<double>{2.5});
    EXPECT_TRUE(file.read_all("/nothing").empty());
    EXPECT_EQ(file.attribute("/deep", "written_by"), Attribute("rank 0"));
    Share const mine = share_of(total, comm.size() - 1 - comm.rank(), comm.size());  // other rows than were written
    std::vector<float> part(mine.count * width);
    file.read<float>("/deep/x", mine.begin, mine.count, part);
    EXPECT_EQ(part, rows(mine.begin, mine.count, width));
    bool const last = rank + 1 == size;  // one rank alone
    part.resize(last ? width : 0);
    file.read<float>("/deep/x", total - 1, last, part);
    EXPECT_EQ(part, last ? rows(total - 1, 1, width) : std::vector<float>());
    EXPECT_EQ(File::open(dir / "a.h5").read_all<float>("/deep/x"), rows(0, total, width));  // each rank alone
  }
}

TEST_P(FileOfRanks, ReplicatedDataTakesAsManyRanksAsItNeeds) {
  std::vector<float> const values = rows(0, 9, 4);
  for (std::size_t const bytes_per_rank : {std::size_t(1) << 24, std::size_t(1)}) {
    FileOptions const options{.bytes_per_rank = bytes_per_rank};
    {
      File file = File::create(dir / "a.h5", comm, options);
      file.write_replicated<float>("/x", {9, 4}, values);
      file.commit();
    }
    std::vector<float> found(36);
    File::open(dir / "a.h5", comm, options).read_replicated<float>("/x", found);
    EXPECT_EQ(found, values);
  }
}

TEST_P(FileOfRanks, TheFileDoesNotTellTheRanks) {
  std::vector<float> const values = rows(0, 64, 5);
  auto const bytes = [&](Communicator const& writers, std::string const& path) {
    {
      File file = File::create(path, writers, {.bytes_per_rank = 1});
      file.write_replicated<float>("/x", {64, 5}, values);
      file.set_attribute("/x", "units", "m");
      file.commit();
    }
    return File::open(path, writers).read_all<float>("/x");
  };
  EXPECT_EQ(bytes(comm, dir / "together.h5"), bytes(Communicator(), dir / ("alone" + std::to_string(rank) + ".h5")));
}

TEST_P(FileOfRanks, OneRanksFaultIsEverybodysError) {
  std::size_t const last = size - 1;
  {
    File file = File::create(dir / "a.h5", comm);
    EXPECT_ERROR_EVERYWHERE(
        krate::ShapeError, "4 elements, but 3",
        file.write<float>("/x", {2 * size, 2}, 2 * rank, 2,
                          rows(0, 2, 2).size() && rank == last ? std::vector<float>(3) : rows(0, 2, 2)));
    EXPECT_ERROR_EVERYWHERE(
        krate::ValueError, "do not lie in its",
        file.write<float>("/x", {2 * size, 2}, rank == last ? 2 * size : 2 * rank, 2, rows(0, 2, 2)));
    EXPECT_ERROR_EVERYWHERE(
        krate::ValueError, "each row must be written once",
        file.write<float>("/x", {2 * size, 2}, 2 * rank, rank == last ? 1 : 2, rows(0, rank == last ? 1 : 2, 2)));
    if (size > 1) {
      EXPECT_ERROR_EVERYWHERE(krate::ValueError, "different datasets or shapes",
                              file.write<float>(rank == last ? "/y" : "/x", {2 * size, 2}, 2 * rank, 2, rows(0, 2, 2)));
    }
    file.write<float>("/x", {2 * size, 2}, 2 * rank, 2, rows(2 * rank, 2, 2));  // and goes on
    file.commit();
  }
  File const file = File::open(dir / "a.h5", comm);
  std::vector<float> out(4);
  EXPECT_ERROR_EVERYWHERE(krate::ValueError, "do not lie in its",
                          file.read<float>("/x", rank == last ? 2 * size : 0, 2, out));
  EXPECT_ERROR_EVERYWHERE(IoError, "/none: cannot be opened", file.read_all(rank == last ? "/none" : "/x"));
  EXPECT_EQ(file.read_all<float>("/x"), rows(0, 2 * size, 2));
}

TEST_P(FileOfRanks, WithoutCommitNothingStays) {
  auto const fails = [&] {
    File file = File::create(dir / "a.h5", comm);
    file.write_replicated<float>("/x", {5, 2}, rows(0, 5, 2));
    comm.guarded([&] {
      if (comm.rank() == comm.size() - 1) throw IoError("krate::test", "in between");
    });
    file.commit();
  };
  EXPECT_ERROR_EVERYWHERE(IoError, "in between", fails());
  EXPECT_EQ(dir.files(), 0u);
}

TEST_P(FileOfRanks, PlacesAndFilesThatAreWrong) {
  EXPECT_ERROR_EVERYWHERE(IoError, "cannot be written", File::create(dir / "none/a.h5", comm));
  EXPECT_ERROR_EVERYWHERE(IoError, "there is no such file", File::open(dir / "none.h5", comm));
  for (std::string const name : {"compound", "strings", "huge_chunked", "missing_chunks", "external_link", "soft_cycle",
                                 "unknown_filter", "external_storage", "virtual"}) {
    File const file = File::open(krate::testing::reference_file("odd/" + name + ".h5"), comm);
    EXPECT_ERROR_EVERYWHERE(IoError, name + ".h5: /samples/features", file.read_all("/samples/features"));
  }
  File const packed = File::open(krate::testing::reference_file("odd/packed.h5"), comm);
  EXPECT_ERROR_EVERYWHERE(IoError, "/damaged", packed.read_all("/damaged"));
  EXPECT_EQ(packed.read_all("/deflate").size(), 60u);
}

TEST_P(FileOfRanks, AFullDiskIsOneErrorAndLeavesNothing) {
  auto const before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  for (rlim_t const bytes : {100, 400'000, 3'000'000}) {
    comm.barrier();
    rlimit const limit{bytes, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto const fills = [&] {
      File file = File::create(dir / "a.h5", comm);
      for (int i = 0; i < 20; ++i) {
        file.write_replicated<float>("/x" + std::to_string(i), {50'000, 2}, rows(0, 50'000, 2));
      }
      file.commit();
    };
    EXPECT_ERROR_EVERYWHERE(IoError, "a.h5: there is no room for", fills());
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_EQ(dir.files(), 0u);
  }
  ::signal(SIGXFSZ, before);
}

}  // namespace
