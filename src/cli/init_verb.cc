#include <sys/stat.h>

#include <cctype>
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

/// With the project's name, where `project` gives one.
std::string content_of(const ExampleFile& file, const std::string& project) {
  std::string out(file.content);
  constexpr std::string_view kName = "PROJECT";
  for (size_t at = 0; !project.empty() && (at = out.find(kName, at)) != std::string::npos;)
    out.replace(at, kName.size(), project), at += project.size();
  return out;
}

void write_file(const std::filesystem::path& path, const ExampleFile& file,
                const std::string& project) {
  std::filesystem::create_directories(path.parent_path());
  errno = 0;
  std::ofstream stream(path, std::ios::binary);
  stream << content_of(file, project);
  stream.close();
  if (!stream) throw system_error(errno ? errno : EIO, "write", path.string());
  if (file.executable) std::filesystem::permissions(path, std::filesystem::perms(0755));
}

/// All files, or none: what was written before a failure is taken back.
void write_files(const std::filesystem::path& target, const Files& files,
                 const std::string& project) {
  std::vector<std::filesystem::path> written;
  try {
    for (const auto* file : files) {
      written.push_back(target / file->path);
      write_file(written.back(), *file, project);
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

/// Names of projects are those of labels: what a folder may be called beyond that is left out.
std::string project_name(const std::filesystem::path& folder) {
  std::string out;
  auto whole = std::filesystem::absolute(folder).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // it ended in a slash
  for (const char c : whole.filename().string()) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) || c == '_';
    const bool other = std::isdigit(static_cast<unsigned char>(c)) || c == '-';
    if (letter || (other && !out.empty())) out += c;
  }
  return out.empty() ? "project" : out;
}

void refuse_what_is_there(const std::filesystem::path& target, const Files& files,
                          const std::string& name) {
  for (const auto* file : files) {
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(target / file->path, ignored)))
      continue;
    throw Error(Code::usage,
                "\"" + (target / file->path).lexically_normal().string() + "\" is there already",
                "choose another folder: windrow init " + name + " FOLDER; nothing was written");
  }
}

/// `cd FOLDER`, and what to do in it.
void try_next(const Session& session, const std::string& folder,
              const std::vector<std::string>& commands) {
  const bool plain = folder.find_first_of(" '\"$&;()*") == std::string::npos;
  std::string text = "\n" + session.out.style().bold("Try next");
  if (folder != ".") text += "\n  cd " + (plain ? folder : "\"" + folder + "\"");
  for (const auto& command : commands) text += "\n  " + command;
  session.out.print(text);
}

int make(Session& session, const Files& files, const std::string& name, bool example) {
  // The folder that -C names is where relative ones begin, as for every other verb.
  const auto& into = session.arguments.target;
  const auto target =
      std::filesystem::path(session.arguments.folder) / (into.empty() ? name : into);
  auto shown = target.lexically_normal().string();
  if (shown.size() > 1 && shown.back() == '/') shown.pop_back();
  refuse_what_is_there(target, files, name);
  const std::string project = example ? "" : project_name(target);
  write_files(target, files, project);
  if (session.out.json()) {
    Json json;
    if (example) {
      json["example"] = name;
    } else {
      json["project"] = project;
    }
    json["folder"] = shown;
    json["files"] = Json::array();
    for (const auto* file : files) json["files"].push_back(file->path);
    session.out.write(dumped(json));
    return kDone;
  }
  session.out.print("made " + shown + " (" + counted(int64_t(files.size()), "file") + ")");
  const auto hint = example ? about(files) : "an empty project, with a note in each folder";
  if (!hint.empty()) session.out.print("  " + session.out.style().dim(hint));
  if (example) {
    try_next(session, shown, {"windrow plan", "windrow run"});
  } else {
    try_next(session, shown,
             {"windrow source try FILE --write   # a source from a file of yours", "windrow run"});
  }
  return kDone;
}

}  // namespace

int init_verb(Session& session) {
  const auto& arguments = session.arguments;
  if (arguments.list) return list(session);
  const std::string name =
      arguments.name.empty() && !arguments.empty ? "quickstart" : arguments.name;
  if (name.empty()) {
    throw Error(Code::usage, "an empty project needs a folder", "windrow init --empty FOLDER");
  }
  const auto all = examples();
  const auto found = all.find(name);
  if (found != all.end() && !arguments.empty) return make(session, found->second, name, true);
  std::vector<std::string> known;
  for (const auto& [example, files] : all) known.push_back(example);
  const auto hint = did_you_mean(name, known);
  if (!hint.empty() && !arguments.empty) {
    throw Error(Code::usage, "there is no example \"" + name + "\"",
                hint + " An empty project of that name: windrow init --empty " + name);
  }
  Files files;
  for (const auto& file : scaffold_files()) files.push_back(&file);
  return make(session, files, name, false);
}

}  // namespace windrow::cli
