#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "app/kinds.h"
#include "base/nearest.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "project/project.h"

namespace windrow::cli {

namespace {

std::string reference(const std::string& kind) {
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
  };
  std::string out = "| key | type | default | |\n|---|---|---|---|\n";
  for (const auto& key : project::documented_keys(kind, app::kinds().declared)) {
    out += "| `" + key.path + "` | " + escaped(key.type) + " | " + escaped(key.default_value) +
           " | " + escaped(key.sentence) + " |\n";
  }
  return out;
}

int write_all(Session& session, const std::vector<std::string>& kinds,
              const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw system_error(failure.value(), "make", folder.string());
  for (const auto& kind : kinds) {
    const auto path = folder / (kind + ".schema.json");
    errno = 0;
    std::ofstream stream(path);
    stream << project::json_schema(kind, app::kinds().declared);
    stream.close();
    if (!stream) throw system_error(errno ? errno : EIO, "write", path.string());
  }
  if (session.out.json()) {
    session.out.write(dumped({{"folder", folder.string()}, {"kinds", kinds}}));
  } else {
    session.out.print("wrote " + counted(int64_t(kinds.size()), "schema") + " into " +
                      folder.string());
  }
  return kDone;
}

}  // namespace

int schema_verb(Session& session) {
  const auto& a = session.arguments;
  const auto kinds = project::schema_kinds();
  if (!a.write_folder.empty())
    return write_all(session, kinds, std::filesystem::path(a.folder) / a.write_folder);
  if (a.kind.empty()) {
    if (session.out.json()) session.out.write(dumped(kinds));
    for (const auto& kind : kinds) {
      if (!session.out.json()) session.out.print(kind);
    }
    return kDone;
  }
  if (std::find(kinds.begin(), kinds.end(), a.kind) == kinds.end()) {
    const auto hint = did_you_mean(a.kind, kinds);
    throw Error(Code::usage, "there is no kind of file \"" + a.kind + "\"",
                hint.empty() ? "one of: " + joined(kinds) : hint);
  }
  session.out.write(a.reference ? reference(a.kind)
                                : project::json_schema(a.kind, app::kinds().declared));
  return kDone;
}

}  // namespace windrow::cli
