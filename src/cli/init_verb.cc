#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/nearest.h"
#include "cli/examples.h"
#include "cli/json_text.h"
#include "cli/session.h"

namespace windrow::cli {

namespace {

using Files = std::vector<const ExampleFile*>;

std::map<std::string, Files> examples() {
  std::map<std::string, Files> out;
  for (const auto& file : example_files()) out[std::string(file.example)].push_back(&file);
  return out;
}

/// The first sentence of an example's README.
std::string about(const Files& files) {
  for (const auto* file : files) {
    if (file->path != "README.md") continue;
    for (size_t at = 0; at < file->content.size();) {
      const size_t end = std::min(file->content.find('\n', at), file->content.size());
      const auto line = file->content.substr(at, end - at);
      if (!line.empty() && line[0] != '#') {
        const auto sentence = line.substr(0, line.find(". "));
        return std::string(sentence.substr(0, sentence.find_last_not_of(".:") + 1));
      }
      at = end + 1;
    }
  }
  return "";
}

int list(Session& session) {
  Json json = Json::array();
  TextTable table({"example", "is"});
  for (const auto& [name, files] : examples()) {
    json.push_back({{"name", name}, {"description", about(files)}, {"files", files.size()}});
    table.add({name, about(files)});
  }
  if (session.out.json()) {
    session.out.write(dumped(json));
  } else {
    session.out.table(table);
  }
  return kDone;
}

void write_file(const std::filesystem::path& path, const ExampleFile& file) {
  std::filesystem::create_directories(path.parent_path());
  errno = 0;
  std::ofstream stream(path, std::ios::binary);
  stream << file.content;
  stream.close();
  if (!stream) throw system_error(errno ? errno : EIO, "write", path.string());
  if (file.executable) std::filesystem::permissions(path, std::filesystem::perms(0755));
}

/// All files, or none: what was written before a failure is taken back.
void write_files(const std::filesystem::path& target, const Files& files) {
  std::vector<std::filesystem::path> written;
  try {
    for (const auto* file : files) {
      written.push_back(target / file->path);
      write_file(written.back(), *file);
    }
  } catch (const std::exception& failure) {
    for (const auto& path : written) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
    if (const auto* system = dynamic_cast<const std::filesystem::filesystem_error*>(&failure)) {
      throw system_error(system->code().value(), "write", target.string());
    }
    throw;
  }
}

}  // namespace

int init_verb(Session& session) {
  if (session.arguments.list) return list(session);
  const std::string name = session.arguments.name.empty() ? "quickstart" : session.arguments.name;
  const auto all = examples();
  const auto found = all.find(name);
  if (found == all.end()) {
    std::vector<std::string> known;
    for (const auto& [example, files] : all) known.push_back(example);
    const auto hint = did_you_mean(name, known);
    throw Error(Code::usage, "there is no example \"" + name + "\"",
                hint.empty() ? "`windrow init --list` names them" : hint);
  }
  // The folder that -C names is where relative ones begin, as for every other verb.
  const auto target = std::filesystem::path(session.arguments.folder) /
                      (session.arguments.target.empty() ? name : session.arguments.target);
  const auto shown = target.lexically_normal().string();
  for (const auto* file : found->second) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(target / file->path, ignored))) {
      throw Error(Code::usage,
                  "\"" + (target / file->path).lexically_normal().string() + "\" is there already",
                  "choose another folder: windrow init " + name + " FOLDER; nothing was written");
    }
  }
  write_files(target, found->second);
  if (session.out.json()) {
    Json files = Json::array();
    for (const auto* file : found->second) files.push_back(file->path);
    session.out.write(dumped({{"example", name}, {"folder", shown}, {"files", std::move(files)}}));
    return kDone;
  }
  session.out.print("made " + shown + " (" + counted(int64_t(found->second.size()), "file") + ")");
  const auto hint = about(found->second);
  if (!hint.empty()) session.out.print("  " + session.out.style().dim(hint));
  const bool plain = shown.find_first_of(" '\"$&;()*") == std::string::npos;
  session.out.print("\n" + session.out.style().bold("Try next") + "\n  cd " +
                    (plain ? shown : "\"" + shown + "\"") + "\n  windrow plan\n  windrow run");
  return kDone;
}

}  // namespace windrow::cli
