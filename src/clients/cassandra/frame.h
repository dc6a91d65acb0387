#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How messages lie on the wire (native_protocol_v4.spec and v5.spec, section 2).
///
/// A message is an *envelope*: nine bytes (version, flags, stream id, opcode, length of the body)
/// and the body. Version 4 sends envelopes as they are, each body compressed on its own. Version 5,
/// after the answer to STARTUP, packs them into *segments* of at most 128 KiB: a header with a
/// CRC-24, the payload, perhaps compressed by LZ4, and its CRC-32. A segment is self-contained
/// (whole envelopes) or holds a part of one large envelope.
namespace windrow::clients::cassandra {

enum class Opcode : uint8_t {
  error = 0x00,
  startup = 0x01,
  ready = 0x02,
  authenticate = 0x03,
  options = 0x05,
  supported = 0x06,
  query = 0x07,
  result = 0x08,
  prepare = 0x09,
  execute = 0x0A,
  event = 0x0C,
  batch = 0x0D,
  auth_challenge = 0x0E,
  auth_response = 0x0F,
  auth_success = 0x10
};

enum class Compression { none, lz4 };

constexpr size_t kEnvelopeHeader = 9;
constexpr size_t kSegmentPayload = (1 << 17) - 1;
constexpr uint8_t kCompressed = 0x01, kTracing = 0x02, kCustomPayload = 0x04, kWarning = 0x08;

struct Envelope {
  uint8_t version = 0;  ///< without the bit of the direction
  uint8_t flags = 0;
  int16_t stream = 0;
  Opcode opcode = Opcode::error;
  std::string body;
};

/// Appends an envelope; in version 4 with its body compressed where that is agreed upon.
void put_envelope(std::string& out, int version, int16_t stream, Opcode opcode,
                  std::string_view body, Compression compression = Compression::none);

/// Appends segments with these envelopes, which must be whole ones.
void put_segments(std::string& out, std::string_view envelopes, Compression compression);

uint32_t crc24(std::string_view bytes);            ///< of a segment's header
uint32_t segment_crc32(std::string_view payload);  ///< with the four bytes it begins from

/// Takes bytes as they arrive and gives whole envelopes, in their order. Error(corrupt) where a
/// checksum is wrong or a length is out of bounds.
class FrameReader {
 public:
  /// Bodies of version 4 are decompressed with it; so are segments after `use_segments`.
  void use(Compression compression) { compression_ = compression; }
  /// From the next byte on the stream is made of segments.
  void use_segments() { segments_ = true; }
  void add(std::string_view bytes) { (segments_ ? raw_ : envelopes_).append(bytes); }
  std::optional<Envelope> next();

 private:
  void unpack_segments();
  bool segments_ = false;
  Compression compression_ = Compression::none;
  std::string raw_;        ///< segments that are not whole
  std::string envelopes_;  ///< what they held
  size_t at_ = 0;          ///< in `envelopes_`
};

}  // namespace windrow::clients::cassandra
