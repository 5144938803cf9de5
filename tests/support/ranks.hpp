// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small programs that every rank of a job runs, checking for itself: ranks_main.cpp starts MPI and Kokkos, calls
// run_on_ranks(), and fails on all ranks if a check failed on one.
#pragma once

void run_on_ranks();

/// Prints `what` with the rank's number if it is not so.
void expect(bool good, char const* what);
