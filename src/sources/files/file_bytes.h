#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/cancel.h"
#include "sources/files/found_file.h"
#include "sources/files/local_copies.h"
#include "storage/file_system.h"

/// Private to sources/files: what a file holds, byte by byte.
namespace windrow::sources {

/// So much is kept of what is set aside and not judged: files, records that are too long.
inline constexpr size_t kKeptContent = 1 << 20;
/// Longer lines and objects the engine's readers take only where they are told to.
inline constexpr uint64_t kUsualLine = 1'900'000, kUsualObject = 16'000'000;

/// What reading a file needs, and what bounds it.
struct Outside {
  storage::FileSystem* storage = nullptr;  ///< of what is not on local disk
  Cancel* cancel = nullptr;
  const LocalCopies* copies = nullptr;  ///< where copies go
  uint64_t record_bytes_max = 64 << 20;
  /// Of one file, where it is packed or converted; 0: 200 times its size, and 1 GiB in any case.
  uint64_t unpacked_bytes_max = 0;

  uint64_t unpacked_max(const FoundFile& file) const {
    return unpacked_bytes_max ? unpacked_bytes_max : std::max<uint64_t>(1 << 30, 200 * file.size);
  }
};

/// 42 bits of a hash over the bytes as they lie there, and ten of their number.
int64_t content_of(const FoundFile& file, const Outside& outside);

/// Gives the bytes in order, unpacked where the file's name ends in .gz or .zst, until `out` wants
/// no more. Error(corrupt) where they cannot be unpacked to the end, or are more than they may be.
void read_bytes(const FoundFile& file, const Outside& outside,
                const std::function<bool(std::string_view)>& out);

}  // namespace windrow::sources
