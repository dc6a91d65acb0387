#include "clients/cassandra/frame.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace windrow::clients::cassandra {
namespace {

/// As a node would send it: with the bit of the direction.
std::string answer(int version, int16_t stream, std::string_view body,
                   Compression compression = Compression::none) {
  std::string out;
  put_envelope(out, version, stream, Opcode::result, body, compression);
  out[0] = char(version | 0x80);
  return out;
}

std::string noise(size_t size) {
  std::string out(size, '\0');
  uint32_t state = 7;
  for (auto& byte : out) byte = char((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

TEST(Frame, EnvelopesArriveInPieces) {
  for (const auto compression : {Compression::none, Compression::lz4}) {
    FrameReader reader;
    reader.use(compression);
    const std::string sent = answer(4, 3, "hello", compression) + answer(4, 4, "", compression) +
                             answer(4, 5, std::string(100000, 'x'), compression);
    std::vector<Envelope> got;
    for (const char byte : sent) {
      reader.add({&byte, 1});
      while (auto envelope = reader.next()) got.push_back(*envelope);
    }
    ASSERT_EQ(got.size(), 3u);
    EXPECT_EQ(got[0].body, "hello");
    EXPECT_EQ(got[0].stream, 3);
    EXPECT_EQ(got[1].body, "");
    EXPECT_EQ(got[2].body, std::string(100000, 'x'));
    EXPECT_EQ(got[2].opcode, Opcode::result);
  }
}

TEST(Frame, SegmentsHoldSmallAndLargeEnvelopes) {
  for (const auto compression : {Compression::none, Compression::lz4}) {
    const std::string large = noise(300000);
    std::string envelopes;
    for (int i = 0; i < 5000; ++i) envelopes += answer(5, int16_t(i), std::string(60, 'a'));
    envelopes += answer(5, 1, large) + answer(5, 2, "");
    std::string wire;
    put_segments(wire, envelopes, compression);
    FrameReader reader;
    reader.use(compression);
    reader.use_segments();
    size_t count = 0;
    std::string last;
    for (size_t at = 0; at < wire.size(); at += 1000) {
      reader.add(std::string_view(wire).substr(at, 1000));
      while (auto envelope = reader.next()) {
        if (++count == 5001) last = envelope->body;
      }
    }
    EXPECT_EQ(count, 5002u);
    EXPECT_EQ(last, large);
  }
}

TEST(Frame, EveryChangedByteIsFound) {
  for (const auto compression : {Compression::none, Compression::lz4}) {
    std::string wire;
    put_segments(wire, answer(5, 1, "some text that is long enough, long enough, long enough"),
                 compression);
    for (size_t i = 0; i < wire.size(); ++i) {
      std::string broken = wire;
      broken[i] = char(broken[i] ^ 0x10);
      FrameReader reader;
      reader.use(compression);
      reader.use_segments();
      reader.add(broken);
      EXPECT_THROW(reader.next(), Error) << "byte " << i;
    }
  }
}

TEST(Frame, OddLengthsAreRefused) {
  FrameReader reader;
  std::string sent = answer(4, 1, "x");
  sent[5] = char(0x7F);
  reader.add(sent);
  EXPECT_THROW(reader.next(), Error);
  FrameReader other;
  other.add("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_THROW(other.next(), Error);
}

}  // namespace
}  // namespace windrow::clients::cassandra
