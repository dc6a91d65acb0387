#include "project/folder_walk.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/nearest.h"
#include "base/text.h"
#include "project/names.h"

namespace windrow::project {
namespace {

struct Ending {
  const char* text;
  FileKind kind;
};

struct Folder {
  const char* name;
  std::vector<Ending> endings;
  bool deep;
};

const std::vector<Folder>& folders() {
  const auto yaml = [](FileKind kind) {
    return std::vector<Ending>{{".yaml", kind}, {".yml", kind}};
  };
  static const std::vector<Folder> all = {
      {"sources", yaml(FileKind::source), true},
      {"models", {{".sql", FileKind::model}}, true},
      {"macros", {{".sql", FileKind::macro}}, true},
      {"seeds",
       {{".csv", FileKind::seed},
        {".yaml", FileKind::seed_declaration},
        {".yml", FileKind::seed_declaration}},
       false},
      {"publish", yaml(FileKind::publish), true},
      {"tasks", yaml(FileKind::task), true},
      {"tests", yaml(FileKind::test), true},
      {"schedules", yaml(FileKind::schedule), true},
      {"sensors", yaml(FileKind::sensor), true},
      {"calendars",
       {{".ics", FileKind::calendar}, {".yaml", FileKind::calendar}, {".yml", FileKind::calendar}},
       true}};
  return all;
}

bool is_passed_over(std::string_view name) {
  static constexpr std::string_view kBackups[] = {"~",    ".bak",  ".swp", ".swo",
                                                  ".tmp", ".orig", ".rej"};
  if (name.starts_with('.') || name.starts_with('#')) return true;
  return std::any_of(std::begin(kBackups), std::end(kBackups),
                     [&](auto ending) { return name.ends_with(ending); });
}

std::optional<FileKind> kind_by_ending(const Folder& folder, std::string_view name) {
  const std::string small = lower(name);
  for (const auto& ending : folder.endings) {
    if (small.ends_with(ending.text) && small != ending.text) return ending.kind;
  }
  return std::nullopt;
}

/// Notes for people are welcome in every folder.
bool is_note(std::string_view name) {
  const std::string small = lower(name);
  return small.ends_with(".md") || small.ends_with(".txt") || small.starts_with("readme");
}

enum class EntryKind { file, folder, linked_folder, other };

EntryKind kind_of(const std::string& folder, const dirent& entry) {
  if (entry.d_type == DT_REG) return EntryKind::file;
  if (entry.d_type == DT_DIR) return EntryKind::folder;
  struct stat status {};
  if (::stat((folder + "/" + entry.d_name).c_str(), &status) != 0) return EntryKind::other;
  if (S_ISREG(status.st_mode)) return EntryKind::file;
  if (!S_ISDIR(status.st_mode)) return EntryKind::other;
  return entry.d_type == DT_LNK ? EntryKind::linked_folder : EntryKind::folder;
}

class Walk {
 public:
  Walk(const std::string& root, const std::set<std::string>& skip, std::vector<Problem>& notices,
       Problems& problems)
      : root_(root), skip_(skip), notices_(notices), problems_(problems) {}

  std::vector<ProjectFile> run() {
    look_at_root();
    for (const auto& folder : folders()) walk(folder, folder.name, 0);
    std::sort(files_.begin(), files_.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(files_);
  }

 private:
  void notice(std::string message, std::string hint, std::string path) {
    notices_.push_back(
        {Code::configuration, std::move(message), std::move(hint), {std::move(path), 0, 0}});
  }

  /// A folder whose name is nearly one that is read was most likely meant to be it.
  void look_at_root() {
    std::vector<std::string> known;
    for (const auto& folder : folders()) known.push_back(folder.name);
    each_entry("", [&](const std::string& name, EntryKind kind) {
      if (kind != EntryKind::folder || skip_.contains(root_ + "/" + name)) return;
      if (std::find(known.begin(), known.end(), name) != known.end()) return;
      const std::string hint = did_you_mean(name, known);
      if (!hint.empty()) notice("folder \"" + name + "\" is not read", hint, name);
    });
  }

  template <class Each>
  void each_entry(const std::string& relative, Each each) {
    const std::string path = relative.empty() ? root_ : root_ + "/" + relative;
    std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) {
      if (errno != ENOENT && errno != ENOTDIR)
        problems_.add(system_error(errno, "read folder", path));
      return;
    }
    while (const dirent* entry = ::readdir(folder.get())) {
      if (!is_passed_over(entry->d_name)) each(entry->d_name, kind_of(path, *entry));
    }
  }

  void walk(const Folder& folder, const std::string& relative, int depth) {
    std::vector<std::string> below;
    each_entry(relative, [&](const std::string& name, EntryKind kind) {
      const std::string path = relative + "/" + name;
      if (kind == EntryKind::file) {
        take(folder, name, path);
      } else if (kind == EntryKind::linked_folder) {
        notice("a link to a folder is not followed", "", path);
      } else if (kind == EntryKind::folder && !skip_.contains(root_ + "/" + path)) {
        if (folder.deep)
          below.push_back(path);
        else
          notice("folders inside of " + std::string(folder.name) + "/ are not read", "", path);
      }
    });
    for (const auto& path : below) walk(folder, path, depth + 1);
  }

  void take(const Folder& folder, const std::string& name, const std::string& path) {
    if (const auto kind = kind_by_ending(folder, name)) {
      files_.push_back({*kind, path});
      return;
    }
    if (is_note(name)) return;
    notice("file is not read: in " + std::string(folder.name) + "/ files end in " +
               folder.endings.front().text,
           "", path);
  }

  const std::string& root_;
  const std::set<std::string>& skip_;
  std::vector<Problem>& notices_;
  Problems& problems_;
  std::vector<ProjectFile> files_;
};

}  // namespace

std::optional<FileKind> file_kind_of(std::string_view path) {
  const size_t first = path.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  for (const auto& folder : folders()) {
    if (path.substr(0, first) != folder.name) continue;
    std::string_view rest = path.substr(first + 1);
    for (size_t slash = 0; (slash = rest.find('/')) != std::string_view::npos;
         rest.remove_prefix(slash + 1)) {
      if (!folder.deep || is_passed_over(rest.substr(0, slash))) return std::nullopt;
    }
    return is_passed_over(rest) ? std::nullopt : kind_by_ending(folder, rest);
  }
  return std::nullopt;
}

std::vector<ProjectFile> walk_project(const std::string& root, const std::set<std::string>& skip,
                                      std::vector<Problem>& notices, Problems& problems) {
  return Walk(root, skip, notices, problems).run();
}

std::vector<std::string> folders_of_project(const std::string& root) {
  namespace fs = std::filesystem;
  std::vector<std::string> out = {root};
  for (const auto& folder : folders()) {
    const std::string top = root + "/" + folder.name;
    std::error_code failed;
    if (!fs::is_directory(top, failed)) continue;
    out.push_back(top);
    // What goes meanwhile is told as a change of the folder above.
    for (fs::recursive_directory_iterator entry(top, failed), end; entry != end && !failed;
         entry.increment(failed)) {
      const bool hidden = is_passed_over(entry->path().filename().string());
      std::error_code ignored;
      if (!entry->is_directory(ignored) || entry->is_symlink(ignored)) continue;
      if (hidden)
        entry.disable_recursion_pending();
      else
        out.push_back(entry->path().string());
    }
  }
  return out;
}

bool may_matter(const std::string& root, const std::string& folder, const std::string& name) {
  if (folder != root) return !is_passed_over(name);
  return name.empty() || name == "windrow.yaml" || name == "windrow.yml" || name == ".env" ||
         std::any_of(folders().begin(), folders().end(),
                     [&](const Folder& each) { return name == each.name; });
}

}  // namespace windrow::project
