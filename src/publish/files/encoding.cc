#include "publish/files/encoding.h"

#include <fmt/format.h>

#include "base/error.h"

namespace windrow::publish {

namespace {

// Windows-1252 differs from Latin-1 at 0x80 to 0x9F (the WHATWG's table; 0 has no character).
constexpr uint32_t kWindows1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void put16(uint32_t unit, std::string& out) {
  out += char(unit & 0xFF);
  out += char(unit >> 8);
}

}  // namespace

uint32_t next_character(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? uint32_t(static_cast<unsigned char>(text[i])) : 0u;
  };
  const uint32_t first = byte(at);
  if (first < 0x80) return ++at, first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  uint32_t out = first & (0x3Fu >> more);
  for (int i = 1; i <= more; ++i) out = (out << 6) | (byte(at + size_t(i)) & 0x3F);
  at = std::min(text.size(), at + size_t(more) + 1);
  return out;
}

size_t characters(std::string_view text) {
  size_t out = 0;
  for (const char c : text) out += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return out;
}

std::string_view first_characters(std::string_view text, size_t count) {
  size_t at = 0;
  while (at < text.size() && count-- > 0) next_character(text, at);
  return text.substr(0, at);
}

Encoding::Encoding(std::string name) : name_(std::move(name)) {}

std::string_view Encoding::mark() const {
  if (name_ == "utf-8-bom") return "\xEF\xBB\xBF";
  if (name_ == "utf-16") return "\xFF\xFE";
  return {};
}

std::string_view Encoding::xml_name() const {
  if (name_ == "utf-16") return "UTF-16";
  if (name_ == "latin-1") return "ISO-8859-1";
  if (name_ == "windows-1252") return "windows-1252";
  if (name_ == "ascii") return "US-ASCII";
  return "UTF-8";
}

void Encoding::refuse(uint32_t character) const {
  throw Error(
      Code::data,
      fmt::format("the character U+{:04X} has no place in the encoding {}", character, name_),
      "deliver it as utf-8, or replace such characters in the SELECT");
}

void Encoding::append(std::string_view text, std::string& out) const {
  if (name_.starts_with("utf-8")) {
    out += text;
    return;
  }
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = next_character(text, at);
    if (name_ == "utf-16") {
      if (c < 0x10000) {
        put16(c, out);
      } else {
        put16(0xD800 + ((c - 0x10000) >> 10), out);
        put16(0xDC00 + ((c - 0x10000) & 0x3FF), out);
      }
    } else if (c < 0x80) {
      out += char(c);
    } else if (name_ == "latin-1" && c < 0x100) {
      out += char(c);
    } else if (name_ == "windows-1252" && c >= 0xA0 && c < 0x100) {
      out += char(c);
    } else if (name_ == "windows-1252") {
      size_t i = 0;
      while (i < 32 && kWindows1252[i] != c) ++i;
      if (i == 32) refuse(c);
      out += char(0x80 + i);
    } else {
      refuse(c);
    }
  }
}

}  // namespace windrow::publish
