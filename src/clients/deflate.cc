#include "clients/deflate.h"

#include <zlib.h>

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

bool whole_gzip(const std::function<std::string()>& piece) {
  z_stream stream{};
  if (::inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
    throw Error(Code::internal, "zlib does not start");
  std::string room(256 << 10, '\0');
  bool member_ended = false, good = true;
  for (std::string in = piece(); good && !in.empty(); in = piece()) {
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = uInt(in.size());
    while (good && stream.avail_in > 0) {
      if (member_ended) {  // another member, or zeros that fill up a tape
        if (*stream.next_in == 0) {
          ++stream.next_in;
          --stream.avail_in;
          continue;
        }
        ::inflateReset(&stream);
        member_ended = false;
      }
      stream.next_out = reinterpret_cast<Bytef*>(room.data());
      stream.avail_out = uInt(room.size());
      const int state = ::inflate(&stream, Z_NO_FLUSH);
      member_ended = state == Z_STREAM_END;
      good = member_ended || state == Z_OK || (state == Z_BUF_ERROR && stream.avail_in == 0);
    }
  }
  ::inflateEnd(&stream);
  return good && member_ended;
}

}  // namespace windrow::clients
