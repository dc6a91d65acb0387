#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace windrow::storage {

struct FileInfo {
  std::string path;   ///< as it was asked for: folder + "/" + name
  uint64_t size = 0;  ///< bytes
  Time modified;
  bool folder = false;
  /// Changes whenever the content does (ETag; size, time and inode on disk). Empty: not known.
  std::string tag;
};

/// A file that is written piece by piece: it is there whole, or the former one is. One thread at a
/// time. After a failure only the destructor may be called.
class Writer {
 public:
  /// Unfinished: nothing is left.
  virtual ~Writer() = default;
  virtual void write(std::string_view bytes) = 0;
  /// Once, at the end. When it returns the file is there under its name, durable.
  virtual void finish() = 0;
};

/// What came of a write that must not replace anything.
enum class PutOutcome {
  created,  ///< it is there, whole and durable, and it is ours
  exists,   ///< somebody else's is there; ours is not
  unknown   ///< no answer: it may be there. Look before trying again.
};

/// A home of files: local disk, S3, HDFS.
///
/// Paths are absolute, `/` separates, any other character is allowed. Where a home has a scheme
/// (`s3://bucket/key`) paths begin with it. Every function may be called
/// from any thread. Every failure is a windrow::Error (not_found, permission, full, unavailable,
/// timeout, corrupt); a failed write leaves either the former content or nothing under the final
/// name, and nothing else that a reader could take for data. What a function has returned from is
/// durable: it survives a power cut. (The one exception is `remove`: a removed file may be back
/// after a power cut, which is harmless wherever we remove.) Unfinished writes that a killed
/// process leaves behind are named `.tmp-…`; every lister must pass over them.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual std::string read(const std::string& path) = 0;
  /// Exactly `length` bytes from `offset`; fewer only where the file ends.
  virtual std::string read_range(const std::string& path, uint64_t offset, uint64_t length) = 0;
  /// Nothing where there is no such file or folder.
  virtual std::optional<FileInfo> stat(const std::string& path) = 0;
  /// One level, sorted by name bytewise, names greater than `after` only; empty where the folder is
  /// not there. `details` false leaves size and modified unset where that saves a call per file.
  virtual std::vector<FileInfo> list(const std::string& folder, const std::string& after = {},
                                     bool details = true) = 0;
  /// All files below the folder, any depth.
  virtual std::vector<FileInfo> list_tree(const std::string& folder) = 0;
  /// Replaces the whole file or leaves the former one. Makes folders as needed.
  virtual void put(const std::string& path, std::string_view bytes) = 0;
  /// As `put`, for what does not fit into memory.
  virtual std::unique_ptr<Writer> writer(const std::string& path) = 0;
  /// Creates the file whole, or finds another one there and leaves it. Exactly one of several
  /// racing callers gets `created`. Makes folders as needed.
  virtual PutOutcome put_if_absent(const std::string& path, std::string_view bytes) = 0;
  /// Not an error where it is not there.
  virtual void remove(const std::string& path) = 0;
  /// Many at once, in as few requests as the home can. After a failure some of them may be gone.
  virtual void remove_all(const std::vector<std::string>& paths) {
    for (const auto& path : paths) remove(path);
  }
  virtual void make_folder(const std::string& path) = 0;
  /// Makes files that another writer (DuckDB) has written and closed durable, and their names in
  /// their folders.
  virtual void sync(const std::vector<std::string>& paths) = 0;
  /// How paths begin that are not on local disk: `s3://`. What reads and writes files by itself
  /// (DuckDB) has to be given this file system for them.
  virtual std::vector<std::string> prefixes() const { return {}; }
  /// Bytes free for writing below `path`; nothing where the home has no such bound.
  virtual std::optional<uint64_t> space_left(const std::string& path) = 0;
};

std::unique_ptr<FileSystem> local_file_system();

}  // namespace windrow::storage
