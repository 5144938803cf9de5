// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/recorder.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <string_view>

namespace krate::testing {

namespace {
Recording* active = nullptr;
}

void record(Event::Kind kind, char const* label, std::uint32_t device) {
  // Kokkos fences around each callback because somebody listens.
  if (std::string_view(label).ends_with("Kokkos Profile Tool Fence")) return;
  if (active) active->events_.push_back({kind, label, device});
}

std::vector<std::string> const& foreign_labels() {
  static std::vector<std::string> const list = {
      "Kokkos::OpenMP::scratch_mem",  // grown once, at the first team policy
      "Kokkos::Serial::scratch_mem",
      "Kokkos::View::initialization",  // zero fill of a managed View
  };
  return list;
}

void install_recorder() {
  using namespace Kokkos::Tools::Experimental;
  set_begin_parallel_for_callback(
      [](char const* name, std::uint32_t device, std::uint64_t*) { record(Event::kernel, name, device); });
  set_begin_parallel_reduce_callback(
      [](char const* name, std::uint32_t device, std::uint64_t*) { record(Event::kernel, name, device); });
  set_begin_parallel_scan_callback(
      [](char const* name, std::uint32_t device, std::uint64_t*) { record(Event::kernel, name, device); });
  set_begin_fence_callback(
      [](char const* name, std::uint32_t device, std::uint64_t*) { record(Event::fence, name, device); });
  set_allocate_data_callback([](Kokkos::Profiling::SpaceHandle, char const* label, void const*, std::uint64_t) {
    record(Event::allocation, label, 0);
  });
  set_begin_deep_copy_callback([](Kokkos::Profiling::SpaceHandle, char const* to, void const*,
                                  Kokkos::Profiling::SpaceHandle, char const*, void const*,
                                  std::uint64_t) { record(Event::copy, to, 0); });
  set_push_region_callback([](char const* name) { record(Event::region, name, 0); });
}

Recording::Recording() {
  active = this;
}
Recording::~Recording() {
  active = nullptr;
}

bool Recording::saw(std::string const& label) const {
  return std::any_of(events_.begin(), events_.end(), [&](Event const& e) { return e.label == label; });
}

std::vector<std::string> Recording::unlabelled() const {
  std::vector<std::string> bad;
  for (auto const& e : events_) {
    if (e.kind == Event::region || e.label.rfind("krate::", 0) == 0) continue;
    auto const& known = foreign_labels();
    if (std::find(known.begin(), known.end(), e.label) == known.end()) bad.push_back(e.label);
  }
  return bad;
}

std::size_t Recording::count(Event::Kind kind) const {
  return std::count_if(events_.begin(), events_.end(), [&](Event const& e) { return e.kind == kind; });
}

}  // namespace krate::testing
