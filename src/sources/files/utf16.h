#pragma once

#include <string>
#include <string_view>

#include "sources/files/file_bytes.h"
#include "sources/files/found_file.h"

/// Private to sources/files: UTF-16 as UTF-8 (RFC 2781). The engine's reader knows characters of
/// two bytes alone, and nothing counts records in it.
namespace windrow::sources {

/// Takes bytes in pieces. A byte order mark says which byte of two comes first; without one it is
/// the lower. Half a character, or half a pair of them, becomes bytes that are no UTF-8, so that
/// its record is found to be none.
class Utf16 {
 public:
  void feed(std::string_view piece, std::string& out);
  void end(std::string& out);

 private:
  void unit(unsigned value, std::string& out);

  std::string rest_;   ///< a byte whose other one has not come
  unsigned high_ = 0;  ///< the first half of a pair
  bool begun_ = false, big_ = false;
};

/// A copy of the file in UTF-8, which is known by the file's name.
FoundFile in_utf8(const FoundFile& file, const Outside& outside);

}  // namespace windrow::sources
