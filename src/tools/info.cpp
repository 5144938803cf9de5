// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate info: what this machine and this build can do.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "krate/core/compat.hpp"
#include "krate/io/hdf5.hpp"
#include "krate/version.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/launch.hpp"
#include "tools/machine.hpp"

namespace krate::tools {

namespace {

Json build() {
  Json info = Json::object();
  std::istringstream lines(build_info());  // "name: value" a line
  for (std::string line; std::getline(lines, line);) {
    auto const colon = line.find(": ");
    if (colon != line.npos) info[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return info;
}

Json mpi(comm::Communicator const& comm) {
#if KRATE_ENABLE_MPI
  int major = 0, minor = 0, length = 0;
  char library[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  MPI_Get_version(&major, &minor);
  MPI_Get_library_version(library, &length);
  std::string const first_line = std::string(library).substr(0, std::string(library).find_first_of(",\n"));
  return {{"standard", std::to_string(major) + "." + std::to_string(minor)},
          {"library", first_line},
          {"ranks", comm.size()}};
#else
  return {{"standard", nullptr}, {"library", nullptr}, {"ranks", comm.size()}};
#endif
}

// What stands in the way of speed, and what to do about it.
std::vector<std::string> advice(Processor const& processor, Pinning const& pinned, Blas const& blas, int threads) {
  std::vector<std::string> lines;
  auto const has = [&](char const* feature) {
    return std::find(processor.features.begin(), processor.features.end(), feature) != processor.features.end();
  };
  int const possible = has("avx512f") ? 16 : has("avx2") ? 8 : has("asimd") ? 4 : 1;
  if (simd_floats() < possible) {
    lines.push_back("the processor has SIMD registers of " + std::to_string(possible) + " floats, this build uses " +
                    std::to_string(simd_floats()) + "; build Kokkos with -DKokkos_ARCH_NATIVE=ON");
  }
  if (!pinned.pinned && threads > 1) lines.push_back(pinned.how);
  if (!KRATE_HAVE_BLAS) lines.push_back("products run on the portable kernel; build Kokkos Kernels with a BLAS");
  if (blas.threading == "pthread" && threads > 1) {
    lines.push_back("OpenBLAS' own threads compete with OpenMP's; install its openmp flavour");
  }
  if (blas.below_processor) {
    lines.push_back(
        "OpenBLAS runs its " + blas.kernels + " kernels, without the processor's AVX-512; " +
        (environment("OPENBLAS_CORETYPE").empty() ? "set OPENBLAS_CORETYPE=SkylakeX" : "unset OPENBLAS_CORETYPE"));
  }
  if (huge_pages() == "never") lines.push_back("huge pages are off; ask for transparent_hugepage=madvise");
  return lines;
}

Json peaks(Context& context) {
  Space const& space = context.space();
  context.comm().barrier();  // all ranks of a machine measure at the same time, and their rates add up
  Peaks const p = measure_peaks(space);
  double sums[] = {p.float_gflop_per_s, p.double_gflop_per_s, p.triad_gb_per_s};
  context.comm().all_reduce(std::span<double>(sums));
  return {{"float_gflop_per_s", sums[0]}, {"double_gflop_per_s", sums[1]}, {"triad_gb_per_s", sums[2]}};
}

Json collect(Context& context, bool with_peaks) {
  Space const& space = context.space();
  Processor const p = processor();
  Pinning const pinned = pinning();
  Blas const b = blas();
  int const threads = !impl::is_device<Space> ? space.concurrency() : 0;
  Json info;
  info["version"] = version();
  info["commit"] = git_commit();
  info["build"] = build();
  info["devices"] = {{{"space", Space::name()}, {"name", device_name(space)}, {"concurrency", space.concurrency()}}};
  info["processor"] = {{"name", p.name}, {"cores", available_cores().size()}, {"features", p.features}};
  info["memory"] = {{"bytes", memory_bytes()}, {"huge_pages", huge_pages()}};
  info["simd_width"] = simd_floats();
  info["threads"] = threads;
  info["pinning"] = {{"pinned", pinned.pinned}, {"how", pinned.how}};
  info["vendor"] = {{"blas", b.name}, {"blas_kernels", b.kernels}, {"blas_threading", b.threading}};
  info["mpi"] = mpi(context.comm());
  info["hdf5"] = io::hdf5_version();
  info["advice"] = advice(p, pinned, b, threads);
  info["peaks"] = with_peaks ? peaks(context) : Json();
  return info;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

void show_info(Context& context, Json const& info) {
  auto const line = [&](std::string name, std::string const& value) {
    name.resize(16, ' ');
    context.print(name + value);
  };
  auto const text = [](Json const& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  std::string features;
  for (auto const& f : info["processor"]["features"]) features += (features.empty() ? "" : " ") + text(f);
  line("krate", text(info["version"]) + ", commit " + text(info["commit"]));
  for (auto const& [name, value] : info["build"].items()) {
    if (name != "version" && name != "commit") line(name.size() > 15 ? "vendor BLAS" : name, text(value));
  }
  for (auto const& d : info["devices"]) {
    line("device", text(d["space"]) + " on " + text(d["name"]) + ", concurrency " + text(d["concurrency"]));
  }
  line("processor", text(info["processor"]["name"]) + ", " + text(info["processor"]["cores"]) + " cores, " + features);
  line("memory", number_text(info["memory"]["bytes"].get<double>() / (1 << 30)) +
                     " GiB, huge pages: " + text(info["memory"]["huge_pages"]));
  line("SIMD width", text(info["simd_width"]) + " floats");
  line("threads", text(info["threads"]) + ", " + text(info["pinning"]["how"]));
  line("BLAS", text(info["vendor"]["blas"]) + ", kernels: " + text(info["vendor"]["blas_kernels"]) +
                   ", threads: " + text(info["vendor"]["blas_threading"]));
  line("MPI", text(info["mpi"]["library"]) + ", " + text(info["mpi"]["ranks"]) + " ranks");
  line("HDF5", text(info["hdf5"]));
  if (auto const& p = info["peaks"]; !p.is_null()) {
    line("peaks", number_text(p["float_gflop_per_s"]) + " GF/s in float, " + number_text(p["double_gflop_per_s"]) +
                      " GF/s in double, triad " + number_text(p["triad_gb_per_s"]) + " GB/s");
  }
  for (auto const& a : info["advice"]) line("advice", text(a));
}

}  // namespace

void add_info(cli::App& app, Context& context) {
  auto* const info = app.add_subcommand("info", "Show version, build, devices, threads and measured peaks");
  info->footer("Example: krate info --peaks");
  auto const with_peaks = std::make_shared<bool>(false);
  info->add_flag("--peaks", *with_peaks, "Also measure matrix products and memory bandwidth (a few seconds)");
  context.add_json_flag(*info);
  info->callback([&context, with_peaks] {
    Json const result = collect(context, *with_peaks);
    if (context.json()) return context.print_json(result);
    show_info(context, result);
  });
}

}  // namespace krate::tools
