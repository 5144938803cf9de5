// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "command.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ;

namespace krate::testing {

namespace {

std::vector<std::string> changed_environment(Environment const& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry; ++entry) {
    std::string const text = *entry;
    if (!changes.count(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (auto const& [name, value] : changes) {
    if (!value.empty()) all.push_back(name + "=" + value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// Not wait4's ru_maxrss: that begins with the peak of the process that spawned the child.
std::size_t peak_of(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return 1024 * std::stoull(line.substr(6));
  }
  return 0;
}

Outcome run(std::vector<std::string> words, Environment const& changes) {
  Scratch const scratch;
  std::string const out = scratch / "out", err = scratch / "err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  auto variables = changed_environment(changes);
  pid_t child = 0;
  int const failed =
      posix_spawn(&child, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  Outcome outcome;
  if (failed) return outcome;
  int status = 0;
  bool ended = false;
  for (auto const start = std::chrono::steady_clock::now(); !ended;) {
    outcome.peak_bytes = std::max(outcome.peak_bytes, peak_of(child));
    ended = waitpid(child, &status, WNOHANG) == child;
    if (!ended && std::chrono::steady_clock::now() - start > std::chrono::seconds(120)) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      ADD_FAILURE() << "the command hangs";
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (ended && WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  outcome.out = content_of(out);
  outcome.err = content_of(err);
  return outcome;
}

}  // namespace

std::string const& command_path() {
  static std::string const path = KRATE_COMMAND;
  return path;
}

std::string const& lone_failure_path() {
  static std::string const path = KRATE_LONE_FAILURE;
  return path;
}

Outcome krate(std::vector<std::string> const& arguments, Environment const& environment, std::string const& program) {
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run(std::move(words), environment);
}

Outcome krate_ranks([[maybe_unused]] int ranks, [[maybe_unused]] std::vector<std::string> const& arguments,
                    [[maybe_unused]] std::string const& program) {
#if defined(KRATE_MPIEXEC)
  std::vector<std::string> words = {KRATE_MPIEXEC, KRATE_MPIEXEC_RANKS, std::to_string(ranks), program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Scratch const sessions;  // launchers that start and end together trip over a directory they share
  return run(std::move(words), {{"OMP_NUM_THREADS", "1"},
                                {"OMPI_MCA_orte_tmpdir_base", sessions / "s"},
                                {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                                {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                                {"OMPI_MCA_rmaps_base_oversubscribe", "1"}});
#else
  return {};
#endif
}

std::vector<std::string> own_lines(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("krate: ", 0) == 0) lines.push_back(line);
  }
  return lines;
}

nlohmann::json json_of(Outcome const& outcome) {
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1) << outcome.out;
  auto const json = nlohmann::json::parse(outcome.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(json.is_object()) << outcome.out;
  return json.is_object() ? json : nlohmann::json();
}

bool is_failure_line(std::string const& line) {
  std::string const begin = "krate: ";
  std::size_t const colon = line.find(':', begin.size());
  return line.starts_with(begin) && colon != std::string::npos && line.find('\n') == std::string::npos &&
         colon > begin.size() && line.size() > colon + 2 && line[colon + 1] == ' ';
}

void expect_failure(Outcome const& outcome, std::string const& part) {
  EXPECT_GT(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(outcome.err.ends_with('\n') && is_failure_line(outcome.err.substr(0, outcome.err.size() - 1)))
      << "stderr was: " << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << "no '" << part << "' in: " << outcome.err;
}

Scratch::Scratch() {
  std::string name = (std::filesystem::temp_directory_path() / "krate-test-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
  path_ = name;
}
Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::write(std::string const& name, std::string const& content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
  return (path_ / name).string();
}

std::string Scratch::write_packed(std::string const& name, std::string const& content) const {
  std::string const path = (path_ / name).string();
  gzFile const file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return path;
}

std::size_t Scratch::count() const {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
}

std::string content_of(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace krate::testing
