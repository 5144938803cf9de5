// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <limits>
#include <span>

#include "krate/comm/communicator.hpp"
#include "krate/core/arena.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/fetch.hpp"
#include "krate/linalg/impl/first_not_finite_decl.hpp"
#include "krate/rate/impl/moment_decl.hpp"
#include "krate/rate/impl/rate_parts_decl.hpp"

namespace krate {

struct RateAccumulatorOptions {
  std::size_t dim = 0;             ///< columns of what is added
  double eps_squared = 0;          ///< squared distortion, positive
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

/// Coding rate of samples that arrive in pieces and lie on many ranks: the object face of coding_rate(). It keeps the
/// second moments Z^T Z, so that the memory it owns depends on dim alone; sums over pieces and ranks give the rate of
/// all samples together, with the count over all ranks in alpha. Moments are double whatever the scalar `T` of the
/// samples. Not copied: one object, one stream of samples.
/// @note allocates: in the constructor only; add() and gradient() do not fence
template <class Space, class T>
class RateAccumulator {
 public:
  /// @param comm  the ranks whose samples count together; make it with comm::Communicator(), or pass {} for one rank
  /// @throws ValueError if dim or eps_squared is not positive
  RateAccumulator(Space const& space, comm::Communicator comm, RateAccumulatorOptions const& options)
      : comm_(std::move(comm)), options_(options) {
    static_assert(is_instantiated<Space, T>,
                  "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
    constexpr char const* where = "krate::RateAccumulator";
    require_value(options.dim > 0, where, "dim", options.dim, "must be positive");
    impl::require_eps_squared(where, options.eps_squared);
    arena_ = Arena<Space>(space, measure<Space>([&](Workspace<Space>& work) { cut(work); }), "krate::rate_accumulator");
    auto work = arena_.workspace();
    cut(work);
    if (staged)
      host_ = HostBuffer(Kokkos::view_alloc("krate::rate_accumulator::host", Kokkos::WithoutInitializing),
                         packed_.extent(0));
    reset(space);
  }
  RateAccumulator(RateAccumulator&&) = default;
  RateAccumulator& operator=(RateAccumulator&&) = default;

  /// Forgets all samples. @note fences: no
  void reset(Space const& space) {
    fill(space, moment_, 0);
    samples_ = 0;
    is_factored_ = false;
  }

  /// Adds the rows of z [samples, dim], any layout, on this rank: no copy, allocation or fence.
  /// @throws ShapeError if z has another number of columns     @note bitwise repeatable: yes
  template <class Z>
  void add(Space const& space, Z const& z) {
    require_scalar<Z>();
    require_shape("krate::RateAccumulator::add", "z", z, {z.extent(0), options_.dim}, "dim is that of the constructor");
    is_factored_ = false;
    if (z.extent(0) == 0) return;
    impl::RateParts<Space, T>::add_moment(space, 1, as_strided<Space>(z), 1, chunks_, moment_, options_.route);
    samples_ += static_cast<std::int64_t>(z.extent(0));
  }

  /// Samples added on this rank.
  std::int64_t samples() const { return samples_; }

  /// Collective: the coding rate of all samples of all ranks, the same bits on every rank; 0 without samples.
  /// @throws NumericalError on all ranks, with the first column that is bad, if a sample held a NaN or an infinity or
  /// the moments overflow
  /// @note fences: once with one rank; with several also before the one all-reduce, whose sums are in the order of the
  /// ranks
  double result(Space const& space) {
    constexpr char const* where = "krate::RateAccumulator::result";
    impl::Moment<Space, double>::pack(space, moment_, static_cast<double>(samples_), packed_);
    double const samples = comm_.size() > 1 ? reduce(space) : static_cast<double>(samples_);
    alpha_ = samples > 0 ? static_cast<double>(options_.dim) / (samples * options_.eps_squared) : 0;
    impl::Moment<Space, double>::unpack(space, packed_, alpha_, factor_);
    impl::RateParts<Space, T>::factorize(space, alpha_, {}, factor_, vectors_, status_, rate_, options_.route);
    double const rate = fetch(space, rate_, KRATE_LABEL("krate::rate_accumulator: result is read"));
    if (!(rate >= 0)) throw_not_a_number(space, where);
    is_factored_ = true;
    return rate;
  }

  /// Gradient of the last result() with respect to rows z that were added: g = alpha z (I + alpha Z^T Z)^{-1}, with Z
  /// all samples of all ranks. Any samples may be passed, in any pieces.
  /// @param g  same shape and scalar as z, any layout, written; must not overlap z
  /// @throws ShapeError if extents disagree; ValueError if samples were added or forgotten since the last result()
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  template <class Z, class G>
  void gradient(Space const& space, Z const& z, G const& g) {
    constexpr char const* where = "krate::RateAccumulator::gradient";
    require_scalar<Z>();
    require_value(is_factored_, where, "samples", samples_,
                  "changed since the rate was computed; call result() after the last add()");
    require_shape(where, "z", z, {z.extent(0), options_.dim}, "dim is that of the constructor");
    require_shape(where, "g", g, {z.extent(0), options_.dim}, "same shape as z");
    impl::RateParts<Space, T>::multiply_inverse(space, alpha_, as_strided<Space>(z), factor_, spare_,
                                                as_strided<Space>(g), options_.route);
  }

 private:
  static constexpr bool staged = impl::is_device<Space>;
  using HostBuffer = Kokkos::View<double*, Kokkos::HostSpace>;

  template <class Z>
  static constexpr void require_scalar() {
    static_assert(std::is_same_v<typename Z::non_const_value_type, T>, "z must have the accumulator's scalar type");
  }

  void cut(Workspace<Space>& work) {
    std::size_t const d = options_.dim;
    moment_ = work.template take<double>(d, d);
    factor_ = work.template take<double>(d, d);
    vectors_ = work.template take<double>(2, d);
    chunks_ = impl::MomentScratch<Space>(work, std::numeric_limits<std::size_t>::max() / 2, d);
    packed_ = work.template take<double>(impl::Moment<Space, double>::packed_size(d));
    rate_ = work.template take<double>();
    status_ = work.template take<NumericalStatus>();
    spare_ = work;
    // Few rows are solved for at once, many are multiplied piece by piece: these are the two largest cases.
    Workspace<Space> few = work, many = work;
    impl::InverseScratch<Space>(few, 2 * d - 1, d);
    impl::InverseScratch<Space>(many, std::max(2 * d, impl::rate_chunk), d);
    work = few.used() > many.used() ? few : many;
  }

  /// Sums `packed_` over ranks; returns the number of samples.
  double reduce(Space const& space) {
    std::size_t const size = packed_.extent(0);
    double* data = packed_.data();
    if constexpr (staged) {
      data = host_.data();
      Kokkos::deep_copy(space, host_, packed_);
    }
    space.fence(KRATE_LABEL("krate::rate_accumulator: moments are sent"));
    comm_.all_reduce(std::span<double>(data, size));
    if constexpr (staged) Kokkos::deep_copy(space, packed_, host_);
    return data[size - 1];
  }

  /// A bad sample spoils the square of its column, and only that.
  [[noreturn]] void throw_not_a_number(Space const& space, char const* where) {
    impl::Moment<Space, double>::unpack(space, packed_, 1, factor_);
    std::size_t const d = options_.dim;
    ConstStrided<double, Space> const squares(factor_.data(), Kokkos::LayoutStride(d, d + 1, 1, 1));
    std::int64_t const column = impl::FirstNotFinite<Space, double>::find(space, squares);
    throw NumericalError(where, column >= 0 ? "column " + std::to_string(column) +
                                                  " of the samples has a NaN, an infinity or squares that overflow; "
                                                  "clean or scale the samples"
                                            : "the moments overflow where eps_squared divides them; scale the samples "
                                              "or raise eps_squared");
  }

  comm::Communicator comm_;
  RateAccumulatorOptions options_;
  Arena<Space> arena_;
  Matrix<double, Space> moment_, factor_, vectors_;
  impl::MomentScratch<Space> chunks_;
  Vector<double, Space> packed_;
  Value<double, Space> rate_;
  Value<NumericalStatus, Space> status_;
  Workspace<Space> spare_;
  HostBuffer host_;
  std::int64_t samples_ = 0;
  double alpha_ = 0;
  bool is_factored_ = false;
};

}  // namespace krate
