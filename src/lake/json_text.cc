#include "lake/json_text.h"

#include <algorithm>

#include <charconv>
#include <cmath>
#include <cstdio>

namespace windrow::lake {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0 where it is not one.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : uint8_t(0); };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return follows(1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (b == 0xE0 && byte(1) < 0xA0) return 0;
    return b == 0xED && byte(1) > 0x9F ? 0 : 3;
  }
  if (b < 0xF0 || b > 0xF4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (b == 0xF0 && byte(1) < 0x90) return 0;
  return b == 0xF4 && byte(1) > 0x8F ? 0 : 4;
}

}  // namespace

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++i;
    } else if (uint8_t(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", unsigned(uint8_t(c)));
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : escaped;
      ++i;
    } else if (uint8_t(c) < 0x80) {
      out += c;
      ++i;
    } else if (const size_t n = utf8_length(text.substr(i)); n > 0) {
      out.append(text, i, n);
      i += n;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  out += '"';
  return out;
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
  } else if (!first_) {
    text_ += ',';
  }
  first_ = false;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  text_ += json_quoted(name);
  text_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return raw(std::string_view(digits, size_t(end - digits)));
}

JsonWriter& JsonWriter::value(const std::vector<std::string>& texts) {
  begin_array();
  for (const auto& text : texts) value(text);
  return end_array();
}

JsonWriter& JsonWriter::value(const std::map<std::string, std::string>& texts) {
  begin_object();
  for (const auto& [name, text] : texts) field(name, text);
  return end_object();
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  const size_t begin = text_.size();
  text_ += json;
  // Inside JSON strings line breaks are always escaped, so every bare one is mere layout.
  for (size_t i = begin; i < text_.size(); ++i) {
    if (text_[i] == '\n' || text_[i] == '\r') text_[i] = ' ';
  }
  return *this;
}

std::string long_numbers_quoted(std::string_view json) {
  constexpr size_t kDigitsMax = 15;  // that a double always keeps
  const auto of_number = [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  };
  std::string out;
  out.reserve(json.size() + 16);
  for (size_t i = 0; i < json.size();) {
    const size_t begin = i;
    if (json[i] == '"') {
      for (++i; i < json.size() && json[i] != '"'; ++i) i += json[i] == '\\';
      i = std::min(i + 1, json.size());
      out += json.substr(begin, i - begin);
    } else if (json[i] == '-' || (json[i] >= '0' && json[i] <= '9')) {
      while (i < json.size() && of_number(json[i])) ++i;
      const std::string_view number = json.substr(begin, i - begin);
      const auto digits =
          std::count_if(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
      const bool quoted = size_t(digits) > kDigitsMax;
      if (quoted) out += '"';
      out += number;
      if (quoted) out += '"';
    } else {
      out += json[i++];
    }
  }
  return out;
}

}  // namespace windrow::lake
