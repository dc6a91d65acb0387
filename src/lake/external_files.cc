#include "lake/external_files.h"

#include <algorithm>

#include "base/error.h"
#include "lake/deletion_vector.h"
#include "lake/partition_path.h"

namespace windrow::lake {
namespace {

/// The folder above, without a slash behind it; nothing above the root or a bucket.
std::optional<std::string> above(const std::string& path) {
  const size_t scheme = path.find("://");
  const size_t root = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t slash =
      path.find('/', root) == std::string::npos ? std::string::npos : path.find_last_of('/');
  if (slash == std::string::npos) return {};
  return path.substr(0, slash);
}

bool lies_in(const std::string& path, const std::string& folder) {
  if (("/" + path + "/").find("/../") != std::string::npos) return false;
  return path == folder || (path.starts_with(folder) && path.size() > folder.size() &&
                            (folder.ends_with('/') || path[folder.size()] == '/'));
}

std::string list_in(const std::string& folder) { return folder + "/_windrow/external_files"; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    line.erase(line.find_last_not_of(" \t\r/") + 1);
    line.erase(0, line.find_first_not_of(" \t"));
    if (!line.empty() && line[0] != '#') out.push_back(std::move(line));
    begin = end + 1;
  }
  return out;
}

}  // namespace

ExternalFiles::ExternalFiles(storage::FileSystem& files, std::string table_path)
    : files_(files), table_path_(std::move(table_path)) {}

const std::vector<std::string>& ExternalFiles::allowed() {
  if (allowed_) return *allowed_;
  allowed_.emplace();
  for (auto folder = above(table_path_); folder; folder = above(*folder)) {
    if (files_.stat(*folder + "/_windrow/lake.json")) allowed_->push_back(*folder);
    if (!files_.stat(list_in(*folder))) continue;
    for (auto& line : lines_of(files_.read(list_in(*folder)))) allowed_->push_back(std::move(line));
  }
  return *allowed_;
}

std::optional<std::string> ExternalFiles::allowed_by(const std::string& path) {
  for (const auto& folder : allowed()) {
    if (lies_in(path, folder)) return folder;
  }
  return {};
}

void ExternalFiles::check_path(const std::string& path) {
  if (lies_in(path, table_path_) || allowed_by(path)) return;
  throw Error(
      Code::permission,
      "the log of \"" + table_path_ + "\" names a file outside of its lake: \"" + path + "\"",
      "if you own both, allow its folder with a line in \"" +
          list_in(above(table_path_).value_or("")) + "\"");
}

void ExternalFiles::check(const std::string& log_path,
                          const std::optional<DeletionVector>& vector) {
  if (is_absolute_path(log_path)) check_path(resolved_path(table_path_, log_path));
  if (vector && vector->storage_type == "p") check_path(vector_path(table_path_, *vector));
}

void ExternalFiles::check(const std::vector<Add>& adds) {
  for (const auto& add : adds) check(add.path, add.deletion_vector);
}

void ExternalFiles::check(const Commit& commit) {
  check(commit.adds);
  for (const auto& remove : commit.removes) check(remove.path, remove.deletion_vector);
  for (const auto& cdc : commit.cdcs) check(cdc.path, {});
}

void allow_external(storage::FileSystem& files, const std::string& table_path,
                    const std::vector<std::string>& folders) {
  ExternalFiles known(files, table_path);
  const std::string list = list_in(above(table_path).value_or(""));
  std::string text;
  for (const auto& folder : folders) {
    if (lies_in(folder, table_path) || known.allowed_by(folder) ||
        text.find(folder + "\n") != std::string::npos)
      continue;
    text += folder + "\n";
  }
  if (text.empty()) return;
  if (files.stat(list)) {
    std::string before = files.read(list);
    if (!before.empty() && !before.ends_with('\n')) before += '\n';
    text = before + text;
  }
  files.put(list, text);
}

}  // namespace windrow::lake
