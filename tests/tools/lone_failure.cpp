// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One rank fails, or with an argument is killed, where the others do not look: they wait in a barrier that it never
// reaches. The program must end, and with the line of the rank that failed on stderr. Run by the tests of Command.
#include <csignal>

#include "krate/core/error.hpp"
#include "tools/context.hpp"

int main(int argc, char**) {
  krate::tools::Context context;
  try {
    auto const& comm = context.comm();
    if (comm.rank() == 1 && argc > 1) std::raise(SIGKILL);
    if (comm.rank() == 1) throw krate::ValueError("krate::test", "rank 1 alone failed; this is a test");
    comm.barrier();
  } catch (...) {
    auto const failure = krate::tools::describe(std::current_exception(), "krate test");
    return context.leave(&failure);
  }
  return context.leave(nullptr);
}
