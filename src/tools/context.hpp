// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every subcommand stands on: the ranks, the execution space, and who may speak.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "krate/comm/communicator.hpp"
#include "krate/core/logger.hpp"
#include "tools/failure.hpp"
#include "tools/progress.hpp"
#include "tools/space.hpp"

namespace krate::tools {

namespace cli {
class App;
}

using Json = nlohmann::ordered_json;

/// A subcommand lives in a file of its own with one function `void add_NAME(cli::App& app, Context& context)`: it makes
/// the subcommand's options and gives it a callback that does the work. The callback throws where something is wrong;
/// what it made of Kokkos' and MPI's must be gone when it ends.
///
/// MPI starts with the first call of comm(), and only where a launcher is seen; Kokkos with the first call of space().
class Context {
 public:
  Context();
  ~Context();
  Context(Context const&) = delete;
  Context& operator=(Context const&) = delete;

  /// All ranks; one where there is no launcher. Collective at the first call.
  comm::Communicator const& comm();
  /// The space that runs all work. Collective at the first call.
  Space const& space();
  /// Highest memory of this rank since the start or the last reset, over that right after Kokkos and MPI started:
  /// resident, or on devices allocated there.
  std::size_t peak_bytes() const;
  /// Starts that anew at the present value.
  void reset_peak_bytes();

  /// The subcommand's switch --json: the result is one JSON object on one line of stdout, and nothing else is printed.
  void add_json_flag(cli::App& command);
  bool json() const { return json_; }

  /// A line of the result for people: on rank 0, silent under --json.
  void print(std::string_view line);
  /// The result under --json: on rank 0. NaN and infinity become null.
  void print_json(Json const& result);
  /// print() as the library's callback.
  Logger logger();
  /// Progress over `total` steps: a bar, lines or nothing, as fits rank, terminal and --json.
  Progress progress(std::string title, std::size_t total);

  /// Ends the program on all ranks together: the first rank that failed says why, once. Where other ranks do not come
  /// (they wait for one that failed alone) it ends them too.
  /// @return the exit code: 0 if no rank failed
  int leave(Failure const* failure);

 private:
  void start_ranks();

  struct Runtime;
  std::unique_ptr<Runtime> runtime_;
  bool json_ = false;
};

}  // namespace krate::tools
