// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/arena.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace krate::impl {

void advise_huge_pages(void* memory, std::size_t bytes) noexcept {
#if defined(__linux__)
  auto const begin = (reinterpret_cast<std::uintptr_t>(memory) + huge_page - 1) / huge_page * huge_page;
  auto const end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / huge_page * huge_page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

}  // namespace krate::impl
