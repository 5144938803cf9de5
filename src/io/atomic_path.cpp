// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/atomic_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "krate/core/error.hpp"

namespace krate::io {
namespace {

constexpr char const* in_atomic_path = "krate::io::AtomicPath";

[[noreturn]] void fail(std::string const& path, char const* what, int error, char const* advice) {
  throw IoError(in_atomic_path, path + ": " + what + " (" + std::generic_category().message(error) + "); " + advice);
}

class Descriptor {
 public:
  Descriptor(std::string const& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor const&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

AtomicPath::AtomicPath(std::string path) : path_(std::move(path)) {
  struct stat status;
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw IoError(in_atomic_path, path_ + ": is not a regular file, so it cannot be replaced; name another output");
  }
  std::string const temporary = path_ + ".tmp";
  Descriptor const file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) fail(path_, "cannot be written", errno, "check that the directory exists and is writable");
  temporary_ = temporary;
}

AtomicPath::AtomicPath(AtomicPath&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}
AtomicPath& AtomicPath::operator=(AtomicPath&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}
AtomicPath::~AtomicPath() {
  remove();
}

void AtomicPath::remove() noexcept {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicPath::reserve(std::size_t bytes) const {
  Descriptor const file(temporary_, O_WRONLY);
  if (file.get() < 0) fail(path_, "cannot be written", errno, "check the directory");
  int result = -1;
  errno = EOPNOTSUPP;
#ifdef __linux__
  do {
    result = ::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
#endif
  struct stat status;
  struct statvfs disk;
  if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) && ::fstat(file.get(), &status) == 0 &&
      ::fstatvfs(file.get(), &disk) == 0) {  // no promise to be had: look at least
    std::size_t const held = static_cast<std::size_t>(status.st_blocks) * 512;
    errno = held + static_cast<std::size_t>(disk.f_bavail) * disk.f_frsize < bytes ? ENOSPC : 0;
  }
  if (result != 0 && (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO)) {
    fail(path_, ("there is no room for " + std::to_string(bytes) + " bytes").c_str(), errno,
         "free some or write elsewhere");
  }
}

void AtomicPath::discard() const noexcept {
  if (!temporary_.empty()) static_cast<void>(!::truncate(temporary_.c_str(), 0));
}

void AtomicPath::commit(std::size_t bytes) {
  try {
    Descriptor const file(temporary_, O_RDWR);
    if (file.get() < 0 || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 || ::fsync(file.get()) != 0) {
      fail(path_, "cannot be brought to the disk", errno, "check the disk");
    }
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      fail(path_, "the temporary file cannot be renamed", errno, "check the directory");
    }
  } catch (...) {
    remove();
    throw;
  }
  temporary_.clear();
  auto const slash = path_.find_last_of('/');
  std::string const directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  Descriptor const parent(directory, O_RDONLY | O_DIRECTORY);
  if (parent.get() >= 0) static_cast<void>(::fsync(parent.get()));  // some file systems refuse; the file is complete
}

}  // namespace krate::io
