// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/machine.hpp"

#include <dlfcn.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <Kokkos_SIMD.hpp>
#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace krate::tools {

namespace {

template <class Function>
Function* loaded(char const* symbol) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, symbol));
}

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
#else
  return false;
#endif
}

std::string machine_word() {
  utsname name{};
  return uname(&name) == 0 ? name.machine : "unknown";
}

}  // namespace

Processor processor() {
  constexpr std::array telling = {"avx2",     "fma",      "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
                                  "amx_tile", "amx_bf16", "asimd",   "sve",         "bf16"};
  Processor found{machine_word(), {}};
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();) {  // the first processor's part
    auto const colon = line.find(':');
    if (colon == line.npos) continue;
    std::string const value = line.substr(std::min(line.size(), colon + 2));
    if (line.starts_with("model name")) found.name = value;
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(value);
    for (std::string word; words >> word;) {
      if (std::find(telling.begin(), telling.end(), word) != telling.end()) found.features.push_back(word);
    }
  }
  return found;
}

std::size_t memory_bytes() {
  return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::string huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  std::getline(file, line);
  auto const begin = line.find('['), end = line.find(']');
  return begin == line.npos || end == line.npos ? "unknown" : line.substr(begin + 1, end - begin - 1);
}

int simd_floats() {
  namespace simd = Kokkos::Experimental;
#if defined(KOKKOS_ARCH_AVX512XEON)
  return static_cast<int>(simd::simd<float, simd::simd_abi::avx512_fixed_size<16>>::size());
#else
  return static_cast<int>(simd::native_simd<float>::size());
#endif
}

Blas blas() {
  if (auto* const config = loaded<char*()>("openblas_get_config")) {
    auto* const parallel = loaded<int()>("openblas_get_parallel");
    auto* const core = loaded<char*()>("openblas_get_corename");
    int const kind = parallel ? parallel() : -1;
    Blas found{config(), core ? core() : "",
               kind == 0   ? "sequential"
               : kind == 1 ? "pthread"
               : kind == 2 ? "openmp"
                           : "unknown"};
    found.below_processor = has_avx512() && (found.kernels == "Haswell" || found.kernels == "Zen");
    return found;
  }
  if (auto* const version = loaded<void(char*, int)>("mkl_get_version_string")) {
    char text[256] = {};
    version(text, sizeof text - 1);
    return {text, "", "unknown"};
  }
  if (auto* const version = loaded<char const*()>("bli_info_get_version_str")) {
    return {std::string("BLIS ") + version(), "", "unknown"};
  }
  return {KRATE_HAVE_BLAS ? "a BLAS that does not tell its name" : "none", "", "unknown"};
}

std::string device_name([[maybe_unused]] Space const& space) {
#if defined(KOKKOS_ENABLE_CUDA)
  if constexpr (std::is_same_v<Space, Kokkos::Cuda>) return space.cuda_device_prop().name;
#endif
#if defined(KOKKOS_ENABLE_HIP)
  if constexpr (std::is_same_v<Space, Kokkos::HIP>) return space.hip_device_prop().name;
#endif
  return processor().name;
}

}  // namespace krate::tools
