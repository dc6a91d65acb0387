#include "lake/lake_removal.h"

#include <filesystem>
#include <numeric>
#include <set>
#include <sstream>

#include "base/error.h"
#include "storage/folders.h"
#include "storage/homes.h"

namespace windrow::lake {
namespace {

constexpr const char* kLogFolder = "_delta_log";

std::string own_folder(const Lake& lake) { return lake.root() + "/_windrow"; }
std::string identity_path(const Lake& lake) { return own_folder(lake) + "/lake.json"; }
std::string removing_path(const Lake& lake) { return own_folder(lake) + "/removing"; }

std::string name_of(const storage::FileInfo& info) {
  return info.path.substr(info.path.find_last_of('/') + 1);
}

/// The tables that a removal before has named.
std::set<std::string> begun_with(storage::FileSystem& files, const Lake& lake) {
  std::set<std::string> out;
  if (!files.stat(removing_path(lake))) return out;
  std::istringstream lines(files.read(removing_path(lake)));
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out.insert(line);
  return out;
}

void remove_empty_folder(storage::FileSystem& files, const std::string& folder) {
  std::error_code ignored;
  if (storage::scheme_of(folder).empty() && std::filesystem::is_symlink(folder, ignored)) return;
  try {
    files.remove(folder);
  } catch (const Error&) {
    // Not empty, or folders are nothing of their own here.
  }
}

}  // namespace

int64_t LakeContents::files() const {
  return std::accumulate(tables.begin(), tables.end(), int64_t(0),
                         [](int64_t sum, const Table& table) { return sum + table.files; });
}

int64_t LakeContents::bytes() const {
  return std::accumulate(tables.begin(), tables.end(), int64_t(0),
                         [](int64_t sum, const Table& table) { return sum + table.bytes; });
}

LakeContents contents(storage::FileSystem& files, const Lake& lake) {
  LakeContents out;
  auto names = begun_with(files, lake);
  for (auto& name : lake.tables()) names.insert(std::move(name));
  for (const auto& layer : files.list(lake.root(), {}, false)) {
    const auto layer_name = name_of(layer);
    if (layer_name == "_windrow" || layer_name.starts_with(".tmp-")) continue;
    if (!layer.folder) {
      out.others.push_back(layer_name);
      continue;
    }
    for (const auto& entry : files.list(layer.path, {}, false)) {
      const auto name = name_of(entry);
      if (name.starts_with(".tmp-")) continue;
      if (!entry.folder || !names.contains(layer_name + "." + name)) {
        out.others.push_back(layer_name + "/" + name);
        continue;
      }
      LakeContents::Table table{layer_name + "." + name};
      for (const auto& file : files.list_tree(entry.path)) {
        if (file.folder) continue;
        ++table.files;
        table.bytes += int64_t(file.size);
      }
      out.tables.push_back(std::move(table));
    }
  }
  return out;
}

void remove_lake(storage::FileSystem& files, const Lake& lake, const LakeContents& found,
                 Cancel& cancel) {
  std::string names;
  for (const auto& table : found.tables) names += table.name + "\n";
  if (!names.empty()) files.put(removing_path(lake), names);
  std::set<std::string> layers;
  for (const auto& table : found.tables) {
    cancel.check();
    const auto path = lake.table_path(table.name);
    storage::remove_folder(files, path, kLogFolder);
    layers.insert(path.substr(0, path.find_last_of('/')));
  }
  for (const auto& layer : layers) remove_empty_folder(files, layer);
  std::vector<std::string> ours;
  for (const auto& file : files.list_tree(own_folder(lake))) {
    if (!file.folder && file.path != identity_path(lake) && file.path != removing_path(lake))
      ours.push_back(file.path);
  }
  files.remove_all(ours);
  files.remove(removing_path(lake));
  if (!found.others.empty()) return;  // without its identity the folder could not be a lake again
  files.remove(identity_path(lake));
  // What somebody has begun to write by now stays: only empty folders go.
  for (const auto& entry : files.list(own_folder(lake), {}, false))
    if (entry.folder) remove_empty_folder(files, entry.path);
  remove_empty_folder(files, own_folder(lake));
  remove_empty_folder(files, lake.root());
}

}  // namespace windrow::lake
