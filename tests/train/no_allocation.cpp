// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// After the first step a training step takes no memory, but for what Kokkos' fence takes and, in large products, what
// oneDNN takes to list its arguments: malloc and its relatives (new goes through them) and mmap are replaced for the
// whole program, libraries included, and counted.
#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gemm_epilogue.hpp"
#include "krate/train/train_step.hpp"
#include "train/toy.hpp"

namespace {
std::atomic<bool> counting{false};
std::atomic<long> allocations{0}, bytes{0};
void count(std::size_t n) {
  if (!counting.load(std::memory_order_relaxed)) return;
  allocations.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(static_cast<long>(n), std::memory_order_relaxed);
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t n) {
  count(n);
  return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
  count(n * size);
  return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) {
  count(n);
  return __libc_realloc(p, n);
}
void* memalign(std::size_t alignment, std::size_t n) {
  count(n);
  return __libc_memalign(alignment, n);
}
void* aligned_alloc(std::size_t alignment, std::size_t n) {
  count(n);
  return __libc_memalign(alignment, n);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t n) {
  count(n);
  *out = __libc_memalign(alignment, n);
  return *out ? 0 : 12;
}
void* mmap(void* at, std::size_t n, int protection, int flags, int file, off_t offset) {
  count(n);
  static auto const real =
      reinterpret_cast<void* (*)(void*, std::size_t, int, int, int, off_t)>(dlsym(RTLD_NEXT, "mmap"));
  return real(at, n, protection, flags, file, offset);
}
}

namespace {

using Space = Kokkos::DefaultHostExecutionSpace;
using Model = krate::models::Crate<Space, float>;

/// A source that does what the test must catch.
class Wasteful final : public krate::train::BatchSource<Space, float> {
 public:
  explicit Wasteful(krate::train::BatchSource<Space, float>& source) : source_(source) {}
  std::size_t channels() const override { return source_.channels(); }
  std::size_t height() const override { return source_.height(); }
  std::size_t width() const override { return source_.width(); }
  std::size_t classes() const override { return source_.classes(); }
  std::size_t size(krate::train::Part part) const override { return source_.size(part); }
  float background(std::size_t c) const override { return source_.background(c); }
  void fill(Space const& space, krate::train::Part part, std::span<std::size_t const> samples,
            krate::Tensor4<float, Space> const& images, krate::Vector<krate::Label, Space> const& labels) override {
    std::vector<std::size_t> const copy(samples.begin(), samples.end());
    source_.fill(space, part, copy, images, labels);
  }

 private:
  krate::train::BatchSource<Space, float>& source_;
};

long allocations_of_steps(krate::train::BatchSource<Space, float>& source,
                          krate::train::TrainStepOptions const& options = {.local_batch = 16, .shift = 1}) {
  Space const space;
  Model const model(space, krate::testing::Toy<Space, float>::config());
  krate::train::TrainStep<Model> step(space, {}, model, krate::optim::AdamW{}, options);
  std::vector<std::size_t> samples(16);
  std::iota(samples.begin(), samples.end(), std::size_t(0));
  std::span<std::size_t const> const all(samples);
  step.run(space, source, all, 16, 0, 1e-3);
  step.run(space, source, all.first(10), 10, 1, 1e-3);
  // A BLAS keeps a buffer for each of its calls that ran at the same time, and on a loaded machine the first time that
  // two of them do may come late. What a step takes, each round has.
  long fewest = LONG_MAX;
  for (std::int64_t s = 2; s < 26;) {
    allocations = 0;
    counting = true;
    for (std::int64_t const end = s + 6; s < end; ++s)
      step.run(space, source, s % 2 ? all.first(10) : all, s % 2 ? 10 : 16, s, 1e-3);
    counting = false;
    fewest = std::min(fewest, allocations.load());
  }
  return fewest;
}

long allocations_of_a_fence() {
  Space const space;
  std::string const label = "krate::test: what a fence itself takes";
  space.fence(label);
  allocations = 0;
  counting = true;
  space.fence(label);
  counting = false;
  return allocations;
}

/// Bytes that a product takes once its shape is known. They are given back when it ends.
template <class Product>
long bytes_of(Product const& product) {
  product();
  product();
  bytes = 0;
  counting = true;
  product();
  counting = false;
  return bytes;
}
std::pair<long, long> bytes_of_large_products() {
  Space const space;
  Kokkos::View<float**, Kokkos::LayoutRight, Space> const a("krate::test", 300, 400), b("krate::test", 400, 200),
      c("krate::test", 300, 200);
  return {bytes_of([&] { krate::gemm(space, "N", "N", a, b, {.shift = 1, .rectify = true}, c); }),
          bytes_of([&] { krate::gemm(space, "T", "N", 1.f, a, c, 0.f, b); })};
}

}  // namespace

int main() {
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  int failures = 0;
  {
    krate::testing::Toy<Space, float> toy(40);
    Wasteful wasteful(toy.source);
    // Kokkos 4.5 wraps each fence into a std::function; a step has four. Nothing else is allowed.
    long const fences = 6 * 4 * allocations_of_a_fence();
    long const clean = allocations_of_steps(toy.source), caught = allocations_of_steps(wasteful);
    std::printf("six training steps took memory %ld times, Kokkos' own fences %ld times\n", clean, fences);
    std::printf("with one std::vector put into each step it is %ld times\n", caught);
    // Three more numbers are read.
    long const fenced = 6 * 7 * allocations_of_a_fence(),
               regularised =
                   allocations_of_steps(toy.source, {.local_batch = 16, .layer_decay = 0.75, .srr_weight = 1e-3});
    std::printf("with sparse rate reduction in the loss they took memory %ld times, the fences %ld times\n",
                regularised, fenced);
    auto const [product, gradient] = bytes_of_large_products();
    std::printf("a large product takes %ld bytes, one with a transposed left factor %ld\n", product, gradient);
    failures =
        (regularised != fenced) + (clean != fences) + (caught != fences + 6) + (product > 1024 || gradient > 200000);
  }
  Kokkos::finalize();
  std::printf("%d passed, %d failed\n", 4 - failures, failures);
  return failures;
}
