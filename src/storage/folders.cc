#include "storage/folders.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "storage/homes.h"

namespace windrow::storage {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPiece = 8 << 20;  // bytes that are copied at a time

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

[[noreturn]] void refuse(const std::string& what, const std::error_code& why) {
  const Code code = why == std::errc::permission_denied || why == std::errc::read_only_file_system
                        ? Code::permission
                    : why == std::errc::no_space_on_device ? Code::full
                    : why == std::errc::file_exists || why == std::errc::directory_not_empty
                        ? Code::conflict
                    : why == std::errc::no_such_file_or_directory ? Code::not_found
                                                                  : Code::unavailable;
  throw Error(code, what + ": " + why.message());
}

/// Makes the names in a local folder durable; where that cannot be done, a power cut may bring back
/// the former name.
void sync_names(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

void move_local(FileSystem& files, const std::string& from, const std::string& to) {
  files.make_folder(parent_of(to));
  std::error_code failed;
  // rename(2) takes an empty folder's place; nothing else's.
  fs::rename(from, to, failed);
  if (failed) refuse("\"" + from + "\" cannot be moved to \"" + to + "\"", failed);
  sync_names(parent_of(to));
  sync_names(parent_of(from));
}

void copy_file(FileSystem& files, const FileInfo& file, const std::string& to) {
  const auto writer = files.writer(to);
  for (uint64_t at = 0; at < file.size; at += kPiece)
    writer->write(files.read_range(file.path, at, std::min(kPiece, file.size - at)));
  writer->finish();
}

std::vector<std::string> paths_of(const std::vector<FileInfo>& files) {
  std::vector<std::string> out;
  for (const auto& file : files) {
    if (!file.folder) out.push_back(file.path);
  }
  return out;
}

/// Those of `part` behind all others; each of both in the order of their names.
void part_last(std::vector<FileInfo>& files, const std::string& part) {
  std::sort(files.begin(), files.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  std::stable_partition(files.begin(), files.end(), [&](const FileInfo& file) {
    return part.empty() || !file.path.starts_with(part + "/");
  });
}

/// Where folders are things of their own, the empty ones are removed too; elsewhere it does
/// nothing.
void remove_empty(FileSystem& files, const std::string& folder) {
  for (const auto& entry : files.list(folder, {}, false)) {
    if (entry.folder) remove_empty(files, entry.path);
  }
  try {
    files.remove(folder);
  } catch (const Error&) {
    // No reader minds an empty folder.
  }
}

}  // namespace

void move_folder(FileSystem& files, const std::string& from, const std::string& to,
                 const std::string& last) {
  if (scheme_of(from).empty() && scheme_of(to).empty()) return move_local(files, from, to);
  auto all = files.list_tree(from);
  part_last(all, last.empty() ? last : from + "/" + last);
  for (const auto& file : all) {
    if (!file.folder) copy_file(files, file, to + file.path.substr(from.size()));
  }
  remove_folder(files, from, last);
}

void remove_folder(FileSystem& files, const std::string& folder, const std::string& first) {
  std::error_code ignored;
  if (scheme_of(folder).empty() && fs::is_symlink(folder, ignored)) {
    files.remove(folder);  // the link alone: what it leads to is not ours
    return;
  }
  auto all = files.list_tree(folder);
  part_last(all, first.empty() ? first : folder + "/" + first);
  auto paths = paths_of(all);
  std::reverse(paths.begin(), paths.end());
  // One after the other where the order matters, the rest at once.
  size_t ordered = 0;
  while (!first.empty() && ordered < paths.size() &&
         paths[ordered].starts_with(folder + "/" + first + "/"))
    files.remove(paths[ordered++]);
  files.remove_all({paths.begin() + std::ptrdiff_t(ordered), paths.end()});
  // What is left are empty folders.
  if (scheme_of(folder).empty()) {
    fs::remove_all(folder, ignored);
  } else {
    remove_empty(files, folder);
  }
}

}  // namespace windrow::storage
