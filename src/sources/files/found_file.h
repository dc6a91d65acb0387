#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Private to sources/files: which files a path or glob means.
namespace windrow::sources {

/// Readers take a file of such a name for a packed one.
inline bool named_packed(std::string_view name) {
  return name.ends_with(".gz") || name.ends_with(".zst");
}

struct FoundFile {
  std::string path;    ///< absolute; bytes that may be no UTF-8
  std::string name;    ///< relative to the fixed part of the glob: what progress and messages call
                       ///< it; UTF-8
  std::string listed;  ///< the path or URI as the source's pattern has it, without secrets; UTF-8
  uint64_t size = 0;
  /// Changes when the file does: microseconds of its last change, the lowest ten bits replaced by
  /// those of its size. So it stays below 2^53, which every reader of a Delta log keeps exactly. (A
  /// file that is rewritten within a millisecond and keeps its size to a multiple of 1024 goes
  /// unnoticed.)
  int64_t version = 0;
  bool packed() const { return named_packed(path); }
};

/// Regular files by name. `*` and `?` stay within a folder, `[…]` is a set, `**` any depth of
/// folders. Names that begin with a dot are passed over unless the pattern spells the dot, so that
/// a file under way may be called `.x` until it is renamed. A path without wildcards that is not
/// there is an Error(not_found); a glob may match nothing.
std::vector<FoundFile> find_files(const std::string& root, const std::string& pattern);

/// Whether the text has wildcards.
inline bool wild(std::string_view text) { return text.find_first_of("*?[") != text.npos; }

/// The name with bytes that are no UTF-8 written as `\\xff`.
std::string utf8_name(const std::string& name);

/// The path as a pattern that means only itself, for DuckDB's readers, which take every path as a
/// glob.
std::string escape_glob(const std::string& path);

}  // namespace windrow::sources
