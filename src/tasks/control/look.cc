#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "duck/duck.h"
#include "lake/rewrite.h"
#include "tasks/context.h"
#include "tasks/control/sql_session.h"
#include "tasks/control/task_run.h"
#include "tasks/model_facts.h"

namespace windrow::tasks {

namespace {

Rows look_over_lake(const Context& context, const project::Look& look, const std::string& key,
                    const RunValues& values, size_t rows, Cancel& cancel, Meter* meter) {
  const auto& select = context.graph.selects.at(key);
  const auto session = context.inside.open_inside(
      inputs_for(context.project, context.graph, select, context.tables, {}), cancel, {}, meter);
  auto parameters = variables_of(context.project);
  add_run_time(parameters, context.choices.now);
  for (auto& [name, parameter] : parameters_for(look.sql.value, values))
    parameters[name] = std::move(parameter);
  const auto named = select.parameter_names();
  std::erase_if(parameters, [&](const auto& each) { return !named.contains(each.first); });
  Rows out;
  session->connection().stream(
      select.text, parameters, [&](const auto& columns) { out.columns = columns; },
      [&](const auto& row) {
        out.rows.push_back(row);
        return out.rows.size() < rows;
      });
  return out;
}

}  // namespace

Rows look(const Context& context, const project::Look& look, const std::string& key,
          const RunValues& values, size_t rows, Cancel& cancel, Meter* meter) {
  if (look.on.empty()) return look_over_lake(context, look, key, values, rows, cancel, meter);
  SqlWork work;
  work.statements = {fill(look.sql.value, values, Fills::literal)};
  work.rows = rows;
  return run_sql(context.project.connections.at(look.on.value), context.project.root, work, cancel);
}

bool holds(const Context& context, const project::Look& look, const std::string& key,
           const RunValues& values, Cancel& cancel, Meter* meter) {
  const auto rows = tasks::look(context, look, key, values, 2, cancel, meter);
  if (rows.rows.empty()) return false;
  if (rows.rows.size() > 1 || rows.rows[0].size() != 1) {
    throw Error(Code::data, "a condition is a SELECT of one value, and this one gives more", "",
                look.sql.place);
  }
  const auto& cell = rows.rows[0][0];
  if (std::holds_alternative<std::monostate>(cell)) return false;
  if (const auto* yes = std::get_if<bool>(&cell)) return *yes;
  if (const auto* number = std::get_if<int64_t>(&cell)) return *number != 0;
  const auto text = cell_text(cell);
  if (!look.on.empty() && (text == "1" || text == "0" || text == "true" || text == "false"))
    return text == "1" || text == "true";  // servers that give every value as a text
  throw Error(Code::data, fmt::format("a condition is true or false, and this one gives {}", text),
              "", look.sql.place);
}

std::string json_of_cell(const Cell& cell) {
  using Json = nlohmann::ordered_json;
  const Json json = std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return nullptr;
        else
          return value;
      },
      cell);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace windrow::tasks
