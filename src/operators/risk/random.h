#pragma once

#include <cstddef>
#include <cstdint>

namespace windrow::operators::risk {

/// How many paths are drawn at once.
inline constexpr size_t kLanes = 256;

/// Four standard normals for each of kLanes paths: those with the numbers 4 × `quarter` on of the
/// paths from `path` on. `out` has one row of kLanes for each of the four.
///
/// They are a function of seed, path and number alone, so that it does not matter who draws them
/// and when, and the same bits on every processor: Philox4x32-10 (Salmon, Moraes, Dror and Shaw:
/// Parallel Random Numbers: As Easy as 1, 2, 3, 2011) with the key (low, high half of the seed) and
/// the counter (low, high half of the path, quarter, 0), whose words x0 … x3 become by Box and
/// Muller
///   √(−2 ln u) cos 2πv, √(−2 ln u) sin 2πv  with u = (⌊x0 / 2⌋ + ½) / 2³¹ and v = x1 / 2³²,
/// and the same of x2 and x3. Computed in single precision: none is beyond ±6.7.
void draw_normals(uint64_t seed, uint64_t path, uint32_t quarter, float* out);

/// The counter's 128 bits, enciphered: for tests.
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/// exp(x) − 1 of kLanes numbers, within 2e-15 × exp(x) and the same bits on every
/// processor; beyond ±700 as at ±700.
void grow(double* values);

/// out[i] += factor × in[i] for kLanes numbers: one product and one sum, each rounded.
void add_scaled(double factor, const float* in, double* out);
void add_scaled(double factor, const double* in, double* out);

}  // namespace windrow::operators::risk
