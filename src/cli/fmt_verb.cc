#include <algorithm>
#include <filesystem>
#include <set>

#include "base/text.h"
#include "cli/json_text.h"
#include "cli/line_diff.h"
#include "cli/session.h"
#include "project/folder_walk.h"
#include "project/formatting.h"
#include "project/project.h"
#include "project/text_file.h"
#include "storage/replace_file.h"

// fmt.
namespace windrow::cli {

namespace {

namespace fs = std::filesystem;

struct File {
  std::string path;
  std::string shown;  ///< from the project's folder, or as it was asked for
  std::string before, after;
};

bool is_formatted(const std::string& path) {
  const auto small = lower(path);
  return small.ends_with(".yaml") || small.ends_with(".yml") || small.ends_with(".sql");
}

void add_project(const std::string& folder, std::vector<File>& files, Problems& problems) {
  const auto root = project::find_root(folder);
  for (const char* name : {"windrow.yaml", "windrow.yml"}) {
    if (project::is_file(root + "/" + name)) {
      files.push_back({root + "/" + name, name, {}, {}});
      break;
    }
  }
  std::vector<Problem> ignored;  // `check` tells them
  for (const auto& file : project::walk_project(root, {}, ignored, problems))
    if (is_formatted(file.path)) files.push_back({root + "/" + file.path, file.path, {}, {}});
}

/// Hidden files and folders are passed over, links to folders too.
void add_folder(const fs::path& folder, const std::string& shown, std::vector<File>& files) {
  std::set<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed))
    names.insert(entry.path().filename().string());
  if (failed) throw system_error(failed.value(), "read folder", shown);
  for (const auto& name : names) {
    if (name.starts_with('.')) continue;
    const auto path = folder / name;
    const auto below = (fs::path(shown) / name).string();
    std::error_code ignored;
    if (fs::is_directory(fs::symlink_status(path, ignored)))
      add_folder(path, below, files);
    else if (is_formatted(name) && fs::is_regular_file(path, ignored))
      files.push_back({path.string(), below, {}, {}});
  }
}

std::vector<File> asked_for(const Session& session, Problems& problems) {
  const auto& a = session.arguments;
  std::vector<File> files;
  if (a.names.empty()) add_project(a.folder, files, problems);
  for (const auto& name : a.names) {
    const auto path = (fs::path(a.folder) / name).string();
    if (project::is_folder(path)) {
      add_folder(path, name, files);
    } else if (!is_formatted(name)) {
      throw Error(Code::usage, "\"" + name + "\" is neither a YAML file nor one of SQL",
                  "`windrow fmt` lays out .yaml, .yml and .sql");
    } else {
      files.push_back({path, name, {}, {}});
    }
  }
  std::set<std::string> seen;
  std::erase_if(files, [&](const File& file) {
    std::error_code ignored;
    return !seen.insert(fs::weakly_canonical(file.path, ignored).string()).second;
  });
  return files;
}

/// Those that would change.
std::vector<File> laid_out(std::vector<File> files, Problems& problems) {
  std::vector<File> out;
  for (auto& file : files) {
    try {
      file.before = project::read_text_file(file.path);
      auto after = project::formatted(file.before, file.shown, problems);
      if (!after || *after == file.before) continue;
      file.after = std::move(*after);
      out.push_back(std::move(file));
    } catch (const Error& error) {
      problems.add(error);
    }
  }
  return out;
}

void show(const Session& session, const std::vector<File>& changed, size_t looked_at, bool wrote) {
  const auto& a = session.arguments;
  const auto& out = session.out;
  if (out.json()) {
    Json list = Json::array();
    for (const auto& file : changed) {
      Json one{{"file", file.shown}};
      if (a.diff) one["diff"] = line_diff(file.shown, file.before, file.after);
      list.push_back(std::move(one));
    }
    out.write(dumped({{"files", looked_at}, {"changed", list}, {"written", wrote}}));
    return;
  }
  for (const auto& file : changed) {
    if (a.diff)
      out.write(line_diff(file.shown, file.before, file.after));
    else
      out.print((wrote ? "laid out " : "would lay out ") + file.shown);
  }
  const auto rest = counted(int64_t(looked_at - changed.size()), "file");
  if (changed.empty())
    out.note(rest + (looked_at == 1 ? " is" : " are") + " as `windrow fmt` would have " +
             (looked_at == 1 ? "it" : "them"));
  else if (!wrote)
    out.note("nothing was written: `windrow fmt` does it");
}

}  // namespace

int fmt_verb(Session& session) {
  const auto& a = session.arguments;
  Problems problems;
  auto files = asked_for(session, problems);
  const size_t looked_at = files.size();
  const auto changed = laid_out(std::move(files), problems);
  problems.raise();
  const bool write = !a.check && !a.diff;
  if (write)
    for (const auto& file : changed) storage::replace_file(file.path, file.before, file.after);
  show(session, changed, looked_at, write && !changed.empty());
  return a.check && !changed.empty() ? kFailed : kDone;
}

}  // namespace windrow::cli
