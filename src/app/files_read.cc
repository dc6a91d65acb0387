#include "app/work.h"
#include "base/clock.h"
#include "duck/duck.h"
#include "lake/guided_scan.h"
#include "tasks/model_facts.h"

namespace windrow::app {
namespace {

/// `silver.events` of `…/silver/events`.
std::string name_of_table(const std::string& path) {
  const size_t table = path.rfind('/');
  const size_t layer = table == 0 || table == path.npos ? path.npos : path.rfind('/', table - 1);
  if (table == path.npos) return path;
  const size_t begin = layer == path.npos ? 0 : layer + 1;
  return path.substr(begin, table - begin) + "." + path.substr(table + 1);
}

}  // namespace

std::vector<FilesOf> Work::files_read(duck::Connection& connection, const std::string& select,
                                      const Parameters& parameters) {
  std::vector<FilesOf> out;
  for (const auto& table : lake::files_read(*files_, connection, select, parameters))
    out.push_back({name_of_table(table.table_path), table.read, table.there});
  return out;
}

/// Whole inputs are counted; of the input that is bound to its new rows no more is known than how
/// many files changed, which the reason says.
std::vector<FilesOf> Work::files_of_step(const project::Model& model, const PlannedStep& step,
                                         tasks::Tables& tables) {
  auto parameters = tasks::variables_of(project_);
  tasks::add_run_time(parameters, clock_.now());
  if (!step.intervals.empty()) {
    const Interval whole{step.intervals.front().start, step.intervals.back().end};
    tasks::add_interval(parameters, whole, *Grain::parse(step.grain, project_.zone),
                        tasks::compares_dates(graph_.selects.at(model.name), graph_, tables));
  }
  std::vector<FilesOf> out;
  try {
    const auto& select = graph_.selects.at(model.name);
    const auto session = inside().open_inside(
        tasks::inputs_for(project_, graph_, select, tables, {}), cancel_, {}, nullptr);
    out = files_read(session->connection(), select.text, parameters);
  } catch (const Error&) {
    return {};  // what it reads is not built yet, or the step's own problem says why not
  }
  std::erase_if(out, [&](const FilesOf& files) { return files.table == model.new_rows; });
  return out;
}

}  // namespace windrow::app
