#include "clients/cassandra/frame.h"

#include <lz4.h>
#include <zlib.h>

#include <algorithm>

#include "clients/cassandra/wire.h"

namespace windrow::clients::cassandra {

namespace {

constexpr int kBodyMax = 256 << 20;  // what Cassandra itself takes at most
constexpr size_t kPlainHeader = 6, kCompressedHeader = 8, kTrailer = 4;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(Code::corrupt, "cassandra sent " + what,
              "is another program listening at that port, or does something change the bytes?");
}

std::string lz4_pack(std::string_view bytes) {
  std::string out(size_t(LZ4_compressBound(int(bytes.size()))), '\0');
  const int size =
      LZ4_compress_default(bytes.data(), out.data(), int(bytes.size()), int(out.size()));
  out.resize(size_t(size));
  return out;
}

std::string lz4_unpack(std::string_view bytes, size_t size) {
  std::string out(size, '\0');
  const int got = LZ4_decompress_safe(bytes.data(), out.data(), int(bytes.size()), int(size));
  if (got != int(size)) corrupt("bytes that do not decompress");
  return out;
}

/// Of version 4: the length before the compressed bytes.
std::string unpack_body(std::string_view body, Compression compression) {
  if (compression != Compression::lz4) corrupt("a compressed message where none was agreed upon");
  const auto size = WireReader(body).number<int32_t>();
  if (size < 0 || size > kBodyMax) corrupt("a message of an impossible length");
  return lz4_unpack(body.substr(4), size_t(size));
}

void put_little_endian(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += char(value >> (8 * i));
}
uint64_t little_endian(const char* bytes, int count) {
  uint64_t out = 0;
  for (int i = count; i-- > 0;) out = out << 8 | uint8_t(bytes[i]);
  return out;
}

void put_segment(std::string& out, std::string_view payload, bool self_contained,
                 Compression compression) {
  const size_t begin = out.size();
  if (compression == Compression::none) {
    put_little_endian(out, payload.size() | uint64_t(self_contained) << 17, 3);
    put_little_endian(out, crc24(std::string_view(out).substr(begin)), 3);
    out += payload;
    put_little_endian(out, segment_crc32(payload), 4);
    return;
  }
  const std::string packed = lz4_pack(payload);
  const bool smaller = packed.size() < payload.size();
  const std::string_view sent = smaller ? std::string_view(packed) : payload;
  put_little_endian(
      out,
      sent.size() | uint64_t(smaller ? payload.size() : 0) << 17 | uint64_t(self_contained) << 34,
      5);
  put_little_endian(out, crc24(std::string_view(out).substr(begin)), 3);
  out += sent;
  put_little_endian(out, segment_crc32(sent), 4);
}

/// What may stand before the body proper.
void drop_extras(Envelope& envelope) {
  if ((envelope.flags & (kTracing | kWarning | kCustomPayload)) == 0) return;
  WireReader in(envelope.body);
  if (envelope.flags & kTracing) in.take(16);
  if (envelope.flags & kWarning) in.string_list();
  if (envelope.flags & kCustomPayload) {
    bool null = false;
    for (int left = in.number<uint16_t>(); left > 0; --left) {
      in.string();
      in.bytes(null);
    }
  }
  envelope.body = std::string(in.rest());
}

size_t envelope_size(std::string_view at) {
  const auto body = big_endian<int32_t>(at.data() + 5);
  if (body < 0 || body > kBodyMax) corrupt("a message of an impossible length");
  return kEnvelopeHeader + size_t(body);
}

}  // namespace

uint32_t crc24(std::string_view bytes) {
  uint32_t crc = 0x875060;
  for (const char byte : bytes) {
    crc ^= uint32_t(uint8_t(byte)) << 16;
    for (int i = 0; i < 8; ++i) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1974F0B;
    }
  }
  return crc & 0xFFFFFF;
}

uint32_t segment_crc32(std::string_view payload) {
  constexpr unsigned char kBegin[] = {0xFA, 0x2D, 0x55, 0xCA};
  auto crc = ::crc32(0, kBegin, sizeof kBegin);
  crc = ::crc32(crc, reinterpret_cast<const unsigned char*>(payload.data()), uInt(payload.size()));
  return uint32_t(crc);
}

void put_envelope(std::string& out, int version, int16_t stream, Opcode opcode,
                  std::string_view body, Compression compression) {
  std::string packed;
  uint8_t flags = 0;
  if (compression == Compression::lz4 && version < 5 && !body.empty() &&
      opcode != Opcode::startup && opcode != Opcode::options) {
    put_big_endian(packed, int32_t(body.size()));
    packed += lz4_pack(body);
    body = packed;
    flags = kCompressed;
  }
  out += char(version);
  out += char(flags);
  put_big_endian(out, stream);
  out += char(opcode);
  put_big_endian(out, int32_t(body.size()));
  out += body;
}

void put_segments(std::string& out, std::string_view envelopes, Compression compression) {
  while (!envelopes.empty()) {
    size_t whole = 0;  // as many whole ones as a segment takes
    while (whole < envelopes.size()) {
      const size_t size = envelope_size(envelopes.substr(whole));
      if (whole + size > kSegmentPayload) break;
      whole += size;
    }
    if (whole > 0) {
      put_segment(out, envelopes.substr(0, whole), true, compression);
      envelopes.remove_prefix(whole);
      continue;
    }
    const size_t large = envelope_size(envelopes);
    for (size_t at = 0; at < large; at += kSegmentPayload) {
      put_segment(out, envelopes.substr(at, std::min(kSegmentPayload, large - at)), false,
                  compression);
    }
    envelopes.remove_prefix(large);
  }
}

void FrameReader::unpack_segments() {
  size_t at = 0;
  const size_t header = compression_ == Compression::none ? kPlainHeader : kCompressedHeader;
  while (raw_.size() - at >= header) {
    const char* begin = raw_.data() + at;
    const auto bits = little_endian(begin, int(header) - 3);
    if (little_endian(begin + header - 3, 3) != crc24({begin, header - 3}))
      corrupt("a header with a wrong checksum");
    const size_t size = bits & kSegmentPayload;
    if (raw_.size() - at < header + size + kTrailer) break;
    const std::string_view payload(begin + header, size);
    if (little_endian(payload.data() + size, kTrailer) != segment_crc32(payload))
      corrupt("a message with a wrong checksum");
    const size_t unpacked =
        compression_ == Compression::none ? 0 : size_t(bits >> 17 & kSegmentPayload);
    if (unpacked > 0) {
      envelopes_ += lz4_unpack(payload, unpacked);
    } else {
      envelopes_ += payload;
    }
    at += header + size + kTrailer;
  }
  raw_.erase(0, at);
}

std::optional<Envelope> FrameReader::next() {
  if (segments_) unpack_segments();
  const auto rest = std::string_view(envelopes_).substr(at_);
  const size_t size = rest.size() < kEnvelopeHeader ? 0 : envelope_size(rest);
  if (size == 0 || rest.size() < size) {
    envelopes_.erase(0, at_);
    at_ = 0;
    return {};
  }
  if ((uint8_t(rest[0]) & 0x80) == 0) corrupt("what is no answer");
  Envelope out{uint8_t(uint8_t(rest[0]) & 0x7F), uint8_t(rest[1]),
               big_endian<int16_t>(rest.data() + 2), Opcode(uint8_t(rest[4])),
               std::string(rest.substr(kEnvelopeHeader, size - kEnvelopeHeader))};
  at_ += size;
  if ((out.flags & kCompressed) != 0) {
    out.body = unpack_body(out.body, compression_);
    out.flags &= uint8_t(~kCompressed);
  }
  drop_extras(out);
  return out;
}

}  // namespace windrow::clients::cassandra
