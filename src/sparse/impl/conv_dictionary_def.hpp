// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/sparse/conv_dictionary.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// Places of a patch: in memory its columns and channels lie one after the other, as they do in an image.
struct PatchPlaces {
  std::int64_t channels, height, width, kernel, stride, padding, code_height, code_width;
  explicit PatchPlaces(ConvShape const& s)
      : channels(static_cast<std::int64_t>(s.channels)),
        height(static_cast<std::int64_t>(s.height)),
        width(static_cast<std::int64_t>(s.width)),
        kernel(static_cast<std::int64_t>(s.kernel)),
        stride(static_cast<std::int64_t>(s.stride)),
        padding(static_cast<std::int64_t>(s.padding)),
        code_height(static_cast<std::int64_t>(s.code_height())),
        code_width(static_cast<std::int64_t>(s.code_width())) {}
  KOKKOS_FUNCTION std::int64_t column_size() const { return kernel * channels; }
  /// Where in memory the columns of a patch begin in a row of pixels; may lie before the row.
  KOKKOS_FUNCTION std::int64_t pixel(std::int64_t image, std::int64_t row, std::int64_t b) const {
    return ((image * height + row) * width + b * stride - padding) * channels;
  }
  /// What of a patch's columns is inside the image.
  KOKKOS_FUNCTION Kokkos::pair<std::int64_t, std::int64_t> inside(std::int64_t b) const {
    std::int64_t const left = b * stride - padding, last = Kokkos::min(kernel, width - left) * channels;
    std::int64_t const first = Kokkos::max(std::int64_t(0), -left) * channels;
    return {first, Kokkos::max(first, last)};
  }
  /// Position of an element of an atom [channels, kernel, kernel] in a patch [kernel, kernel, channels].
  KOKKOS_FUNCTION std::int64_t in_patch(std::int64_t e) const {
    std::int64_t const square = kernel * kernel, c = e / square, place = e % square;
    return place * channels + c;
  }
};

/// packed = dict with its channels last; one team an atom.
template <class Space, class T>
struct PackAtom {
  PatchPlaces at;
  ConstMatrix<T, Space> dict;
  Matrix<T, Space> packed;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const o = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<std::int64_t>(dict.extent(1))),
                         [&](std::int64_t e) { packed(o, at.in_patch(e)) = dict(o, e); });
  }
};
template <class Space, class T>
struct AddPackedAtom {
  PatchPlaces at;
  ConstMatrix<T, Space> packed;
  T alpha;
  Matrix<T, Space> dict;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const o = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<std::int64_t>(dict.extent(1))),
                         [&](std::int64_t e) { dict(o, e) += alpha * packed(o, at.in_patch(e)); });
  }
};

/// The patch of each place of the code, zeros where it hangs over the edge; one team a row of places.
template <class Space, class T>
struct GatherPatches {
  PatchPlaces at;
  ConstMatrix<T, Space> x;
  Matrix<T, Space> patches;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const image = team.league_rank() / at.code_height, a = team.league_rank() % at.code_height;
    for (std::int64_t b = 0; b < at.code_width; ++b) {
      auto const range = at.inside(b);
      std::int64_t const begin = range.first, end = range.second;
      T* const patch = &patches(team.league_rank() * at.code_width + b, 0);
      for (std::int64_t i = 0; i < at.kernel; ++i) {
        std::int64_t const row = a * at.stride - at.padding + i;
        bool const inside = row >= 0 && row < at.height;
        T* const out = patch + i * at.column_size();
        std::int64_t const first = inside ? begin : 0, last = inside ? end : 0;
        T const* const in = x.data();
        std::int64_t const from = at.pixel(image, row, b);
        if constexpr (is_device<Space>) {
          Kokkos::parallel_for(Kokkos::TeamVectorRange(team, at.column_size()),
                               [&](std::int64_t e) { out[e] = e >= first && e < last ? in[from + e] : T(0); });
        } else {
          std::fill_n(out, first, T(0));
          if (last > first) std::copy_n(in + (from + first), last - first, out + first);
          std::fill_n(out + last, at.column_size() - last, T(0));
        }
      }
    }
  }
};

/// x = alpha (sum of the patches over a pixel) + beta x; one team a row of pixels.
template <class Space, class T>
struct SumPatches {
  PatchPlaces at;
  ConstMatrix<T, Space> patches;
  T alpha, beta;
  Matrix<T, Space> x;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const image = team.league_rank() / at.height, row = team.league_rank() % at.height;
    T* const pixels = x.data() + team.league_rank() * at.width * at.channels;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, at.width * at.channels),
                         [&](std::int64_t e) { pixels[e] = beta == T(0) ? T(0) : beta * pixels[e]; });
    for (std::int64_t a = 0; a < at.code_height; ++a) {
      std::int64_t const i = row + at.padding - a * at.stride;
      if (i < 0 || i >= at.kernel) continue;
      for (std::int64_t b = 0; b < at.code_width; ++b) {
        auto const range = at.inside(b);
        std::int64_t const begin = range.first, end = range.second;
        T const* const patch = &patches((image * at.code_height + a) * at.code_width + b, i * at.column_size());
        T* const out = x.data();
        std::int64_t const to = at.pixel(image, row, b);
        if constexpr (is_device<Space>) team.team_barrier();  // patches side by side overlap
        Kokkos::parallel_for(Kokkos::TeamVectorRange(team, begin, end),
                             [&](std::int64_t e) { out[to + e] += alpha * patch[e]; });
      }
    }
  }
};

/// One team an atom.
template <class Space, class T>
struct NormalizeAtom {
  Matrix<T, Space> dict;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const o = team.league_rank(), size = static_cast<std::int64_t>(dict.extent(1));
    T const length = Kokkos::sqrt(row_sum<T>(team, size, [&](std::int64_t e) { return dict(o, e) * dict(o, e); }));
    team.team_barrier();
    if (length > T(0))
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, size), [&](std::int64_t e) { dict(o, e) /= length; });
  }
};

/// The dictionary with channels last, and the patches of so many images that they stay in a cache.
template <class Space, class T>
struct ConvScratch {
  Matrix<T, Space> packed, patches;
  std::size_t images;  ///< at a time
  template <class W>
  ConvScratch(W& work, ConvShape const& s) : packed(work.template take<T>(s.atoms, s.patch())), images(s.batch) {
    if (s.is_whole()) return;
    std::size_t const places = s.code_height() * s.code_width(), most = std::size_t(1) << (is_device<Space> ? 24 : 19);
    images = std::clamp<std::size_t>(most / std::max<std::size_t>(1, places * s.patch()), 1,
                                     std::max<std::size_t>(1, s.batch));
    patches = work.template take<T>(images * places, s.patch());
  }
};

template <class M>
M some_rows(M const& m, std::size_t begin, std::size_t count) {
  return Kokkos::subview(m, Kokkos::pair<std::size_t, std::size_t>(begin, begin + count), Kokkos::ALL);
}

/// Calls `use(patches, begin, part)` for one block of images after the other: `begin` its first place of the code, and
/// `part` the shape of the block.
template <class Space, class T, class Use>
void for_each_block(ConvShape const& shape, ConvScratch<Space, T> const& scratch, Use const& use) {
  std::size_t const places = shape.code_height() * shape.code_width();
  for (std::size_t begin = 0; begin < shape.batch; begin += scratch.images) {
    ConvShape part = shape;
    part.batch = std::min(scratch.images, shape.batch - begin);
    use(begin, begin * places, part);
  }
}

template <class Space, class T>
std::size_t ConvDictionary<Space, T>::bytes(ConvShape const& shape) {
  return measure<Space>([&](auto& work) { ConvScratch<Space, T>(work, shape); });
}

template <class Space, class T>
void pack_atoms(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> dict, Matrix<T, Space> packed) {
  Kokkos::parallel_for(KRATE_LABEL("krate::conv_dictionary::pack"), rows(space, shape.atoms),
                       PackAtom<Space, T>{PatchPlaces(shape), dict, packed});
}

/// The patches of a block of images.
template <class Space, class T>
ConstMatrix<T, Space> gather_patches(Space const& space, ConvShape const& part, std::size_t first,
                                     ConstMatrix<T, Space> x, ConvScratch<Space, T> const& scratch) {
  std::size_t const size = part.height * part.width;
  T const* const data = x.data() + first * size * part.channels;
  if (part.is_whole()) return ConstMatrix<T, Space>(data, part.batch, part.patch());
  Matrix<T, Space> const patches(scratch.patches.data(), part.codes(), part.patch());
  Kokkos::parallel_for(
      KRATE_LABEL("krate::conv_dictionary::gather"), rows(space, part.batch * part.code_height()),
      GatherPatches<Space, T>{PatchPlaces(part), ConstMatrix<T, Space>(data, part.pixels(), part.channels), patches});
  return patches;
}

template <class Space, class T>
void ConvDictionary<Space, T>::analyze(Space const& space, ConvShape const& shape, T alpha, ConstMatrix<T, Space> x,
                                       ConstMatrix<T, Space> dict, T beta, Matrix<T, Space> code,
                                       Workspace<Space> work) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::analyze"));
  ConvScratch<Space, T> const scratch(work, shape);
  pack_atoms<Space, T>(space, shape, dict, scratch.packed);
  for_each_block(shape, scratch, [&](std::size_t first, std::size_t begin, ConvShape const& part) {
    auto const patches = gather_patches<Space, T>(space, part, first, x, scratch);
    gemm(space, "N", "T", alpha, patches, scratch.packed, beta, some_rows(code, begin, part.codes()));
  });
}

template <class Space, class T>
void ConvDictionary<Space, T>::synthesize(Space const& space, ConvShape const& shape, T alpha,
                                          ConstMatrix<T, Space> code, ConstMatrix<T, Space> dict, T beta,
                                          Matrix<T, Space> x, Workspace<Space> work) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::synthesize"));
  ConvScratch<Space, T> const scratch(work, shape);
  pack_atoms<Space, T>(space, shape, dict, scratch.packed);
  for_each_block(shape, scratch, [&](std::size_t first, std::size_t begin, ConvShape const& part) {
    auto const codes = some_rows(code, begin, part.codes());
    T* const data = x.data() + first * part.height * part.width * part.channels;
    if (part.is_whole()) {
      gemm(space, "N", "N", alpha, codes, scratch.packed, beta, Matrix<T, Space>(data, part.batch, part.patch()));
      return;
    }
    Matrix<T, Space> const patches(scratch.patches.data(), part.codes(), part.patch());
    gemm(space, "N", "N", T(1), codes, scratch.packed, T(0), patches);
    Kokkos::parallel_for(KRATE_LABEL("krate::conv_dictionary::sum"), rows(space, part.batch * part.height),
                         SumPatches<Space, T>{PatchPlaces(part), patches, alpha, beta,
                                              Matrix<T, Space>(data, part.pixels(), part.channels)});
  });
}

template <class Space, class T>
void ConvDictionary<Space, T>::gradient(Space const& space, ConvShape const& shape, T alpha, ConstMatrix<T, Space> x,
                                        ConstMatrix<T, Space> code, Matrix<T, Space> ddict, Workspace<Space> work) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::dictionary_gradient"));
  if (shape.batch == 0) return;
  ConvScratch<Space, T> const scratch(work, shape);
  for_each_block(shape, scratch, [&](std::size_t first, std::size_t begin, ConvShape const& part) {
    auto const patches = gather_patches<Space, T>(space, part, first, x, scratch);
    gemm(space, "T", "N", T(1), some_rows(code, begin, part.codes()), patches, T(first > 0), scratch.packed);
  });
  Kokkos::parallel_for(KRATE_LABEL("krate::conv_dictionary::add"), rows(space, shape.atoms),
                       AddPackedAtom<Space, T>{PatchPlaces(shape), scratch.packed, alpha, ddict});
}

template <class Space, class T>
void ConvDictionary<Space, T>::normalize(Space const& space, Matrix<T, Space> dict) {
  Kokkos::parallel_for(KRATE_LABEL("krate::normalize_atoms"), rows(space, dict.extent(0)),
                       NormalizeAtom<Space, T>{dict});
}

}  // namespace krate::impl
