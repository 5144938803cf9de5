// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace krate {

/// Base of all exceptions that krate throws. The text reads "where: what was found, what was expected (why); what to
/// do".
class Error : public std::runtime_error {
 public:
  Error(std::string const& where, std::string const& what,
        std::source_location const& location = std::source_location::current())
      : std::runtime_error(where + ": " + what), where_(where), location_(location) {}

  /// The public function that found the fault, e.g. "krate::ista".
  std::string const& where() const noexcept { return where_; }
  std::source_location const& location() const noexcept { return location_; }

 private:
  std::string where_;
  std::source_location location_;
};

/// Extents or layouts that do not fit together.
struct ShapeError : Error {
  ShapeError(std::string const& where, std::string const& what,
             std::source_location const& location = std::source_location::current())
      : Error(where, what, location) {}
};
/// A number, name or option outside what the function accepts.
struct ValueError : Error {
  ValueError(std::string const& where, std::string const& what,
             std::source_location const& location = std::source_location::current())
      : Error(where, what, location) {}
};
/// A part of krate that this build does not have.
struct NotBuiltError : Error {
  NotBuiltError(std::string const& where, std::string const& what,
                std::source_location const& location = std::source_location::current())
      : Error(where, what, location) {}
};
/// A file that cannot be read, written or understood.
struct IoError : Error {
  IoError(std::string const& where, std::string const& what,
          std::source_location const& location = std::source_location::current())
      : Error(where, what, location) {}
};
/// A failed MPI call, or the failure of another rank.
struct MpiError : Error {
  MpiError(std::string const& where, std::string const& what,
           std::source_location const& location = std::source_location::current())
      : Error(where, what, location) {}
};
/// Arithmetic that went wrong: NaN in the input, a matrix that is not positive definite.
struct NumericalError : Error {
  NumericalError(std::string const& where, std::string const& what,
                 std::source_location const& location = std::source_location::current())
      : Error(where, what, location) {}
};

}  // namespace krate
