// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/context.hpp"

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "krate/core/compat.hpp"
#include "krate/core/error.hpp"
#include "tools/cli.hpp"
#include "tools/launch.hpp"
#include "tools/memory.hpp"

namespace krate::tools {

struct Context::Runtime {
  bool ranks_started = false, owns_mpi = false, owns_kokkos = false;
  comm::Communicator comm;
  std::optional<Space> space;
  std::size_t resident_at_start = 0;
#if KRATE_ENABLE_MPI
  MPI_Comm leaving = MPI_COMM_NULL;  // the ranks meet here when they leave, whatever they were doing
#endif
};

Context::Context() : runtime_(std::make_unique<Runtime>()) {}
Context::~Context() = default;

void Context::start_ranks() {
  runtime_->ranks_started = true;
#if KRATE_ENABLE_MPI
  if (!is_launched()) return;
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  runtime_->owns_mpi = true;
  runtime_->comm = comm::Communicator(MPI_COMM_WORLD);
  MPI_Comm_dup(MPI_COMM_WORLD, &runtime_->leaving);
#endif
}

comm::Communicator const& Context::comm() {
  if (!runtime_->ranks_started) start_ranks();
  return runtime_->comm;
}

Space const& Context::space() {
  auto const& ranks = comm();
  if (!runtime_->space) {
    auto settings = Kokkos::InitializationSettings().set_disable_warnings(true);
    if (environment("KOKKOS_NUM_THREADS").empty()) settings.set_num_threads(thread_count(ranks));
    Kokkos::initialize(settings);
    runtime_->owns_kokkos = true;
    runtime_->space.emplace();
    runtime_->resident_at_start = resident_bytes();
    reset_peak_resident();
    if constexpr (impl::is_device<Space>) count_allocations(Space::memory_space::name());
  }
  return *runtime_->space;
}

void Context::reset_peak_bytes() {
  reset_peak_resident();
  reset_peak_allocated();
}

std::size_t Context::peak_bytes() const {
  if constexpr (impl::is_device<Space>) return peak_allocated_bytes();
  std::size_t const peak = peak_resident_bytes();
  return peak > runtime_->resident_at_start ? peak - runtime_->resident_at_start : 0;
}

void Context::add_json_flag(cli::App& command) {
  command.add_flag("--json", json_, "Print one JSON object on one line, for programs");
}

void Context::print(std::string_view line) {
  if (json_ || !comm().is_root()) return;
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void Context::print_json(Json const& result) {
  if (!comm().is_root()) return;
  std::string const text = result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Logger Context::logger() {
  return [this](std::string_view line) { print(line); };
}

Progress Context::progress(std::string title, std::size_t total) {
  auto style = isatty(STDERR_FILENO) ? Progress::Style::bar : Progress::Style::lines;
  if (json_ || !comm().is_root()) style = Progress::Style::silent;
  return Progress(style, std::move(title), total);
}

namespace {

void speak(Failure const& failure) {
  std::string const line = failure.line + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

#if KRATE_ENABLE_MPI
// The first rank that failed, or the number of ranks. A rank that failed waits for the others a few seconds only.
int first_failed(comm::Communicator const& comm, MPI_Comm leaving, Failure const* failure) {
  using Clock = std::chrono::steady_clock;
  int const mine = failure ? comm.rank() : comm.size();
  int first = mine;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(&mine, &first, 1, MPI_INT, MPI_MIN, leaving, &request);
  auto const patience = std::chrono::milliseconds(5000 + 250 * std::min(comm.rank(), 40));
  for (auto const start = Clock::now();;) {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return first;
    if (failure && Clock::now() - start > patience) {
      speak(*failure);
      MPI_Abort(leaving, failure->exit_code);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}
#endif

}  // namespace

int Context::leave(Failure const* failure) {
  bool const written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  Failure const unwritten{"krate: output: standard output cannot be written (full disk?); send it elsewhere"};
  if (!failure && !written) failure = &unwritten;
  if (failure && !runtime_->ranks_started) start_ranks();  // so that one rank speaks
  runtime_->space.reset();
  if (runtime_->owns_kokkos) Kokkos::finalize();
  int exit_code = failure ? failure->exit_code : 0;
#if KRATE_ENABLE_MPI
  if (runtime_->owns_mpi) {
    auto const& comm = runtime_->comm;
    int const first = first_failed(comm, runtime_->leaving, failure);
    if (failure && comm.rank() == first) speak(*failure);
    if (first < comm.size() && !failure) exit_code = 1;
    MPI_Barrier(runtime_->leaving);  // a launcher ends all ranks with the first that fails: not before the line is out
    MPI_Comm_free(&runtime_->leaving);
    runtime_->comm = comm::Communicator();
    MPI_Finalize();
    return exit_code;
  }
#endif
  if (failure) speak(*failure);
  return exit_code;
}

}  // namespace krate::tools
