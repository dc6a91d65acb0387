#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace windrow::sql {

/// What was worked out about SELECTs in earlier processes, by a hash of everything it was worked
/// out from, so that a start with nothing changed asks DuckDB nothing. One file in the state
/// folder; it may be deleted at any time, and one that is damaged or of another version counts as
/// empty. `find` and `put` may be called by several threads.
class Cache {
 public:
  /// Reads the file. An empty path keeps everything in memory.
  explicit Cache(std::string path);

  /// Valid for the life of the cache.
  std::optional<std::string_view> find(const std::string& key) const;
  void put(const std::string& key, std::string value);

  /// Replaces the file whole where there is something new in a project large enough to gain by it.
  /// That it cannot be written is not an error.
  void save();

 private:
  bool load();

  std::string path_;
  std::string file_;  ///< as read; `read_` points into it
  std::unordered_map<std::string_view, std::string_view> read_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> fresh_;
  bool saved_ = true;
};

/// Fields of a cached value: texts and numbers one after another, each with its length.
class Fields {
 public:
  void add(std::string_view text);
  void add_number(size_t number) { add(std::to_string(number)); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}
  std::string text();
  size_t number();
  /// Everything was there and nothing is left.
  bool complete() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace windrow::sql
