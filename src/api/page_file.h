#pragma once

#include <string_view>

namespace windrow::api {

/// A file of the web page, as whoever puts the program together hands it in. Text lives as long as
/// the program.
struct PageFile {
  std::string_view type;  ///< its Content-Type
  std::string_view etag;  ///< strong, in quotes
  std::string_view plain;
  std::string_view gzip, brotli;  ///< empty where they would be no smaller
  bool immutable = false;         ///< its name has a hash of what it holds
  bool templated = false;  ///< `__NONCE__` in `plain` is replaced in each answer, which is not kept
};

}  // namespace windrow::api
