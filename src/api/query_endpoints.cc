#include <fmt/format.h>

#include <atomic>
#include <cmath>

#include "api/api.h"
#include "api/endpoint.h"
#include "api/query_rows.h"
#include "app/app.h"
#include "base/text.h"
#include "duck/duck.h"
#include "duck/reach.h"
#include "duck/sandbox.h"

namespace windrow::api {

namespace {

constexpr size_t kAnswerBytesMost = 32 << 20;
constexpr int64_t kWholeMost = 9'007'199'254'740'992;  ///< beyond it JavaScript rounds

Json json_of_cell(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return {};
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth;
  if (const auto* number = std::get_if<int64_t>(&cell)) {
    if (*number > kWholeMost || *number < -kWholeMost) return std::to_string(*number);
    return *number;
  }
  if (const auto* real = std::get_if<double>(&cell))
    return std::isfinite(*real) ? Json(*real) : Json();
  return std::get<std::string>(cell);
}

std::string csv_of(const std::string& text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string csv_of_cell(const Cell& cell) {
  return std::holds_alternative<std::monostate>(cell) ? "" : csv_of(cell_text(cell));
}

/// A byte of the statement as line and column.
Place place_of(const std::string& sql, size_t position) {
  Place out{"SQL", 1, 1};
  for (size_t i = 0; i < std::min(position, sql.size()); ++i) {
    ++out.column;
    if (sql[i] == '\n') ++out.line, out.column = 1;
  }
  return out;
}

/// DuckDB's own views of its state and settings.
bool tells_of_engine(const std::string& table) {
  const auto name = lower(table);
  for (const char* begin : {"duckdb_", "pg_", "sqlite_", "pragma_", "system."})
    if (name.starts_with(begin)) return true;
  return false;
}

/// Error(permission) for what does more than read tables and compute.
void need_harmless(const std::string& sql) {
  const auto statements = duck::reach_of(sql);  // throws where it does not parse
  for (const auto& reach : statements) {
    if (reach.statement == "SELECT") continue;
    throw Error(Code::permission, "a query reads: " + reach.statement + " is not run",
                "write a SELECT");
  }
  for (const auto& breach : duck::breaches_of_select(sql)) {
    Problem problem{Code::permission, breach.message, breach.hint, {}};
    if (breach.position) problem.place = place_of(sql, *breach.position);
    throw Error(std::move(problem));
  }
  for (const auto& reach : statements) {
    for (const auto& table : reach.tables) {
      if (!tells_of_engine(table.name)) continue;
      throw Error(Code::permission, "\"" + table.name + "\" tells of the engine, not of the lake",
                  "information_schema.tables has the tables");
    }
  }
}

/// What the engine says of a statement, as trouble of whoever wrote it.
[[noreturn]] void throw_explained(const SqlError& error, app::Query& query,
                                  const std::string& sql) {
  Problem problem = query.explained(error);
  const auto& kind = error.kind();
  const bool wrong = kind == "Parser" || kind == "Binder" || kind == "Catalog";
  if (wrong) problem.code = Code::usage;
  if (problem.code == Code::internal || problem.code == Code::full) problem.code = Code::data;
  if (error.position()) problem.place = place_of(sql, *error.position());
  throw Error(std::move(problem));
}

std::string name_of_query(Call& call, const std::string& id) {
  return call.project().name + "\n" + call.who.name + "\n" + id;
}

http::Response run_query(Call& call) {
  auto sql = call.body.at("sql").get<std::string>();
  while (!sql.empty() &&
         (std::isspace(static_cast<unsigned char>(sql.back())) || sql.back() == ';'))
    sql.pop_back();
  if (sql.empty()) throw Error(Code::usage, "there is no SQL", "SELECT …");
  app::QueryOptions options;
  options.apart = true;
  options.at = call.time_in_body("at");
  const Json versions = call.body.value("versions", Json::object());
  for (const auto& [table, version] : versions.items())
    options.version_of[table] = version.get<int64_t>();
  Bounded bounded(call,
                  std::chrono::microseconds(int64_t(call.body.value("timeout", 30.0) * 1'000'000)));
  std::unique_ptr<Api::Running> running;
  if (const auto id = call.body.value("id", ""); !id.empty())
    running = call.api.running(name_of_query(call, id), bounded.shared());
  std::unique_ptr<app::Query> query;
  try {
    need_harmless(sql);
    query = call.app().query(options);
    query->prepare(sql);
    return rows_answer(call, query->connection(), sql, call.body.value("limit", int64_t(1000)),
                       bounded);
  } catch (const SqlError& error) {
    if (query) throw_explained(error, *query, sql);
    Problem problem = error.problem();  // it does not parse
    problem.code = Code::usage;
    if (error.position()) problem.place = place_of(sql, *error.position());
    throw Error(std::move(problem));
  }
}

http::Response stop_query(Call& call) {
  const auto& id = call.path.at("id");
  if (!call.api.cancel_query(name_of_query(call, id)))
    throw Error(Code::not_found, "no query \"" + id + "\" of yours goes on");
  return empty_answer();
}

}  // namespace

namespace {

/// A child that keeps its parent, however long somebody has it.
std::shared_ptr<Cancel> child_of(const std::shared_ptr<Cancel>& parent) {
  struct Both {
    explicit Both(std::shared_ptr<Cancel> of) : parent(std::move(of)) {}
    const std::shared_ptr<Cancel> parent;
    Cancel child{*parent};
  };
  auto both = std::make_shared<Both>(parent);
  return {both, &both->child};
}

}  // namespace

Bounded::Bounded(Call& call, std::chrono::microseconds most)
    : most_(most),
      cancel_(child_of(call.request.gone)),
      over_(std::make_shared<std::atomic<bool>>(false)),
      alarm_(std::make_unique<Alarm>(call.api.clock(), [over = over_, cancel = cancel_] {
        *over = true;
        cancel->request();
      })) {
  alarm_->set(call.api.clock().steady() + most);
}

void Bounded::tell(const std::exception_ptr& failure) const {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (error.code() == Code::canceled && *over_) {
      throw Error(Code::timeout, "it took longer than " + duration_text(most_),
                  "ask for less, or say a longer \"timeout\", up to 300 seconds");
    }
    throw;
  }
}

http::Response rows_answer(Call& call, duck::Connection& connection, const std::string& select,
                           int64_t limit, Bounded& bounded) {
  const bool csv = call.request.header("accept").find("text/csv") != std::string_view::npos;
  const auto begun = call.api.clock().steady();
  Json columns = Json::array();
  std::string rows, line;
  int64_t count = 0;
  bool more = false;
  try {
    const auto stop = connection.stop_on(bounded.cancel());
    bounded.cancel().check();
    for (const auto& column : connection.describe(select)) {
      columns.push_back({{"name", column.name}, {"type", column.type}});
      line += (line.empty() ? "" : ",") + csv_of(column.name);
    }
    if (csv) rows = line + "\r\n";
    connection.stream(select, {}, {}, [&](const std::vector<Cell>& row) {
      more = count >= limit || rows.size() > kAnswerBytesMost;
      if (more) return false;
      if (csv) {
        for (size_t i = 0; i < row.size(); ++i) rows += (i > 0 ? "," : "") + csv_of_cell(row[i]);
        rows += "\r\n";
      } else {
        Json cells = Json::array();
        for (const auto& cell : row) cells.push_back(json_of_cell(cell));
        rows +=
            (count > 0 ? ",\n" : "") + cells.dump(-1, ' ', false, Json::error_handler_t::replace);
      }
      ++count;
      return true;
    });
  } catch (const Error&) {
    bounded.tell(std::current_exception());
  }
  http::Response out;
  if (csv) {
    out.headers = {{"Content-Type", "text/csv"}, {"X-More", more ? "true" : "false"}};
    out.body = std::move(rows);
    return out;
  }
  const double seconds = std::chrono::duration<double>(call.api.clock().steady() - begun).count();
  out.headers = {{"Content-Type", "application/json"}};
  out.body = fmt::format("{{\"columns\":{},\"rows\":[{}],\"more\":{},\"seconds\":{:.6f}}}\n",
                         columns.dump(-1, ' ', false, Json::error_handler_t::replace), rows, more,
                         seconds);
  return out;
}

void add_query_endpoints(std::vector<Endpoint>& all) {
  Endpoint run{"POST", "/projects/{project}/query", "Rows of a SELECT over the lake", "query"};
  run.body =
      "{sql: text(1..100000), limit?: whole(1..10000), timeout?: number(0..300), versions?: {*: "
      "whole(0..1000000000)}, at?: text(1..40), id?: text(1..100)}";
  run.answers = {{200, "Rows", "them"}, {200, "text", "as CSV", "text/csv", {"X-More"}}};
  run.slow = run.rows = run.secret = true;  // it changes nothing: twice is as once
  run.handle = run_query;
  all.push_back(run);
  Endpoint stop{"DELETE", "/projects/{project}/queries/{id}", "Cancel a query", "query"};
  stop.answers = {{204, "", "it is asked to stop"}};
  stop.handle = stop_query;
  all.push_back(stop);
}

}  // namespace windrow::api
