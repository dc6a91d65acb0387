#include "app/versions.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/hash.h"
#include "project/folder_walk.h"
#include "project/text_file.h"
#include "storage/file_system.h"
#include "storage/private_file.h"

namespace windrow::app {

namespace fs = std::filesystem;

namespace {

/// What is written, and what the hash is of.
std::string version_text(const project::Overlay& texts) {
  nlohmann::json files = nlohmann::json::object();
  for (const auto& [path, text] : texts) files[path] = text.value_or("");
  // Bytes that are no UTF-8 are among a project's mistakes, which are told when it is read.
  return files.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::set<std::string> paths_of(const std::string& root) {
  std::set<std::string> out;
  for (const char* name : {"windrow.yaml", "windrow.yml"})
    if (fs::is_regular_file(root + "/" + name)) out.insert(name);
  std::vector<Problem> notices;
  Problems problems;
  for (const auto& file : project::walk_project(root, {}, notices, problems)) out.insert(file.path);
  problems.raise();
  return out;
}

}  // namespace

project::Overlay ProjectVersion::over(const std::string& root) const {
  project::Overlay out = texts;
  for (const auto& path : paths_of(root)) out.try_emplace(path, std::nullopt);
  return out;
}

std::shared_ptr<const ProjectVersion> version_now(const std::string& root) {
  auto out = std::make_shared<ProjectVersion>();
  for (const auto& path : paths_of(root)) {
    const bool seed = project::file_kind_of(path) == project::FileKind::seed;
    out->texts[path] = seed ? "" : project::read_text_file(root + "/" + path);
  }
  out->hash = sha256(version_text(out->texts));
  return out;
}

void ProjectVersions::keep(const ProjectVersion& version) const {
  const auto path = folder_ + "/" + version.hash + ".json";
  storage::make_private_folder(folder_);
  const auto disk = storage::local_file_system();
  if (!disk->stat(path)) disk->put_if_absent(path, version_text(version.texts));
}

std::shared_ptr<const ProjectVersion> ProjectVersions::find(const std::string& hash) const {
  const auto path = folder_ + "/" + hash + ".json";
  const auto disk = storage::local_file_system();
  if (hash.empty() || !disk->stat(path)) return nullptr;
  const auto text = disk->read(path);
  if (sha256(text) != hash) return nullptr;
  const auto files = nlohmann::json::parse(text, nullptr, false);
  if (!files.is_object()) return nullptr;
  auto out = std::make_shared<ProjectVersion>();
  out->hash = hash;
  for (const auto& [name, content] : files.items()) {
    if (!content.is_string()) return nullptr;
    out->texts[name] = content.get<std::string>();
  }
  return out;
}

void ProjectVersions::retain(size_t newest, const std::set<std::string>& needed) const {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code failed;
  for (fs::directory_iterator entry(folder_, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().extension() != ".json" || needed.contains(entry->path().stem().string()))
      continue;
    std::error_code gone;
    const auto time = entry->last_write_time(gone);
    if (!gone) found.emplace_back(time, entry->path());
  }
  if (found.size() <= newest) return;
  std::sort(found.begin(), found.end(), std::greater<>());
  for (size_t i = newest; i < found.size(); ++i) fs::remove(found[i].second, failed);
}

}  // namespace windrow::app
