#include "sources/files/file_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/hash.h"
#include "clients/deflate.h"
#include "sources/files/remote_files.h"

namespace windrow::sources {

namespace {

constexpr size_t kBlock = 1 << 20, kPieceMin = 1 << 16;

/// The file's pieces as they lie there; nothing at its end.
clients::Packed pieces_of(const FoundFile& file, const Outside& outside) {
  const auto at = std::make_shared<uint64_t>(0);
  if (in_storage(file.path)) {
    if (outside.storage == nullptr) throw Error(Code::internal, "no home of files is given");
    return [&file, &outside, at] {
      if (outside.cancel) outside.cancel->check();
      std::string piece;
      if (*at < file.size) piece = outside.storage->read_range(file.path, *at, 8 << 20);
      *at += piece.size();
      return piece;
    };
  }
  const auto disk = std::make_shared<std::ifstream>(file.path, std::ios::binary);
  if (!*disk) {
    throw Error(Code::permission, "cannot read file \"" + file.path + "\"",
                "give this user the right to read it");
  }
  // A small file is not worth a large piece, which would be filled with zeroes first.
  return [&file, &outside, disk, at] {
    if (outside.cancel) outside.cancel->check();
    const uint64_t left = file.size > *at ? file.size - *at : 0;
    std::string piece(std::clamp<uint64_t>(left, kPieceMin, kBlock), '\0');
    disk->read(piece.data(), std::streamsize(piece.size()));
    piece.resize(size_t(disk->gcount()));
    *at += piece.size();
    return piece;
  };
}

}  // namespace

int64_t content_of(const FoundFile& file, const Outside& outside) {
  const auto pieces = pieces_of(file, outside);
  // A hash over hashes of blocks, however the bytes come: each of the one before and its block.
  std::string text;
  size_t before = 0;
  for (auto piece = pieces(); !piece.empty(); piece = pieces()) {
    for (std::string_view left = piece; !left.empty();) {
      const auto part = left.substr(0, before + kBlock - text.size());
      text += part;
      left.remove_prefix(part.size());
      if (text.size() < before + kBlock) break;
      text.replace(0, text.size(), sha256(text));
      before = text.size();
    }
  }
  const auto hash = std::stoull(sha256(text).substr(0, 11), nullptr, 16);
  return int64_t((hash & ((1ull << 42) - 1)) << 10 | (file.size & 1023));
}

void read_bytes(const FoundFile& file, const Outside& outside,
                const std::function<bool(std::string_view)>& out) {
  const auto pieces = pieces_of(file, outside);
  uint64_t left = outside.unpacked_max(file);
  const auto bounded = [&](std::string_view piece) {
    if (piece.size() > left)
      throw Error(Code::corrupt,
                  fmt::format("it unpacks to more than {} bytes (unpacked_bytes_max)",
                              outside.unpacked_max(file)));
    left -= piece.size();
    return out(piece);
  };
  if (file.path.ends_with(".gz")) {
    if (file.size > 0 && !clients::gunzip(pieces, bounded))
      throw Error(Code::corrupt, "it is no whole gzip file");
    return;
  }
  if (file.path.ends_with(".zst")) {
    if (file.size > 0 && !clients::unzstd(pieces, bounded))
      throw Error(Code::corrupt, "it is no whole Zstandard file");
    return;
  }
  for (auto piece = pieces(); !piece.empty() && out(piece); piece = pieces()) {}
}

}  // namespace windrow::sources
