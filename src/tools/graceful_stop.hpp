// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <csignal>

namespace krate::tools {

/// While it lives, SIGTERM and SIGINT (a queue's time limit, a user's Ctrl-C) ask for a checkpoint and an end; the
/// second one ends at once.
class GracefulStop {
 public:
  GracefulStop();
  ~GracefulStop();
  GracefulStop(GracefulStop const&) = delete;

 private:
  struct sigaction term_ {
  }, int_{};
};

/// Whether a signal came.
bool stop_requested();

}  // namespace krate::tools
