#include "operators/risk/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace windrow::operators::risk {
namespace {

using Four = std::array<uint32_t, 4>;

Four enciphered(const Four& counter, const std::array<uint32_t, 2>& key) {
  Four out;
  philox(counter.data(), key.data(), out.data());
  return out;
}

TEST(Philox, IsThatOfItsAuthors) {  // kat_vectors of Random123
  EXPECT_EQ(enciphered({}, {}), (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(enciphered({ones, ones, ones, ones}, {ones, ones}),
            (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(enciphered({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Normals, AreThoseOfBoxAndMuller) {
  constexpr uint64_t kSeed = 0x123456789abc, kPath = (uint64_t(5) << 32) + 3 * kLanes;
  std::vector<float> normals(4 * kLanes);
  draw_normals(kSeed, kPath, 9, normals.data());
  for (uint32_t i = 0; i < kLanes; ++i) {
    const auto x = enciphered({uint32_t(kPath) + i, 5, 9, 0}, {0x56789abc, 0x1234});
    for (size_t pair : {0, 2}) {
      const double u = (double(x[pair] / 2) + 0.5) / 2147483648.0, v = x[pair + 1] / 4294967296.0;
      const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
      EXPECT_NEAR(normals[pair * kLanes + i], radius * std::cos(angle), 3e-6);
      EXPECT_NEAR(normals[(pair + 1) * kLanes + i], radius * std::sin(angle), 3e-6);
    }
  }
}

TEST(Normals, HaveTheMomentsOfNormals) {
  std::vector<float> normals(4 * kLanes);
  double sums[5] = {}, product = 0;
  int64_t beyond = 0;
  constexpr int kTimes = 4000;
  for (int i = 0; i < kTimes; ++i) {
    draw_normals(1, uint64_t(i) * kLanes, 2, normals.data());
    for (size_t j = 0; j < normals.size(); ++j) {
      const double z = normals[j];
      for (int power = 1; power < 5; ++power) sums[power] += std::pow(z, power);
      beyond += z < -2.3263478740408408;
      product += j >= kLanes ? z * normals[j - kLanes] : 0;
    }
  }
  const double count = kTimes * 4.0 * kLanes;  // four million: standard errors below
  EXPECT_NEAR(sums[1] / count, 0, 5 * 0.0005);
  EXPECT_NEAR(sums[2] / count, 1, 5 * 0.0007);
  EXPECT_NEAR(sums[3] / count, 0, 5 * 0.0020);
  EXPECT_NEAR(sums[4] / count, 3, 5 * 0.0048);
  EXPECT_NEAR(double(beyond) / count, 0.01, 5 * 0.00005);
  EXPECT_NEAR(product / (count * 3 / 4), 0, 5 * 0.0006);
}

TEST(Grow, IsExpMinusOne) {
  for (const double scale : {1e-9, 0.01, 1.0, 5.0}) {
    std::array<double, kLanes> values, expected;
    for (size_t i = 0; i < kLanes; ++i) {
      values[i] = (double(i) - kLanes / 2.0) * scale;
      expected[i] = std::expm1(std::min(700.0, std::max(-700.0, values[i])));
    }
    auto found = values;
    grow(found.data());
    for (size_t i = 0; i < kLanes; ++i)
      EXPECT_NEAR(found[i], expected[i], 2e-15 * (expected[i] + 1)) << values[i];
  }
}

}  // namespace
}  // namespace windrow::operators::risk
