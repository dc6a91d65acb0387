#include "clients/deflate.h"

#include <zlib.h>
#include <zstd.h>

#include <memory>

#include "base/error.h"

namespace windrow::clients {

std::string inflated(std::string_view packed, uint64_t most) {
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    throw Error(Code::internal, "zlib does not start");
  std::string out;
  std::string piece(256 << 10, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = uInt(packed.size());
  int state = Z_OK;
  while (state == Z_OK && out.size() <= most) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = uInt(piece.size());
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - stream.avail_out);
    if (state == Z_BUF_ERROR) break;
  }
  ::inflateEnd(&stream);
  if (state != Z_STREAM_END || out.size() > most)
    throw Error(Code::corrupt, "packed bytes do not unpack");
  return out;
}

namespace {

/// `wrapped`: gzip, of which members may follow one another.
bool unpack(const Packed& packed, const Unpacked& out, bool wrapped) {
  z_stream stream{};
  if (::inflateInit2(&stream, wrapped ? 16 + MAX_WBITS : -MAX_WBITS) != Z_OK)
    throw Error(Code::internal, "zlib does not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&stream, &::inflateEnd);
  std::string room(256 << 10, '\0');
  bool ended = false;
  for (std::string in = packed(); !in.empty(); in = packed()) {
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = uInt(in.size());
    // What has no room yet comes out before more goes in.
    for (bool full = false; stream.avail_in > 0 || full;) {
      if (ended && !wrapped) return true;
      if (ended) {  // another member, or zeros that fill up a tape
        if (stream.avail_in == 0) break;
        if (*stream.next_in == 0) {
          ++stream.next_in;
          --stream.avail_in;
          continue;
        }
        ::inflateReset(&stream);
        ended = false;
      }
      stream.next_out = reinterpret_cast<Bytef*>(room.data());
      stream.avail_out = uInt(room.size());
      const int state = ::inflate(&stream, Z_NO_FLUSH);
      ended = state == Z_STREAM_END;
      if (!ended && state != Z_OK && !(state == Z_BUF_ERROR && stream.avail_in == 0)) return false;
      full = stream.avail_out == 0;
      const size_t size = room.size() - stream.avail_out;
      if (size > 0 && !out(std::string_view(room).substr(0, size))) return true;
    }
  }
  return ended;
}

}  // namespace

bool inflate(const Packed& packed, const Unpacked& out) { return unpack(packed, out, false); }
bool gunzip(const Packed& packed, const Unpacked& out) { return unpack(packed, out, true); }

bool unzstd(const Packed& packed, const Unpacked& out) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        &ZSTD_freeDStream);
  if (!stream) throw Error(Code::internal, "zstd does not start");
  std::string room(ZSTD_DStreamOutSize(), '\0');
  size_t left = 1;  // of a frame; 0: it is whole
  for (std::string in = packed(); !in.empty(); in = packed()) {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    for (bool full = false; from.pos < from.size || full;) {
      ZSTD_outBuffer to{room.data(), room.size(), 0};
      left = ZSTD_decompressStream(stream.get(), &to, &from);
      if (ZSTD_isError(left)) return false;
      full = to.pos == to.size && left != 0;
      if (to.pos > 0 && !out(std::string_view(room).substr(0, to.pos))) return true;
    }
  }
  return left == 0;
}

}  // namespace windrow::clients
