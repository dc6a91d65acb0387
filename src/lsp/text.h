#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

/// Places in texts, as editors and as `check` count them. Everything between the two is a byte.
namespace windrow::lsp {

/// What an editor counts a line's characters in.
enum class Encoding { utf8, utf16, utf32 };
std::string_view name_of(Encoding encoding);

/// From 0.
struct Position {
  size_t line = 0, character = 0;
  bool operator==(const Position&) const = default;
};
struct Range {
  Position start, end;
  bool operator==(const Range&) const = default;
};
/// Bytes of a text, half-open.
struct Span {
  size_t begin = 0, end = 0;
  bool holds(size_t at) const { return begin <= at && at <= end; }
  size_t size() const { return end - begin; }
  bool operator==(const Span&) const = default;
};

/// A position behind the end of its line is the end of that line, one behind the last line the end
/// of the text. Lines end with `\n`, `\r\n` or `\r`.
size_t offset_at(std::string_view text, Position position, Encoding encoding);
Position position_at(std::string_view text, size_t offset, Encoding encoding);
Range range_of(std::string_view text, Span span, Encoding encoding);

/// Of a place as `check` tells it: lines end with `\n`, columns are bytes and do not count a byte
/// order mark. Nothing where it names no line.
std::optional<size_t> offset_of(std::string_view text, const Place& place);
/// What stands at the place: a name with its dots, a quoted text, a number, or one character; the
/// first line's beginning where the place names no line.
Span span_at(std::string_view text, const Place& place);

/// `file:///a%20b` → `/a b`; nothing where it is of another scheme or host.
std::optional<std::string> path_of_uri(std::string_view uri);
std::string uri_of_path(std::string_view path);

}  // namespace windrow::lsp
