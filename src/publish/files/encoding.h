#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace windrow::publish {

/// The next character of a UTF-8 text that DuckDB holds to be right; moves `at` behind it.
uint32_t next_character(std::string_view text, size_t& at);
size_t characters(std::string_view text);
/// The first `count` characters.
std::string_view first_characters(std::string_view text, size_t count);

/// UTF-8 into the bytes of a delivery: utf-8, utf-8-bom, utf-16 (little endian, with a mark),
/// latin-1, windows-1252, ascii.
class Encoding {
 public:
  explicit Encoding(std::string name);
  std::string_view mark() const;  ///< at the file's beginning
  /// As XML declares it.
  std::string_view xml_name() const;
  /// Error(data) names a character that has no place.
  void append(std::string_view text, std::string& out) const;

 private:
  [[noreturn]] void refuse(uint32_t character) const;
  std::string name_;
};

}  // namespace windrow::publish
