// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <numeric>
#include <span>
#include <vector>

#include "krate/comm/communicator.hpp"
#include "krate/core/arena.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/class_moments_decl.hpp"
#include "krate/rate/impl/host_copy.hpp"

namespace krate {

struct ClassMomentsOptions {
  std::size_t dim = 0;             ///< columns of what is added
  std::size_t classes = 0;         ///< labels are 0 .. classes - 1
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

struct ClassRate {
  std::int64_t samples = 0;
  double rate = 0;  ///< R_k, of this class alone
};

/// What moments say of all samples; counts are those over all ranks.
struct RateReduction {
  std::int64_t samples = 0;
  double rate = 0;            ///< R
  double rate_classes = 0;    ///< R^c = sum_k n_k / n R_k
  double rate_reduction = 0;  ///< R - R^c
  std::vector<ClassRate> per_class;
};

/// Moments Z_k^T Z_k and counts of the classes of samples that arrive in pieces and lie on many ranks: all that the
/// rate reduction depends on. The memory it owns depends on dim and classes alone. Sums and counts are over all pieces,
/// merged objects and ranks, so that how samples were split changes rounding only. Everything is double whatever the
/// scalar of the samples. Not copied: one object, one stream of samples.
/// @note allocates: in the constructor only; add() and merge() do not fence
template <class Space>
class ClassMoments {
  using Rates = impl::ClassMomentRates<Space, double>;

 public:
  /// @param comm  the ranks whose samples count together; make it with comm::Communicator(), or pass {} for one rank
  /// @throws ValueError if dim or classes is not positive
  ClassMoments(Space const& space, comm::Communicator comm, ClassMomentsOptions const& options)
      : comm_(std::move(comm)), options_(options) {
    static_assert(is_instantiated<Space, double>, "krate was built without this space: see KRATE_EXEC_SPACES");
    arena_ = Arena<Space>(space, bytes(options), "krate::class_moments");
    auto work = arena_.workspace();
    cut(work);
    if (staged)
      host_packed_ =
          HostBuffer(Kokkos::view_alloc("krate::class_moments::host", Kokkos::WithoutInitializing), packed_.size());
    host_counts_.resize(options.classes + 1);
    host_rates_.resize(options.classes + 1);
    reset(space);
  }
  ClassMoments(ClassMoments&&) = default;
  ClassMoments& operator=(ClassMoments&&) = default;

  /// Memory that an object with these options owns in the space's memory. @throws as the constructor
  static std::size_t bytes(ClassMomentsOptions const& options) {
    constexpr char const* where = "krate::ClassMoments";
    require_value(options.dim > 0, where, "dim", options.dim, "must be positive");
    require_value(options.classes > 0, where, "classes", options.classes, "must be positive");
    return measure<Space>([&](Workspace<Space>& work) { ClassMoments(options).cut(work); });
  }

  std::size_t dim() const { return options_.dim; }
  std::size_t classes() const { return options_.classes; }
  comm::Communicator const& comm() const { return comm_; }

  /// Forgets all samples. @note fences: no
  void reset(Space const& space) {
    fill(space, moments_, 0);
    fill(space, counts_, 0);
  }

  /// Adds the rows of z [samples, dim], any layout, on this rank. A label out of range is reported by result().
  /// @param labels  [samples] of Label
  /// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes, for any
  /// number of threads
  template <class Z, class Labels>
  void add(Space const& space, Z const& z, Labels const& labels) {
    using T = typename Z::non_const_value_type;
    static_assert(is_instantiated<Space, T>, "krate was built without this scalar: see KRATE_SCALARS");
    static_assert(std::is_same_v<typename Labels::non_const_value_type, Label>, "labels are krate::Label");
    constexpr char const* where = "krate::ClassMoments::add";
    require_shape(where, "z", z, {z.extent(0), options_.dim}, "dim is that of the constructor");
    require_shape(where, "labels", labels, {z.extent(0)}, "one a row of z");
    Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::class_moments"));
    ConstStrided<T, Space> const all = as_strided<Space>(z);
    ConstVector<Label, Space> const its = as_vector<Space>(labels);
    std::size_t const piece = sorted_.extent(0);
    for (std::size_t begin = 0; begin < z.extent(0); begin += piece) {
      std::size_t const count = std::min(piece, z.extent(0) - begin);
      ConstStrided<T, Space> const part(all.data() + begin * all.stride(0),
                                        Kokkos::LayoutStride(count, all.stride(0), options_.dim, all.stride(1)));
      impl::ClassMomentSums<Space, T>::add(space, part, ConstVector<Label, Space>(its.data() + begin, count), order_,
                                           Matrix<double, Space>(sorted_.data(), count, options_.dim), moments_,
                                           counts_, options_.route);
    }
  }

  /// Adds the samples that another object has seen on this rank.
  /// @throws ShapeError if it has another dim or number of classes     @note fences: no; bitwise repeatable: yes
  void merge(Space const& space, ClassMoments const& other) {
    require_shape("krate::ClassMoments::merge", "other", other.moments_, {options_.classes, options_.dim, options_.dim},
                  "the classes and dim of this one");
    krate::add(space, other.moments_, moments_);
    krate::add(space, other.counts_, counts_);
  }

  /// Collective: rates of all samples of all ranks, the same bits on every rank; all 0 without samples. A class without
  /// samples contributes exactly 0.
  /// @throws ValueError on all ranks if a label was out of range, or eps_squared is not positive; NumericalError if a
  /// class held NaN or infinity or its moments overflow
  /// @note fences: yes; sums over ranks are in their order; bitwise repeatable: yes
  RateReduction result(Space const& space, double eps_squared) {
    constexpr char const* where = "krate::ClassMoments::result";
    impl::require_eps_squared(where, eps_squared);
    std::span<std::int64_t const> const counts = sum_counts(space, where);
    RateReduction found;
    found.samples = std::accumulate(counts.begin(), counts.end(), std::int64_t(0));
    std::size_t const classes = options_.classes;
    host_counts_[classes] = found.samples;
    impl::copy_to_device(space, host_counts_, totals_);
    double const scale = static_cast<double>(options_.dim) / eps_squared;
    fill(space, whole_, 0);
    for_each_group([&](std::size_t first, std::size_t count) {
      ConstMatrix<double, Space> const packed = sum_moments(space, first, count);
      Rates::sum(space, packed, Vector<double, Space>(whole_.data(), whole_.size()));
      rate(space, packed, scale, first, count);
    });
    rate(space, whole_, scale, classes, 1);
    impl::copy_to_host(space, rates_, host_rates_, KRATE_LABEL("krate::class_moments: rates are read"));
    require_numbers(where);
    found.rate = host_rates_[classes];
    for (std::size_t k = 0; k < classes; ++k) {
      found.per_class.push_back({counts[k], host_rates_[k]});
      if (counts[k] > 0)
        found.rate_classes += static_cast<double>(counts[k]) / static_cast<double>(found.samples) * host_rates_[k];
    }
    found.rate_reduction = std::max(0.0, found.rate - found.rate_classes);  // rounding may leave less than nothing
    return found;
  }

  /// Collective: the counts of the classes over all ranks. @throws ValueError if a label was out of range
  std::vector<std::int64_t> counts(Space const& space) {
    auto const found = sum_counts(space, "krate::ClassMoments::counts");
    return {found.begin(), found.end()};
  }

  /// Collective: moments over all ranks, for what stores them: take(k, lower) is called for each class in order with
  /// the rows of the lower triangle of Z_k^T Z_k.
  /// @note fences: yes, for each group of classes
  template <class Take>
  void for_each_moment(Space const& space, Take const& take) {
    std::vector<double> host(packed_.size());
    for_each_group([&](std::size_t first, std::size_t count) {
      auto const packed = sum_moments(space, first, count);
      impl::copy_to_host(space, Vector<double const, Space>(packed.data(), packed.size()), host,
                         KRATE_LABEL("krate::class_moments: moments are read"));
      for (std::size_t k = 0; k < count; ++k)
        take(first + k, std::span<double const>(host).subspan(k * packed.extent(1), packed.extent(1)));
    });
  }

  /// Adds to class k what for_each_moment() and counts() gave of one, on this rank.
  /// @throws ShapeError if `lower` has another size; ValueError if there is no class k     @note fences: yes
  void add_moment(Space const& space, std::size_t k, std::int64_t samples, std::span<double const> lower) {
    constexpr char const* where = "krate::ClassMoments::add_moment";
    require_value(k < options_.classes, where, "k", k, "must be less than the number of classes");
    Matrix<double, Space> const packed(packed_.data(), 1, packed_.extent(1));
    require_shape(where, "lower", Kokkos::View<double const*, Kokkos::HostSpace>(lower.data(), lower.size()),
                  {packed.extent(1)}, "dim (dim + 1) / 2, a lower triangle");
    space.fence(KRATE_LABEL("krate::class_moments: a moment is written"));
    impl::copy_to_device(space, lower, Vector<double, Space>(packed.data(), packed.size()));
    Rates::add_packed(space, packed, part_of(moments_, k, 1));
    impl::copy_to_device(space, std::span<std::int64_t const>(&samples, 1),
                         Vector<std::int64_t, Space>(totals_.data(), 1));
    krate::add(space, Vector<std::int64_t, Space>(totals_.data(), 1),
               Vector<std::int64_t, Space>(counts_.data() + k, 1));
    space.fence(KRATE_LABEL("krate::class_moments: a moment was added"));
  }

 private:
  static constexpr bool staged = impl::is_device<Space>;
  using HostBuffer = Kokkos::View<double*, Kokkos::HostSpace>;

  explicit ClassMoments(ClassMomentsOptions const& options) : options_(options) {}  // to be measured

  void cut(Workspace<Space>& work) {
    std::size_t const d = options_.dim, classes = options_.classes, group = Rates::group(d, classes);
    // Rows a class at a time, so that reading and writing its moments costs less than the products.
    std::size_t const piece = std::max<std::size_t>(1024, 32 * classes);
    moments_ = work.template take<double>(classes, d, d);
    counts_ = work.template take<std::int64_t>(classes + 1);
    totals_ = work.template take<std::int64_t>(classes + 1);
    rates_ = work.template take<double>(classes + 1);
    whole_ = work.template take<double>(1, Rates::packed_size(d));
    status_ = work.template take<NumericalStatus>();
    packed_ = work.template take<double>(group, Rates::packed_size(d));
    // Rows are sorted while samples come, matrices are factored afterwards: never both.
    Workspace<Space> sorting = work, factoring = work;
    order_ = impl::ClassOrder<Space>(sorting, piece, classes);
    sorted_ = sorting.template take<double>(piece, d);
    factors_ = factoring.template take<double>(group, d, d);
    diagonals_ = factoring.template take<double>(group, d);
    work = sorting.used() > factoring.used() ? sorting : factoring;
  }

  static Tensor3<double, Space> part_of(Tensor3<double, Space> const& all, std::size_t first, std::size_t count) {
    std::size_t const d = all.extent(1);
    return Tensor3<double, Space>(all.data() + first * d * d, count, d, d);
  }

  template <class Work>
  void for_each_group(Work const& work) {
    std::size_t const group = packed_.extent(0);
    for (std::size_t first = 0; first < options_.classes; first += group)
      work(first, std::min(group, options_.classes - first));
  }

  /// Counts of the classes over all ranks, in host_counts_.
  std::span<std::int64_t const> sum_counts(Space const& space, char const* where) {
    impl::copy_to_host(space, counts_, host_counts_, KRATE_LABEL("krate::class_moments: counts are read"));
    comm_.all_reduce(std::span<std::int64_t>(host_counts_));
    std::int64_t const outside = host_counts_.back();
    if (outside > 0)
      throw ValueError(where, std::to_string(outside) + " samples have a label outside [0, " +
                                  std::to_string(options_.classes) +
                                  "), the classes of the constructor; correct the labels");
    return std::span<std::int64_t const>(host_counts_).first(options_.classes);
  }

  /// Moments of classes [first, first + count) over all ranks.
  ConstMatrix<double, Space> sum_moments(Space const& space, std::size_t first, std::size_t count) {
    Matrix<double, Space> const packed(packed_.data(), count, packed_.extent(1));
    Rates::pack(space, part_of(moments_, first, count), packed);
    if (comm_.size() == 1) return packed;
    double* data = packed.data();
    if constexpr (staged) {
      data = host_packed_.data();
      Kokkos::deep_copy(space, Kokkos::subview(host_packed_, Kokkos::pair<std::size_t, std::size_t>(0, packed.size())),
                        Vector<double, Space>(packed.data(), packed.size()));
    }
    space.fence(KRATE_LABEL("krate::class_moments: moments are sent"));
    comm_.all_reduce(std::span<double>(data, packed.size()));
    impl::copy_to_device(space, std::span<double const>(data, packed.size()),
                         Vector<double, Space>(packed.data(), packed.size()));
    return packed;
  }

  /// Rates of matrices whose counts and results have their places from `first` on.
  void rate(Space const& space, ConstMatrix<double, Space> packed, double scale, std::size_t first, std::size_t count) {
    Rates::rates(space, packed, ConstVector<std::int64_t, Space>(totals_.data() + first, count), scale,
                 part_of(factors_, 0, count), Matrix<double, Space>(diagonals_.data(), count, options_.dim), status_,
                 Vector<double, Space>(rates_.data() + first, count), options_.route);
  }

  void require_numbers(char const* where) const {
    auto const bad = std::find_if(host_rates_.begin(), host_rates_.end(), [](double rate) { return !(rate >= 0); });
    if (bad == host_rates_.end()) return;
    auto const k = static_cast<std::size_t>(bad - host_rates_.begin());
    throw NumericalError(where, (k < options_.classes ? "class " + std::to_string(k) : "the sum of the classes") +
                                    " has a rate that is not a number (NaN, infinity or overflow among its samples); "
                                    "clean or normalise the rows");
  }

  comm::Communicator comm_;
  ClassMomentsOptions options_;
  Arena<Space> arena_;
  Tensor3<double, Space> moments_, factors_;  // lower triangles
  Vector<std::int64_t, Space> counts_;        // the last: labels out of range
  Vector<std::int64_t, Space> totals_;        // counts over all ranks; the last: all samples
  Vector<double, Space> rates_;               // of classes; the last: of all samples
  Matrix<double, Space> packed_, whole_, sorted_, diagonals_;
  impl::ClassOrder<Space> order_;
  Value<NumericalStatus, Space> status_;
  HostBuffer host_packed_;
  std::vector<std::int64_t> host_counts_;
  std::vector<double> host_rates_;
};

}  // namespace krate
