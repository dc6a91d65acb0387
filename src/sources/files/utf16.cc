#include "sources/files/utf16.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/text.h"

namespace windrow::sources {

namespace {

/// Bytes that no UTF-8 has.
constexpr char kNoCharacter = '\xFF';

}  // namespace

void Utf16::unit(unsigned value, std::string& out) {
  if (!begun_) {
    begun_ = true;
    if (value == 0xFEFF) return;
    if (value == 0xFFFE) {
      big_ = true;
      return;
    }
  }
  const bool low = value >= 0xDC00 && value < 0xE000;
  if (high_ != 0 && low) {
    append_utf8(out, 0x10000 + ((high_ - 0xD800) << 10) + (value - 0xDC00));
    high_ = 0;
    return;
  }
  if (high_ != 0) out += kNoCharacter;
  high_ = value >= 0xD800 && value < 0xDC00 ? value : 0;
  if (low)
    out += kNoCharacter;
  else if (high_ == 0)
    append_utf8(out, value);
}

void Utf16::feed(std::string_view piece, std::string& out) {
  const auto pair = [&](char first, char second) {
    const unsigned one = uint8_t(first), other = uint8_t(second);
    unit(big_ ? one << 8 | other : other << 8 | one, out);
  };
  if (!rest_.empty() && !piece.empty()) {
    pair(rest_[0], piece[0]);
    rest_.clear();
    piece.remove_prefix(1);
  }
  for (; piece.size() >= 2; piece.remove_prefix(2)) pair(piece[0], piece[1]);
  rest_ += piece;
}

void Utf16::end(std::string& out) {
  if (high_ != 0 || !rest_.empty()) out += kNoCharacter;
}

FoundFile in_utf8(const FoundFile& file, const Outside& outside) {
  FoundFile out = file;
  out.path = outside.copies->path("utf8/" + file.name + (file.packed() ? ".csv" : ""));
  std::ofstream to(out.path, std::ios::binary | std::ios::trunc);
  Utf16 characters;
  std::string text;
  read_bytes(file, outside, [&](std::string_view piece) {
    characters.feed(piece, text);
    to << text;
    text.clear();
    return true;
  });
  characters.end(text);
  to << text;
  to.close();
  if (!to) throw system_error(errno, "write", out.path);
  out.size = std::filesystem::file_size(out.path);
  return out;
}

}  // namespace windrow::sources
