#pragma once

#include <string_view>

/// The web page, as it was built from web/, inside the program.
namespace windrow::page {

/// A file of the page. Text lives as long as the program.
struct Asset {
  std::string_view type;  ///< its Content-Type
  std::string_view etag;  ///< strong, in quotes
  std::string_view plain;
  std::string_view gzip;    ///< empty where it would be no smaller
  std::string_view brotli;  ///< empty where it would be no smaller
  bool immutable = false;   ///< its name has a hash of what it holds: may be kept for good
  bool templated = false;  ///< `__NONCE__` in `plain` is replaced in each answer, which is not kept
};

/// The file at a path such as `/assets/index-4f2a.js`. A path that does not end as files of pages
/// do is one of the page's own, and has index.html; nothing: there is no such file.
const Asset* asset(std::string_view path);

}  // namespace windrow::page
