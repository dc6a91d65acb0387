#include "operators/risk/random.h"

#include <bit>
#include <cmath>

// This file is compiled without contraction (CMakeLists.txt): each operation is rounded by itself,
// so that every processor gives the same bits. Its loops are plain ones, written so that GCC makes
// vectors of them.
namespace windrow::operators::risk {
namespace {

struct Words {
  uint32_t x0, x1, x2, x3;
};

[[gnu::always_inline]] inline Words philox_words(Words x, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(x.x0) * 0xD2511F53u, b = uint64_t(x.x2) * 0xCD9E8D57u;
    x = {uint32_t(b >> 32) ^ x.x1 ^ k0, uint32_t(b), uint32_t(a >> 32) ^ x.x3 ^ k1, uint32_t(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return x;
}

/// √(−2 ln u), u = (⌊x / 2⌋ + ½) / 2³¹. The polynomial is that of Cephes' logf (Moshier).
[[gnu::always_inline]] inline float radius(uint32_t x) {
  const float u = float(int32_t(x >> 1)) + 0.5f;  // × 2⁻³¹, which is taken off the exponent
  const int32_t bits = std::bit_cast<int32_t>(u);
  const int32_t exponent = (bits - 0x3f3504f3) >> 23;  // so that the mantissa is from √½ to √2
  const float m = std::bit_cast<float>(bits - (exponent << 23)) - 1.0f;
  const float e = float(exponent - 31);
  const float square = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float log = p * m * square;
  log = log - 2.12194440e-4f * e;
  log = log - 0.5f * square;
  log = log + m;
  log = log + 0.693359375f * e;
  return std::sqrt(log < 0.0f ? -2.0f * log : 0.0f);
}

struct Turn {
  float cos, sin;
};

/// cos and sin of 2πx / 2³². The polynomials are those of Cephes' sinf and cosf.
[[gnu::always_inline]] inline Turn turn(uint32_t x) {
  const uint32_t quarter = (x + 0x20000000u) >> 30;                        // the nearest, modulo 4
  const float t = float(int32_t(x - (quarter << 30))) * 1.4629180793e-9f;  // π / 2³¹
  const float square = t * t;
  float sin = -1.9515295891e-4f;
  sin = sin * square + 8.3321608736e-3f;
  sin = sin * square - 1.6666654611e-1f;
  sin = sin * square * t + t;
  float cos = 2.443315711809948e-5f;
  cos = cos * square - 1.388731625493765e-3f;
  cos = cos * square + 4.166664568298827e-2f;
  cos = cos * square * square - 0.5f * square + 1.0f;
  const bool swapped = (quarter & 1u) != 0;
  const auto c = std::bit_cast<uint32_t>(swapped ? sin : cos) ^ (((quarter + 1u) & 2u) << 30);
  const auto s = std::bit_cast<uint32_t>(swapped ? cos : sin) ^ ((quarter & 2u) << 30);
  return {std::bit_cast<float>(c), std::bit_cast<float>(s)};
}

}  // namespace

void draw_normals(uint64_t seed, uint64_t path, uint32_t quarter, float* out) {
  const auto k0 = uint32_t(seed), k1 = uint32_t(seed >> 32), low = uint32_t(path),
             high = uint32_t(path >> 32);  // kLanes paths from a multiple of it: no carry
  alignas(64) uint32_t x0[kLanes], x1[kLanes], x2[kLanes], x3[kLanes];
  for (uint32_t i = 0; i < kLanes; ++i) {
    const Words x = philox_words({low + i, high, quarter, 0}, k0, k1);
    x0[i] = x.x0;
    x1[i] = x.x1;
    x2[i] = x.x2;
    x3[i] = x.x3;
  }
  for (size_t i = 0; i < kLanes; ++i) {
    const float r = radius(x0[i]);
    const Turn by = turn(x1[i]);
    out[i] = r * by.cos;
    out[kLanes + i] = r * by.sin;
  }
  for (size_t i = 0; i < kLanes; ++i) {
    const float r = radius(x2[i]);
    const Turn by = turn(x3[i]);
    out[2 * kLanes + i] = r * by.cos;
    out[3 * kLanes + i] = r * by.sin;
  }
}

void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  const Words x = philox_words({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
  out[0] = x.x0;
  out[1] = x.x1;
  out[2] = x.x2;
  out[3] = x.x3;
}

void grow(double* values) {
  constexpr double kShift = 6755399441055744.0;  // 1.5 × 2⁵²: what is added to it becomes whole
  for (size_t i = 0; i < kLanes; ++i) {
    double x = values[i] < -700.0 ? -700.0 : values[i];
    x = x > 700.0 ? 700.0 : x;
    const double shifted = x * 1.4426950408889634 + kShift;
    const double whole = shifted - kShift;
    const double t = (x - whole * 0.693145751953125) - whole * 1.42860682030941723212e-6;
    double p = 1.0 / 479001600;  // Taylor: |t| ≤ ln 2 / 2
    p = p * t + 1.0 / 39916800;
    p = p * t + 1.0 / 3628800;
    p = p * t + 1.0 / 362880;
    p = p * t + 1.0 / 40320;
    p = p * t + 1.0 / 5040;
    p = p * t + 1.0 / 720;
    p = p * t + 1.0 / 120;
    p = p * t + 1.0 / 24;
    p = p * t + 1.0 / 6;
    p = p * t + 0.5;
    p = (p * t) * t + t;  // exp(t) − 1
    const auto power = std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + 1023) << 52);
    values[i] = p * power + (power - 1.0);
  }
}

void add_scaled(double factor, const float* in, double* out) {
  for (size_t i = 0; i < kLanes; ++i) out[i] += factor * double(in[i]);
}

void add_scaled(double factor, const double* in, double* out) {
  for (size_t i = 0; i < kLanes; ++i) out[i] += factor * in[i];
}

}  // namespace windrow::operators::risk
