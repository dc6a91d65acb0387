#include "cli/compiled_view.h"

#include "app/app.h"
#include "app/compiled.h"
#include "cli/json_text.h"
#include "cli/session.h"

namespace windrow::cli {

namespace {

/// What a reader has to know beside the SELECT, as comments, so that all of it is SQL.
std::string notes(const app::Compiled& model) {
  std::string out = "-- " + model.model + ", build: " + model.build + "\n";
  for (const auto& name : model.parameters) out += "-- $" + name + " is filled in by the run\n";
  for (const auto& name : model.inputs) {
    if (name == model.new_rows)
      out += "-- " + name + " stands for the rows that were added since the last build\n";
  }
  if (!model.through.empty()) out += "-- the rows go through the operator " + model.through + "\n";
  return out;
}

}  // namespace

int show_compiled(Session& session) {
  const auto& a = session.arguments;
  if (!a.sql.empty() || !a.sql_file.empty())
    throw Error(Code::usage, "--compiled names a model, so there is no SQL beside it");
  if (a.start.empty() != a.end.empty())
    throw Error(Code::usage, "--start and --end go together: they are the bounds of one interval");
  const auto app = open_app(session);
  const auto workspace = app->workspace();
  std::optional<Interval> interval;
  if (!a.start.empty()) {
    const auto& zone = workspace->project.zone;
    interval =
        Interval{time_argument(a.start, "--start", zone), time_argument(a.end, "--end", zone)};
    if (!(interval->start < interval->end))
      throw Error(Code::usage, "--end must come after --start");
  }
  const auto model = app::compiled(*workspace, a.compiled, interval);
  if (session.out.json()) {
    session.out.write(dumped(Json{{"model", model.model},
                                  {"build", model.build},
                                  {"sql", model.sql},
                                  {"parameters", model.parameters},
                                  {"inputs", model.inputs},
                                  {"new_rows", model.new_rows},
                                  {"operator", model.through},
                                  {"macros", model.macros}}));
  } else {
    session.out.print(notes(model) + model.sql);
  }
  return kDone;
}

}  // namespace windrow::cli
