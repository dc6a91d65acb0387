#pragma once

#include <span>
#include <string_view>

#include "page/page.h"

namespace windrow::page {

struct Embedded {
  std::string_view file;  ///< relative to index.html
  Asset asset;
};

/// Every file of the page. What defines it is written by web/embed.mjs when the page is built.
std::span<const Embedded> embedded();

}  // namespace windrow::page
