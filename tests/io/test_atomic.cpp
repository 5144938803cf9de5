// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A file is whole or not there: exceptions, full disks, kill -9.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <thread>

#include "io/support.hpp"
#include "krate/io/checkpoint.hpp"

namespace {

using namespace krate::io;
using krate::IoError;
using krate::testing::in_child;
using krate::testing::read_bytes;
using krate::testing::TemporaryDirectory;
using krate::testing::write_bytes;

std::vector<double> const block(1 << 15, 1.0);

std::string numbered(std::string name, int i) {
  return name.append(std::to_string(i));
}

void write_some(File& file, int count) {
  for (int i = 0; i < count; ++i) file.write<double>(numbered("/x", i), {block.size()}, 0, block.size(), block);
}

TEST(Atomic, WithoutCommitNothingStays) {
  TemporaryDirectory const dir;
  try {
    File file = File::create(dir / "a.h5");
    write_some(file, 3);
    EXPECT_FALSE(std::filesystem::exists(dir / "a.h5"));
    EXPECT_TRUE(std::filesystem::exists(dir / "a.h5.tmp"));
    throw std::runtime_error("in between");
  } catch (std::runtime_error const&) {
  }
  EXPECT_TRUE(dir.files().empty());
}

TEST(Atomic, TheOldFileStandsUntilCommit) {
  TemporaryDirectory const dir;
  write_bytes(dir / "a.h5", "old");
  {
    File file = File::create(dir / "a.h5");
    write_some(file, 1);
    EXPECT_EQ(read_bytes(dir / "a.h5"), "old");
  }
  EXPECT_EQ(read_bytes(dir / "a.h5"), "old");
  {
    File file = File::create(dir / "a.h5");
    write_some(file, 1);
    file.commit();
    EXPECT_EQ(File::open(dir / "a.h5").read_all("/x0"), block);  // whole while its writer still lives
  }
  EXPECT_EQ(dir.files(), std::vector<std::string>{"a.h5"});
}

TEST(Atomic, AssigningOverAWriterRemovesItsFile) {
  TemporaryDirectory const dir;
  File file = File::create(dir / "a.h5");
  file = File::create(dir / "b.h5");
  EXPECT_EQ(dir.files(), std::vector<std::string>{"b.h5.tmp"});
}

TEST(Atomic, PlacesThatCannotBeWritten) {
  TemporaryDirectory const dir;
  EXPECT_TEXT(IoError, File::create(dir / "none/a.h5"), "none/a.h5: cannot be written (No such file or directory)");
  std::filesystem::create_directory(dir / "a.h5");
  EXPECT_TEXT(IoError, File::create(dir / "a.h5"), "a.h5: is not a regular file");
  EXPECT_TEXT(IoError, File::create("/dev/full"), "/dev/full: is not a regular file");
  EXPECT_TEXT(IoError, File::create("/proc/a.h5"), "/proc/a.h5: cannot be written");
  if (::geteuid() != 0) {  // root may write anywhere
    std::filesystem::create_directory(dir / "closed");
    std::filesystem::permissions(dir / "closed",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    EXPECT_TEXT(IoError, File::create(dir / "closed/a.h5"), "Permission denied");
  }
}

struct FullDisk : ::testing::TestWithParam<std::size_t> {};
TEST_P(FullDisk, IsOneErrorAndLeavesNothing) {
  TemporaryDirectory const dir;
  write_bytes(dir / "a.h5", "old");
  ::testing::internal::CaptureStderr();
  int const status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{GetParam(), GetParam()};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      CheckpointWriter writer(dir / "a.h5", {}, {});
      for (int i = 0; i < 40; ++i) writer.write<double const>("/model", {numbered("x", i), {block.size()}, block});
      writer.commit();
    } catch (IoError const& error) {
      return std::string(error.what()).find("a.h5: there is no room for") != std::string::npos ? 7 : 8;
    }
    return 9;
  });
  std::string const printed = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(printed, "");
  EXPECT_EQ(dir.files(), std::vector<std::string>{"a.h5"});
  EXPECT_EQ(read_bytes(dir / "a.h5"), "old");
}
INSTANTIATE_TEST_SUITE_P(At, FullDisk, ::testing::Values(100, 70'000, 400'000, 700'000, 1'000'000, 5'000'000));

TEST(Atomic, KilledWhileWriting) {
  TemporaryDirectory const dir;
  {
    File file = File::create(dir / "a.h5");
    write_some(file, 2);
    file.commit();
  }
  std::string const before = read_bytes(dir / "a.h5");
  for (int const milliseconds : {0, 1, 3, 10, 30}) {
    pid_t const child = ::fork();
    if (child == 0) {
      for (;;) {
        File file = File::create(dir / "a.h5");
        write_some(file, 10000);  // never comes to its end
      }
    }
    while (!std::filesystem::exists(dir / "a.h5.tmp")) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(read_bytes(dir / "a.h5"), before);
  }
  {  // what the dead one left is no hindrance
    File file = File::create(dir / "a.h5");
    write_some(file, 1);
    file.commit();
  }
  EXPECT_EQ(File::open(dir / "a.h5").list("/").size(), 1u);
  EXPECT_EQ(dir.files(), std::vector<std::string>{"a.h5"});
}

}  // namespace
