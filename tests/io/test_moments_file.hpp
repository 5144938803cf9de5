// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"
#include "krate/io/moments_file.hpp"

namespace {

using krate::testing::filled;
using krate::testing::to_view;

template <class Space>
struct MomentsFile : ::testing::Test {
  using Moments = krate::ClassMoments<Space>;
  static constexpr std::size_t dim = 7, classes = 4;  // class 3 is empty
  Space space;
  krate::testing::TemporaryDirectory const dir;
  std::string const path = dir / "m.h5";

  Moments of(std::uint64_t seed, std::size_t samples) const {
    Moments moments(space, {}, {.dim = dim, .classes = classes});
    Kokkos::View<krate::Label*, krate::DeviceOf<Space>> const labels("krate::test::labels", samples);
    krate::testing::write_on_host(labels, [&](auto const& host) {
      for (std::size_t i = 0; i < samples; ++i) host(i) = static_cast<krate::Label>(i * i % 3);
    });
    moments.add(space, to_view<Space, double, 2>(filled(seed, {samples, dim})), labels);
    return moments;
  }
  void expect_same(krate::RateReduction const& a, krate::RateReduction const& b) const {
    EXPECT_EQ(a.samples, b.samples);
    EXPECT_EQ(a.rate, b.rate);
    EXPECT_EQ(a.rate_classes, b.rate_classes);
    EXPECT_EQ(a.rate_reduction, b.rate_reduction);
    for (std::size_t k = 0; k < classes; ++k) EXPECT_EQ(a.per_class[k].samples, b.per_class[k].samples);
  }
};

struct NameOfSpace {
  template <class Space>
  static std::string GetName(int) {
    return Space::name();
  }
};
TYPED_TEST_SUITE(MomentsFile, ::testing::Types<TestSpace>, NameOfSpace);

TYPED_TEST(MomentsFile, ComesBackBitByBitAndGoesOn) {
  auto first = this->of(1, 40), second = this->of(2, 23);
  krate::io::write_moments(this->space, first, this->path);
  auto read = krate::io::read_moments(this->space, this->path);
  EXPECT_EQ(read.dim(), this->dim);
  EXPECT_EQ(read.classes(), this->classes);
  this->expect_same(read.result(this->space, 0.1), first.result(this->space, 0.1));
  read.merge(this->space, second);
  first.merge(this->space, second);
  this->expect_same(read.result(this->space, 0.1), first.result(this->space, 0.1));
  auto none = this->of(1, 0);
  krate::io::write_moments(this->space, none, this->path);
  EXPECT_EQ(krate::io::read_moments(this->space, this->path).result(this->space, 0.1).samples, 0);
  EXPECT_EQ(this->dir.files().size(), 1u);
}

TYPED_TEST(MomentsFile, WritesNothingThatItWouldNotRead) {
  krate::io::MomentsTable const good{2, 1, {3}, {1, 0, 1}};
  auto const refuses = [&](krate::io::MomentsTable const& table) {
    EXPECT_THROW(krate::io::write_moments_table(this->path, {}, table), krate::Error);
    EXPECT_TRUE(this->dir.files().empty());
  };
  refuses({2, 1, {3}, {1, std::nan(""), 1}});
  refuses({2, 1, {-1}, {1, 0, 1}});
  refuses({2, 1, {3}, {1, 0, -1}});
  refuses({2, 1, {0}, {1, 0, 1}});
  refuses({2, 1, {3}, {1, 0}});
  refuses({0, 1, {3}, {}});
  krate::io::write_moments_table(this->path, {}, good);
  EXPECT_EQ(krate::io::read_moments_table(this->path, {}).lower, good.lower);
}

TYPED_TEST(MomentsFile, DamagedAndHostileFilesAreIoErrors) {
  struct Content {
    std::vector<std::size_t> shape;
    std::vector<double> lower;
    std::vector<std::int64_t> counts;
    std::int64_t dim;
  };
  std::int64_t const huge = std::numeric_limits<std::int64_t>::max();
  for (Content const& c : {Content{{1, 4}, {1, 0, 1, 0}, {3}, 2}, Content{{1, 3}, {1, 0, 1}, {3}, 3},
                           Content{{1, 3}, {1, 0, 1}, {3, 3}, 2}, Content{{3}, {1, 0, 1}, {3, 3, 3}, 2},
                           Content{{0, 3}, {}, {}, 2}, Content{{1, 3}, {1, std::nan(""), 1}, {3}, 2},
                           Content{{1, 3}, {1, 0, 1}, {-3}, 2}, Content{{1, 3}, {1, 0, 1}, {huge}, 2},
                           Content{{2, 1}, {1, 1}, {std::int64_t(1) << 53, std::int64_t(1) << 53}, 1}}) {
    krate::io::File file = krate::io::File::create(this->path);
    file.write<double>("/class_moments", c.shape, 0, c.shape[0], c.lower);
    file.write<std::int64_t>("/class_counts", {c.counts.size()}, 0, c.counts.size(), c.counts);
    file.set_attribute("/class_moments", "dim", c.dim);
    file.commit();
    EXPECT_THROW(krate::io::read_moments(this->space, this->path), krate::IoError) << c.dim << " " << c.counts.size();
  }
  auto moments = this->of(1, 40);
  krate::io::write_moments(this->space, moments, this->path);
  std::string const bytes = krate::testing::read_bytes(this->path);
  krate::testing::write_bytes(this->path, bytes.substr(0, bytes.size() / 2));
  EXPECT_THROW(krate::io::read_moments(this->space, this->path), krate::IoError);
  EXPECT_THROW(krate::io::read_moments(this->space, this->dir / "none.h5"), krate::IoError);
}

}  // namespace
