#include "sql/cache.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/hash.h"
#include "duck/duck.h"
#include "storage/private_file.h"

// The file: a line with the format's and DuckDB's version, then `key length\n` and the value for
// each entry, and at the end the SHA-256 of all before it, so that half a file is none.
namespace windrow::sql {

namespace {

constexpr size_t kKey = 64, kDigest = 64;
constexpr size_t kWorthAFile = 64;             // entries; fewer are parsed in no time
constexpr size_t kLargest = 64 * 1024 * 1024;  // bytes; then what this process did not add goes

std::string header() { return "windrow sql 2 duckdb " + duck::version() + "\n"; }

void append(std::string& out, std::string_view key, std::string_view value) {
  out.append(key).append(" ").append(std::to_string(value.size())).append("\n").append(value);
}

}  // namespace

Cache::Cache(std::string path) : path_(std::move(path)) {
  if (path_.empty() || load()) return;
  read_.clear();
  file_.clear();
}

bool Cache::load() {
  std::ifstream in(path_, std::ios::binary);
  if (!in) return false;
  std::error_code failed;
  const auto size = std::filesystem::file_size(path_, failed);
  if (failed || size > 2 * kLargest) return false;
  file_.resize(size);
  if (!in.read(file_.data(), std::streamsize(size))) return false;
  const std::string head = header();
  if (file_.size() < head.size() + kDigest || !file_.starts_with(head)) return false;
  std::string_view body(file_);
  const auto digest = body.substr(body.size() - kDigest);
  body.remove_suffix(kDigest);
  if (sha256(body) != digest) return false;
  body.remove_prefix(head.size());
  while (!body.empty()) {
    const auto line = body.find('\n');
    if (line == std::string_view::npos || line < kKey + 2) return false;
    size_t length = 0;
    const char* end = body.data() + line;
    if (std::from_chars(body.data() + kKey + 1, end, length).ptr != end ||
        length > body.size() - line - 1)
      return false;
    read_.emplace(body.substr(0, kKey), body.substr(line + 1, length));
    body.remove_prefix(line + 1 + length);
  }
  return true;
}

std::optional<std::string_view> Cache::find(const std::string& key) const {
  if (auto found = read_.find(key); found != read_.end()) return found->second;
  const std::lock_guard lock(mutex_);
  auto found = fresh_.find(key);
  return found == fresh_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

void Cache::put(const std::string& key, std::string value) {
  const std::lock_guard lock(mutex_);
  fresh_.emplace(key, std::move(value));
  saved_ = false;
}

void Cache::save() {
  const std::lock_guard lock(mutex_);
  if (path_.empty() || saved_ || read_.size() + fresh_.size() < kWorthAFile) return;
  saved_ = true;
  std::string out = header();
  for (const auto& [key, value] : fresh_) append(out, key, value);
  if (out.size() + file_.size() <= kLargest) {
    for (const auto& [key, value] : read_) {
      if (!fresh_.count(std::string(key))) append(out, key, value);
    }
  }
  out += sha256(out);
  std::error_code ignored;
  const std::filesystem::path path(path_);
  storage::make_private_folder(path.parent_path());
  const std::string temporary = path_ + "." + std::to_string(::getpid());
  storage::make_private_file(temporary);
  std::ofstream file(temporary, std::ios::binary);
  file.write(out.data(), std::streamsize(out.size()));
  file.close();
  if (file) {
    std::filesystem::rename(temporary, path, ignored);
  }
  if (!file || ignored) std::filesystem::remove(temporary, ignored);
}

void Fields::add(std::string_view text) {
  bytes_.append(std::to_string(text.size())).append(":").append(text);
}

std::string FieldReader::text() {
  size_t length = 0;
  const auto colon = rest_.find(':');
  const char* end = rest_.data() + (colon == std::string_view::npos ? 0 : colon);
  if (!good_ || colon == std::string_view::npos || colon == 0 ||
      std::from_chars(rest_.data(), end, length).ptr != end || length > rest_.size() - colon - 1) {
    good_ = false;
    return {};
  }
  std::string out(rest_.substr(colon + 1, length));
  rest_.remove_prefix(colon + 1 + length);
  return out;
}

size_t FieldReader::number() {
  const auto digits = text();
  size_t number = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ptr !=
          digits.data() + digits.size() ||
      digits.empty())
    good_ = false;
  return number;
}

}  // namespace windrow::sql
