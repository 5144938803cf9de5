// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/graceful_stop.hpp"

namespace krate::tools {

namespace {
std::sig_atomic_t volatile stop_signal = 0;
void remember_signal(int number) {
  stop_signal = number;
}
}  // namespace

GracefulStop::GracefulStop() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGTERM, &action, &term_);
  sigaction(SIGINT, &action, &int_);
}
GracefulStop::~GracefulStop() {
  sigaction(SIGTERM, &term_, nullptr);
  sigaction(SIGINT, &int_, nullptr);
}

bool stop_requested() {
  return stop_signal != 0;
}

}  // namespace krate::tools
