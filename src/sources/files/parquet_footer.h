#pragma once

#include <cstdint>

#include "sources/files/file_bytes.h"
#include "sources/files/found_file.h"

/// Private to sources/files: what a Parquet file says of itself, before the engine believes it.
namespace windrow::sources {

struct FooterBounds {
  uint64_t bytes = 16 << 20;  ///< of the footer: it takes many times as much memory
  uint64_t rows = 1 << 30;    ///< a run of equal values takes a few bytes, however many they are
  int64_t columns = 4096;
  int64_t leaves = 16384;  ///< columns, and fields within them
  size_t levels = 100;
};

/// Error(corrupt) where the footer asks for more than these. Where it is broken in a way that the
/// engine tells without harm, nothing.
void look_at_footer(const FoundFile& file, const Outside& outside, const FooterBounds& bounds);

}  // namespace windrow::sources
