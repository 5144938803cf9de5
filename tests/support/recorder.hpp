// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What Kokkos did while a Recording was alive, heard through the Kokkos Tools callbacks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace krate::testing {

struct Event {
  enum Kind { kernel, allocation, fence, copy, region } kind;
  std::string label;
  std::uint32_t device;  ///< Kokkos::Tools::Experimental::device_id's device type and instance; 0 for regions
};

/// Registers the callbacks; once, after Kokkos::initialize.
void install_recorder();

class Recording {
 public:
  Recording();
  ~Recording();
  Recording(Recording const&) = delete;
  std::vector<Event> const& events() const { return events_; }
  /// True if a region or kernel of exactly this label was seen.
  bool saw(std::string const& label) const;
  /// Labels of kernels, allocations and fences that neither start with "krate::" nor stand in foreign_labels().
  std::vector<std::string> unlabelled() const;
  std::size_t count(Event::Kind kind) const;

 private:
  friend void record(Event::Kind, char const*, std::uint32_t);
  std::vector<Event> events_;
};

/// Labels that Kokkos and Kokkos Kernels themselves give to what they start inside our calls; the one list of them.
std::vector<std::string> const& foreign_labels();

}  // namespace krate::testing
