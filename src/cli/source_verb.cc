#include <fmt/format.h>

#include <filesystem>

#include "app/app.h"
#include "app/json.h"
#include "base/text.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "storage/file_system.h"

// source.
namespace windrow::cli {

namespace {

/// As the project's file will say it: from the project's folder where it lies in there. Relative
/// ones begin where -C says, as for every other verb.
std::string seen_from_project(const std::string& place, const std::string& folder,
                              const std::string& root) {
  namespace fs = std::filesystem;
  if (place.find("://") != std::string::npos) return place;
  const auto whole = fs::absolute(fs::path(folder) / place).lexically_normal();
  const auto below = whole.lexically_relative(fs::absolute(root).lexically_normal());
  const bool inside = !below.empty() && *below.begin() != "..";
  return (inside ? below : whole).string();
}

std::string share(int64_t part, int64_t whole) {
  if (whole == 0) return "";
  if (part == whole) return "100 %";
  return fmt::format("{:.1f} %", std::min(99.9, 100.0 * double(part) / double(whole)));
}

void show(const Session& session, const app::TriedSource& tried) {
  const auto& out = session.out;
  std::string first = tried.what + ": " + counted(tried.rows, "row");
  if (tried.set_aside > 0)
    first += fmt::format(", {} set aside ({})", counted(tried.set_aside, "record"), tried.fault);
  out.print(first + "\n");
  TextTable table({"column", "type", "filled", "example"}, {2});
  for (const auto& column : tried.columns)
    table.add({column.name, column.type, share(column.filled, tried.rows), column.example});
  out.table(table);
  out.print("\n" + out.style().dim("# " + tried.file) + "\n" +
            tried.yaml.substr(0, tried.yaml.size() - 1));
}

int try_verb(Session& session) {
  const auto& arguments = session.arguments;
  const auto app = open_app(session);
  const auto& root = app->workspace()->project.root;
  const app::TryOptions options{seen_from_project(arguments.source, arguments.folder, root),
                                arguments.name, arguments.format, arguments.write};
  const auto tried = app->try_source(options, session.interrupts.cancel());
  if (arguments.write) {
    const auto path = (std::filesystem::path(root) / tried.file).string();
    if (storage::local_file_system()->put_if_absent(path, tried.yaml) ==
        storage::PutOutcome::exists)
      throw Error(Code::conflict, "\"" + path + "\" has come meanwhile", "nothing was written");
  }
  if (session.out.json()) {
    Json json = app::json_of(tried);
    json["written"] = arguments.write;
    session.out.write(dumped(json));
    return kDone;
  }
  show(session, tried);
  if (arguments.write) {
    session.out.print("\nwrote " + tried.file + "\n\n" + session.out.style().bold("Try next") +
                      "\n  windrow run\n  windrow query \"FROM " + tried.name + " LIMIT 5\"");
  } else {
    session.out.note("nothing was written: --write makes " + tried.file);
  }
  return kDone;
}

}  // namespace

int source_verb(Session& session) {
  if (session.arguments.sub_verb == "try") return try_verb(session);
  const auto app = open_app(session);
  app::RunOptions options;
  options.reload = session.arguments.source;
  options.without_missing = session.arguments.without_missing;
  return run_with(session, *app, options);
}

}  // namespace windrow::cli
