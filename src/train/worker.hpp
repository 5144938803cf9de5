// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace krate::train {

/// A thread that does one job over and over, each time it is told to. Telling it takes no memory.
class Worker {
 public:
  explicit Worker(std::function<void()> job);
  /// Waits for the job that is under way.
  ~Worker();
  Worker(Worker const&) = delete;

  /// Begins the job; wait() comes between two of them.
  void start();
  /// Until the job has ended, if one was begun. Throws what it threw.
  void wait();

 private:
  void run();

  std::function<void()> job_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, ends_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace krate::train
