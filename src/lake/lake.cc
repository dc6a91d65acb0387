#include "lake/lake.h"

#include <algorithm>

#include "base/error.h"
#include "base/id.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"
#include "lake/log.h"
#include "lake/table.h"
#include "storage/folders.h"
#include "storage/homes.h"

namespace windrow::lake {
namespace {

constexpr int kFormat = 1;

constexpr const char* kLog = "_delta_log";

/// Where a home cannot move a folder as one step: there from before the first file is copied until
/// the last one of the former name is removed.
std::string moving_mark(const std::string& table_path) { return table_path + "/_windrow/moving"; }

std::string identity_path(const std::string& root) { return root + "/_windrow/lake.json"; }

std::string to_json(const Identity& identity) {
  JsonWriter w;
  w.begin_object().field("windrow", identity.format).field("id", identity.id);
  w.field("project", identity.project).field("environment", identity.environment);
  return w.end_object().take() + "\n";
}

Identity identity_from(const std::string& text, const std::string& path) {
  return reading_json("\"" + path + "\"", [&] {
    simdjson::dom::parser parser;
    const JsonObject object = parser.parse(text);
    Identity identity;
    identity.format = int(int64_t(object["windrow"]));
    if (identity.format > kFormat) {
      throw Error(Code::unsupported,
                  "the lake at \"" + path + "\" is of format " + std::to_string(identity.format) +
                      "; this version of windrow knows " + std::to_string(kFormat),
                  "use the newer windrow that wrote it");
    }
    identity.id = std::string(std::string_view(object["id"]));
    identity.project = string_at(object, "project");
    identity.environment = string_at(object, "environment");
    return identity;
  });
}

std::optional<std::string> read_if_there(storage::FileSystem& files, const std::string& path) {
  try {
    return files.read(path);
  } catch (const Error& error) {
    if (error.code() == Code::not_found) return {};
    throw;
  }
}

/// Unfinished writes and the folder of ours do not make a folder somebody's.
bool holds_nothing(storage::FileSystem& files, const std::string& root) {
  for (const auto& entry : files.list(root, {}, false)) {
    const std::string name = entry.path.substr(entry.path.find_last_of('/') + 1);
    if (!name.starts_with(".tmp-") && name != "_windrow") return false;
  }
  return true;
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && !name.starts_with('.') &&
         !name.starts_with('_') && name.find('\0') == std::string_view::npos;
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

Lake::Lake(storage::FileSystem& files, std::string root, Identity identity)
    : files_(&files), root_(std::move(root)), identity_(std::move(identity)) {}

Lake Lake::open(storage::FileSystem& files, const std::string& root, const std::string& project,
                const std::string& environment, bool create, Time) {
  const std::string folder = without_trailing_slash(root);
  const std::string path = identity_path(folder);
  auto text = read_if_there(files, path);
  if (!text) {
    if (!holds_nothing(files, folder)) {
      throw Error(Code::configuration, "\"" + folder + "\" is no lake: it holds other files",
                  "choose an empty folder for the lake");
    }
    if (!create)
      throw Error(Code::not_found, "there is no lake at \"" + folder + "\"",
                  "windrow run makes it");
    const Identity made{new_uuid(), kFormat, project, environment};
    if (files.put_if_absent(path, to_json(made)) == storage::PutOutcome::created)
      return Lake(files, folder, made);
    text = files.read(path);  // somebody else has made it just now
  }
  Identity identity = identity_from(*text, path);
  if (identity.project != project || identity.environment != environment) {
    throw Error(Code::configuration,
                "the lake at \"" + folder + "\" belongs to project \"" + identity.project +
                    "\", environment \"" + identity.environment + "\", not to \"" + project +
                    "\", \"" + environment + "\"",
                "give this environment a lake of its own in windrow.yaml");
  }
  return Lake(files, folder, std::move(identity));
}

std::string Lake::table_path(const std::string& asset) const {
  const size_t dot = asset.find('.');
  if (dot == std::string::npos || !plain_name(std::string_view(asset).substr(0, dot)) ||
      !plain_name(std::string_view(asset).substr(dot + 1))) {
    throw Error(Code::usage, "\"" + asset + "\" is no name of a table",
                "a table is named layer.table");
  }
  return root_ + "/" + asset.substr(0, dot) + "/" + asset.substr(dot + 1);
}

Table Lake::table(const std::string& asset) const { return Table(*files_, table_path(asset)); }

std::vector<std::string> Lake::tables() const {
  std::vector<std::string> out;
  const auto name_of = [](const storage::FileInfo& info) {
    return info.path.substr(info.path.find_last_of('/') + 1);
  };
  for (const auto& layer : files_->list(root_, {}, false)) {
    if (!layer.folder || !plain_name(name_of(layer))) continue;
    for (const auto& table : files_->list(layer.path, {}, false)) {
      if (!table.folder || !plain_name(name_of(table)) || !files_->stat(log_folder(table.path)))
        continue;
      out.push_back(name_of(layer) + "." + name_of(table));
    }
  }
  return out;
}

bool Lake::may_take_over(const std::string& from, const std::string& to) const {
  const std::string path = table_path(to);
  if (!storage::scheme_of(path).empty() && files_->stat(moving_mark(path))) return true;
  return table(from).exists() && !table(to).exists();
}

void Lake::take_over(const std::string& from, const std::string& to) {
  const std::string old_path = table_path(from), path = table_path(to);
  const bool one_step = storage::scheme_of(path).empty();
  if (!one_step) files_->put(moving_mark(path), from + "\n");
  try {
    storage::move_folder(*files_, old_path, path, kLog);
  } catch (const Error& error) {
    if (error.code() != Code::not_found && error.code() != Code::conflict) throw;
    if (may_take_over(from, to) || !table(to).exists()) throw;  // else another run was faster
  }
  if (!one_step) files_->remove(moving_mark(path));
}

void Lake::drop(const std::string& asset) {
  storage::remove_folder(*files_, table_path(asset), kLog);
}

void Lake::keep_definition(const std::string& hash, const std::string& text) {
  if (files_->put_if_absent(root_ + "/_windrow/definitions/" + hash, text) ==
      storage::PutOutcome::unknown) {
    throw Error(Code::unavailable, "the storage did not say whether a definition was kept",
                "run again");
  }
}

std::optional<std::string> Lake::definition(const std::string& hash) const {
  if (!plain_name(hash)) return {};
  return read_if_there(*files_, root_ + "/_windrow/definitions/" + hash);
}

}  // namespace windrow::lake
