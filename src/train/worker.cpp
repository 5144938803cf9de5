// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "train/worker.hpp"

#include <utility>

namespace krate::train {

Worker::Worker(std::function<void()> job) : job_(std::move(job)), thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    std::lock_guard const lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Worker::start() {
  {
    std::lock_guard const lock(mutex_);
    busy_ = true;
  }
  changed_.notify_all();
}

void Worker::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return busy_ || ends_; });
    if (!busy_) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      job_();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = failure;
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace krate::train
