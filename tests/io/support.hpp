// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/op_test.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {

/// A directory that vanishes with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "krate_io_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  std::string operator/(std::string const& name) const { return path_ + "/" + name; }
  std::string const& path() const { return path_; }
  /// Names of what is in it.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (auto const& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    return names;
  }

 private:
  std::string path_;
};

inline std::string data_file(std::string const& name) {
  return reference_file("odd/" + name + ".h5");
}

inline std::string read_bytes(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void write_bytes(std::string const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Runs `work` in a child of its own, so that limits, signals and crashes stay there. Returns waitpid's status.
template <class Work>
int in_child(Work const& work) {
  pid_t const child = ::fork();
  if (child == 0) {
    int result = 100;
    try {
      result = work();
    } catch (std::exception const& e) {
      std::fprintf(stderr, "child: %s\n", e.what());
    }
    std::exit(result);  // with HDF5's clean-up, which must not trip over a file that could not be closed
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// EXPECT_ERROR for errors of which several parts of the text matter; the text must be one line.
#define EXPECT_TEXT(Type, call, ...)                                                                            \
  try {                                                                                                         \
    call;                                                                                                       \
    ADD_FAILURE() << "nothing was thrown";                                                                      \
  } catch (Type const& error) {                                                                                 \
    for (std::string const part : std::initializer_list<std::string>{__VA_ARGS__})                              \
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "the text was: " << error.what();   \
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "more than a line: " << error.what(); \
  }

}  // namespace krate::testing
