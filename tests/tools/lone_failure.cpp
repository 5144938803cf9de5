// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One rank fails where the others do not look: they wait in a barrier that it never reaches. The program must end, with
// that rank's line on stderr. Run by Command.ALoneFailureEndsAllRanks.
#include "krate/core/error.hpp"
#include "tools/context.hpp"

int main() {
  krate::tools::Context context;
  try {
    auto const& comm = context.comm();
    if (comm.rank() == 1) throw krate::ValueError("krate::test", "rank 1 alone failed; this is a test");
    comm.barrier();
  } catch (...) {
    auto const failure = krate::tools::describe(std::current_exception(), "krate test");
    return context.leave(&failure);
  }
  return context.leave(nullptr);
}
