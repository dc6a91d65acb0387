#include "sources/files/file_bytes.h"

#include <fstream>

#include "base/error.h"
#include "clients/deflate.h"
#include "sources/files/remote_files.h"

namespace windrow::sources {

namespace {

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
  return [&outside, disk] {
    if (outside.cancel) outside.cancel->check();
    std::string piece(1 << 20, '\0');
    disk->read(piece.data(), std::streamsize(piece.size()));
    piece.resize(size_t(disk->gcount()));
    return piece;
  };
}

}  // namespace

void read_bytes(const FoundFile& file, const Outside& outside,
                const std::function<bool(std::string_view)>& out) {
  const auto pieces = pieces_of(file, outside);
  if (file.path.ends_with(".gz")) {
    if (file.size > 0 && !clients::gunzip(pieces, out))
      throw Error(Code::corrupt, "it is no whole gzip file");
    return;
  }
  if (file.path.ends_with(".zst")) {
    if (file.size > 0 && !clients::unzstd(pieces, out))
      throw Error(Code::corrupt, "it is no whole Zstandard file");
    return;
  }
  for (auto piece = pieces(); !piece.empty() && out(piece); piece = pieces()) {}
}

}  // namespace windrow::sources
