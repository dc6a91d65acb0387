#include "lsp/text.h"

#include <algorithm>

#include "base/url.h"

namespace windrow::lsp {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Bytes of the character at `at`; what is no UTF-8 counts byte by byte.
size_t bytes_of_character(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t wanted = first < 0xC0   ? 1
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF8 ? 4
                                       : 1;
  for (size_t i = 1; i < wanted; ++i) {
    if (at + i >= text.size() || (static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80)
      return 1;
  }
  return wanted;
}

size_t units_of(size_t bytes, Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8: return bytes;
    case Encoding::utf16: return bytes == 4 ? 2 : 1;
    case Encoding::utf32: return 1;
  }
  return 1;
}

bool ends_line(char c) { return c == '\n' || c == '\r'; }

size_t end_of_line(std::string_view text, size_t at) {
  while (at < text.size() && !ends_line(text[at])) ++at;
  return at;
}

/// Past the line's end; npos where there is none.
size_t next_line(std::string_view text, size_t at) {
  at = end_of_line(text, at);
  if (at == text.size()) return std::string_view::npos;
  return text.substr(at).starts_with("\r\n") ? at + 2 : at + 1;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

}  // namespace

std::string_view name_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8: return "utf-8";
    case Encoding::utf16: return "utf-16";
    case Encoding::utf32: return "utf-32";
  }
  return "utf-16";
}

size_t offset_at(std::string_view text, Position position, Encoding encoding) {
  size_t at = 0;
  for (size_t line = 0; line < position.line; ++line) {
    at = next_line(text, at);
    if (at == std::string_view::npos) return text.size();
  }
  const size_t end = end_of_line(text, at);
  for (size_t units = 0; at < end && units < position.character;) {
    const size_t bytes = bytes_of_character(text, at);
    units += units_of(bytes, encoding);
    if (units > position.character) break;  // inside of a pair: before it
    at += bytes;
  }
  return at;
}

Position position_at(std::string_view text, size_t offset, Encoding encoding) {
  offset = std::min(offset, text.size());
  Position out;
  size_t begin = 0;
  for (size_t next = next_line(text, 0); next != std::string_view::npos && next <= offset;
       next = next_line(text, next)) {
    begin = next;
    ++out.line;
  }
  for (size_t at = begin; at < offset && !ends_line(text[at]);) {
    const size_t bytes = bytes_of_character(text, at);
    if (at + bytes > offset) break;
    out.character += units_of(bytes, encoding);
    at += bytes;
  }
  return out;
}

Range range_of(std::string_view text, Span span, Encoding encoding) {
  return {position_at(text, span.begin, encoding), position_at(text, span.end, encoding)};
}

std::optional<size_t> offset_of(std::string_view text, const Place& place) {
  if (place.line < 1) return std::nullopt;
  size_t at = 0;
  for (int line = 1; line < place.line; ++line) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return text.size();
    at = end + 1;
  }
  if (at == 0 && text.starts_with(kByteOrderMark)) at = kByteOrderMark.size();
  const size_t end = std::min(text.find('\n', at), text.size());
  return std::min(at + static_cast<size_t>(std::max(place.column, 1) - 1), end);
}

Span span_at(std::string_view text, const Place& place) {
  const auto begin = offset_of(text, place);
  if (!begin) {
    const size_t first = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    return {first, first};
  }
  const size_t line_end = end_of_line(text, *begin);
  if (*begin >= line_end) return {*begin, *begin};
  const char c = text[*begin];
  if (c == '"' || c == '\'') {
    const size_t close = text.find(c, *begin + 1);
    if (close != std::string_view::npos && close < line_end) return {*begin, close + 1};
  }
  size_t end = *begin;
  const auto goes_on = [&](size_t at) {
    if (is_word(text[at])) return true;
    return text[at] == '.' && at > *begin && at + 1 < line_end && is_word(text[at + 1]);
  };
  while (end < line_end && goes_on(end)) ++end;
  if (end == *begin) end += bytes_of_character(text, *begin);
  return {*begin, end};
}

std::optional<std::string> path_of_uri(std::string_view uri) {
  constexpr std::string_view kScheme = "file://";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  constexpr std::string_view kHost = "localhost/";
  if (uri.starts_with(kHost)) uri.remove_prefix(kHost.size() - 1);
  if (!uri.starts_with('/')) return std::nullopt;
  std::string out = percent_decoded(uri);
  if (out.find('\0') != std::string::npos) return std::nullopt;
  return out;
}

std::string uri_of_path(std::string_view path) { return "file://" + percent_encoded(path, true); }

}  // namespace windrow::lsp
