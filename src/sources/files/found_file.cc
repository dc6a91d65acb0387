#include "sources/files/found_file.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "sources/kafka/decoder.h"

namespace windrow::sources {

namespace {

namespace fs = std::filesystem;

/// Nothing where it is gone or no regular file.
bool look(const std::string& path, FoundFile& out) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  out.path = path;
  out.size = uint64_t(info.st_size);
  const int64_t changed = int64_t(info.st_mtim.tv_sec) * 1'000'000 + info.st_mtim.tv_nsec / 1000;
  out.version = (changed & ~int64_t(1023)) | int64_t(out.size & 1023);
  return true;
}

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {
    throw system_error(error.value(), "list", folder);
  }
  return names;
}

class Search {
 public:
  Search(std::vector<std::string> parts, size_t fixed) : parts_(std::move(parts)), fixed_(fixed) {}

  void in(const std::string& folder, size_t part) {
    const bool last = part + 1 == parts_.size();
    if (parts_[part] == "**") {
      if (last) {
        below(folder, [&](const std::string& each) { files(each, "*"); });
      } else {
        below(folder, [&](const std::string& each) { in(each, part + 1); });
      }
    } else if (last) {
      files(folder, parts_[part]);
    } else {
      for (const auto& name : entries(folder)) {
        if (matches(parts_[part], name) && fs::is_directory(folder + "/" + name))
          in(folder + "/" + name, part + 1);
      }
    }
  }

  std::vector<FoundFile> found() {
    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    found_.erase(std::unique(found_.begin(), found_.end(),
                             [](const auto& a, const auto& b) { return a.name == b.name; }),
                 found_.end());
    return std::move(found_);
  }

 private:
  static bool matches(const std::string& pattern, const std::string& name) {
    return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
  }
  void files(const std::string& folder, const std::string& pattern) {
    for (const auto& name : entries(folder)) {
      FoundFile file;
      if (!matches(pattern, name) || !look(folder + "/" + name, file)) continue;
      file.name = utf8_name(file.path.substr(fixed_));
      found_.push_back(std::move(file));
    }
  }
  /// The folder and all below it; links to folders are not followed, for they may lead back.
  template <class Visit>
  void below(const std::string& folder, const Visit& visit) {
    visit(folder);
    for (const auto& name : entries(folder)) {
      const std::string path = folder + "/" + name;
      if (!name.starts_with('.') && fs::is_directory(fs::symlink_status(path))) below(path, visit);
    }
  }

  std::vector<std::string> parts_;
  size_t fixed_;
  std::vector<FoundFile> found_;
};

}  // namespace

std::vector<FoundFile> find_files(const std::string& root, const std::string& pattern) {
  const std::string full = pattern.starts_with('/') ? pattern : root + "/" + pattern;
  FoundFile plain;
  // A file that is really called so wins over what the name would mean as a glob.
  if (look(full, plain)) {
    plain.name = fs::path(full).filename().string();
    return {plain};
  }
  if (!wild(pattern)) {
    throw Error(Code::not_found, "file \"" + pattern + "\" is not there",
                "looked at \"" + full + "\"; a glob such as data/*.json may match nothing");
  }
  // The project's own folder is no pattern, whatever its name.
  std::vector<std::string> parts;
  std::string folder = pattern.starts_with('/') ? "" : root;
  for (size_t begin = 0; begin <= pattern.size();) {
    const size_t end = std::min(pattern.find('/', begin), pattern.size());
    const std::string part = pattern.substr(begin, end - begin);
    if (parts.empty() && !wild(part))
      folder += part.empty() ? "" : "/" + part;
    else if (!part.empty())
      parts.push_back(part);
    begin = end + 1;
  }
  Search search(std::move(parts), folder.size() + 1);
  search.in(folder, 0);
  return search.found();
}

std::string utf8_name(const std::string& name) {
  if (is_utf8(name)) return name;
  std::string out;
  for (size_t at = 0; at < name.size();) {
    size_t size = 1;
    while (size < 4 && at + size < name.size() && (uint8_t(name[at + size]) & 0xC0) == 0x80) ++size;
    const auto letter = std::string_view(name).substr(at, size);
    if (is_utf8(letter)) {
      out += letter;
    } else {
      for (const char c : letter) out += fmt::format("\\x{:02x}", uint8_t(c));
    }
    at += size;
  }
  return out;
}

std::string escape_glob(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[')
      out += std::string("[") + c + "]";
    else
      out += c;
  }
  return out;
}

}  // namespace windrow::sources
