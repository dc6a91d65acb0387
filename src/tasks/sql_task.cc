#include <nlohmann/json.hpp>

#include "tasks/context.h"
#include "tasks/control/sql_session.h"
#include "tasks/control/task_run.h"

namespace windrow::tasks {

namespace {

using Json = nlohmann::ordered_json;

Json row_of(const Rows& rows) {
  auto out = Json::object();
  for (size_t i = 0; i < rows.rows[0].size(); ++i) {
    const auto& name = rows.columns[i].name;
    out[name.empty() ? std::to_string(i + 1) : name] = Json::parse(json_of_cell(rows.rows[0][i]));
  }
  return out;
}

}  // namespace

void do_sql(const Context& context, TaskWork& work) {
  const auto& body = work.task.sql;
  const bool wanted = !work.task.output.empty();
  Rows rows;
  if (body.on.empty()) {
    rows = look(context, {body.statements.at(0), {}}, "task." + work.task.name + "/sql",
                work.values, 1, work.run.cancel, &work.run.meter);
  } else {
    SqlWork sql;
    for (const auto& statement : body.statements)
      sql.statements.push_back(fill(statement.value, work.values, Fills::literal));
    sql.transaction = body.transaction;
    sql.rows = wanted ? 1 : 0;
    rows = run_sql(context.project.connections.at(body.on.value), context.project.root, sql,
                   work.run.cancel);
  }
  if (!wanted) return;
  if (rows.rows.empty() || rows.rows[0].empty())
    throw Error(Code::data, "it was to hand on a value, and gives no row", "",
                body.statements.back().place);
  const Json output =
      work.task.output == "json" ? row_of(rows) : Json::parse(json_of_cell(rows.rows[0][0]));
  work.output = output.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace windrow::tasks
