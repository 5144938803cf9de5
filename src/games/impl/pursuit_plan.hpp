// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A game's sizes, and where its numbers lie.
#pragma once

#include "krate/games/pursuit.hpp"

namespace krate::games::impl {

struct PursuitPlan {
  PursuitRule rule;
  int width, dim, classes;
  int batch;  ///< samples of a step; 0: the data are a factor already
  int rows;   ///< at most so many of the factor of a step
  std::int64_t samples_at, labels_at, orders_at, state_at, scratch_at;

  KOKKOS_INLINE_FUNCTION int map_size() const { return width * dim; }
  KOKKOS_INLINE_FUNCTION double b() const { return width / rule.eps_squared; }
  KOKKOS_INLINE_FUNCTION bool thin() const {  // which form of the decoder's step needs fewer operations
    return 2.0 * rows * dim < 1.0 * width * (dim + rows);
  }
};

/// The changing numbers of a game. The decoder stands transposed: all are [width, dim].
struct PursuitState {
  double *encoder, *decoder, *encoder_mean, *encoder_square, *decoder_mean, *decoder_square, *curve;

  static std::size_t size(std::size_t map, std::size_t steps) { return 6 * map + 2 * steps; }
  KOKKOS_INLINE_FUNCTION PursuitState(double* at, int map)
      : encoder(at),
        decoder(at + map),
        encoder_mean(at + 2 * map),
        encoder_square(at + 3 * map),
        decoder_mean(at + 4 * map),
        decoder_square(at + 5 * map),
        curve(at + 6 * map) {}
};

/// Scratch of a game: factor rows b with b^T b the moments of the classes, one class after another, and what follows.
struct PursuitScratch {
  double *factor, *decoded;                             // [rows, dim], decoded: [max(rows, batch), dim]
  double* spread;                                       // [rows, dim]
  double *codes, *lean, *recoded, *slope, *more;        // [rows, width]
  double* gradient;                                     // [width, dim]
  double* square[3];                                    // [largest of rows and width, the same]
  double* inverse;                                      // [rows, rows]
  double *counts, *offsets, *lean_offsets;              // [classes + 1]; offsets are whole numbers
  double *multipliers, *next, *excess, *step, *system;  // of the projection
  double* diagonal;                                     // [largest of dim and width]
  std::int64_t size = 0;

  KOKKOS_INLINE_FUNCTION PursuitScratch(double* at, int rows, int batch, int width, int dim, int classes) {
    auto const take = [&](std::int64_t count) {
      double* const found = at + size;
      size += (count + 7) / 8 * 8;
      return found;
    };
    std::int64_t const r = rows, w = width, d = dim, side = rows > width ? rows : width;
    factor = take(r * d);
    decoded = take((rows > batch ? rows : batch) * d);
    spread = take(r * d);
    codes = take(r * w);
    lean = take(r * w);
    recoded = take(r * w);
    slope = take(r * w);
    more = take(r * w);
    gradient = take(w * d);
    for (auto*& s : square) s = take(side * side);
    inverse = take(r * r);
    counts = take(classes + 1);
    offsets = take(classes + 1);
    lean_offsets = take(classes + 1);
    multipliers = take(classes);
    next = take(classes);
    excess = take(classes);
    step = take(classes);
    system = take(std::int64_t(classes) * classes);
    diagonal = take(dim > width ? dim : width);
  }
};

/// The rows of class j, of those that offsets tell apart.
struct ClassRows {
  int begin, count;
  KOKKOS_INLINE_FUNCTION ClassRows(double const* offsets, int j)
      : begin(static_cast<int>(offsets[j])), count(static_cast<int>(offsets[j + 1]) - begin) {}
};

}  // namespace krate::games::impl
