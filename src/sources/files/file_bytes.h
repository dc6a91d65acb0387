#pragma once

#include <functional>
#include <string_view>

#include "base/cancel.h"
#include "sources/files/found_file.h"
#include "sources/files/local_copies.h"
#include "storage/file_system.h"

/// Private to sources/files: what a file holds, byte by byte.
namespace windrow::sources {

/// What reading a file needs, and what bounds it.
struct Outside {
  storage::FileSystem* storage = nullptr;  ///< of what is not on local disk
  Cancel* cancel = nullptr;
  const LocalCopies* copies = nullptr;  ///< where copies go
  uint64_t record_bytes_max = 64 << 20;
};

/// Gives the bytes in order, unpacked where the file's name ends in .gz or .zst, until `out` wants
/// no more. Error(corrupt) where they cannot be unpacked to the end.
void read_bytes(const FoundFile& file, const Outside& outside,
                const std::function<bool(std::string_view)>& out);

}  // namespace windrow::sources
