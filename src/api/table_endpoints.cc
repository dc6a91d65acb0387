#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/api.h"
#include "api/endpoint.h"
#include "api/query_rows.h"
#include "api/tables.h"
#include "app/app.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/net_changes.h"
#include "lake/point_in_time.h"
#include "lake/stats.h"
#include "lake/table.h"
#include "project/project.h"

namespace windrow::api {

namespace {

/// Tables are looked at for metrics at most so often.
constexpr auto kTablesEvery = std::chrono::seconds(30);
constexpr auto kTablePatience = std::chrono::seconds(60);

/// Where the table is asked for as it was: by number, or by time.
std::optional<int64_t> version_wanted(Call& call, const lake::Table& table) {
  const auto at = call.time("at");
  if (call.query.contains("version") && at)
    throw Error(Code::usage, "\"version\" and \"at\" say the same: give one of them");
  if (call.query.contains("version")) return call.number("version", 0);
  if (!at) return {};
  return lake::version_at(table, *at, call.path.at("table"));
}

http::Response table_schema(Call& call) {
  const auto table = table_of(call, call.path.at("table"));
  const auto snapshot = table.snapshot(version_wanted(call, table));
  Json columns = Json::array();
  for (const auto& field : snapshot.schema.fields) {
    Json one{{"name", field.name}, {"type", field.type.text()}, {"nullable", field.nullable}};
    const auto metadata = app::parsed(field.metadata);
    if (metadata.is_object() && metadata.contains("comment") && metadata["comment"].is_string())
      one["description"] = metadata["comment"];
    columns.push_back(std::move(one));
  }
  Json properties = Json::object();
  for (const auto& [key, value] : snapshot.metadata.configuration) properties[key] = value;
  return json_answer({{"table", call.path.at("table")},
                      {"version", snapshot.version},
                      {"timestamp", iso(snapshot.timestamp)},
                      {"columns", std::move(columns)},
                      {"partition_by", snapshot.metadata.partition_columns},
                      {"properties", std::move(properties)}});
}

http::Response table_history(Call& call) {
  const auto table = table_of(call, call.path.at("table"));
  const auto limit = size_t(call.number("limit", 50));
  const auto latest = table.latest_version();
  const auto before = call.query.contains("after") ? call.number("after", 0) : latest + 1;
  // Newest first: what is passed over is read too.
  const auto skipped = size_t(std::max<int64_t>(0, latest + 1 - before));
  Json out = Json::array();
  int64_t last = 0;
  for (const auto& entry : table.history(skipped + limit)) {
    if (entry.version >= before) continue;
    out.push_back(app::json_of(entry));
    last = entry.version;
  }
  return page_of(call, out, {}, out.size() == limit && last > 0 ? std::to_string(last) : "");
}

http::Response show_stats(Call& call) {
  const auto table = table_of(call, call.path.at("table"));
  duck::Database database{duck::Options{256ull << 20, "", 1}};
  lake::attach(database, call.api.files());
  duck::Connection connection(database);
  const auto stats = lake::table_stats(call.api.files(), table.path(), connection);
  auto out = app::json_of(stats);
  out["sizes"] = Json::array();
  for (const auto& size : stats.sizes)
    out["sizes"].push_back({{"time", iso(size.time)}, {"bytes", size.bytes}});
  return json_answer(out);
}

http::Response table_rows(Call& call) {
  const auto workspace = call.app().workspace();
  const auto* asset = workspace->graph.resolve(call.path.at("table"));
  const auto name = asset ? asset->name : call.path.at("table");
  const auto dot = name.find('.');
  if (dot == std::string::npos || name.find('/') != std::string::npos)
    throw Error(Code::not_found, "there is no table \"" + name + "\"", "write layer.table");
  app::QueryOptions options;
  options.apart = true;
  if (call.query.contains("version") || call.query.contains("at"))
    options.version_of[name] = *version_wanted(call, table_of(call, name));
  const auto query = call.app().query(options);
  const auto select =
      "SELECT * FROM " + duck::quote_name(name.substr(0, dot)) + "." +
      duck::quote_name(name.substr(dot + 1)) +
      fmt::format(" LIMIT {} OFFSET {}", call.number("limit", 100) + 1, call.number("offset", 0));
  Bounded bounded(call, kTablePatience);
  try {
    query->prepare(select);
    return rows_answer(call, query->connection(), select, call.number("limit", 100), bounded);
  } catch (const SqlError& error) {
    auto problem = query->explained(error);
    problem.code = error.kind() == "Catalog" ? Code::not_found : Code::data;
    throw Error(std::move(problem));
  }
}

/// A version by its number or a time; -1 is before the first.
int64_t version_in(Call& call, const char* name, const lake::Table& table, int64_t otherwise) {
  const auto text = call.text(name);
  if (text.empty()) return otherwise;
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size())
    return lake::version_at(table, *call.time(name), call.path.at("table"));
  if (number >= -1 && number <= table.latest_version()) return number;
  throw Error(Code::not_found, fmt::format("there is no version {}", number),
              fmt::format("the last one is {}", table.latest_version()));
}

/// By which columns the project's model tells rows apart.
std::vector<std::string> key_of_model(const app::Workspace& workspace, const std::string& name,
                                      const lake::Snapshot& now) {
  const auto* model = workspace.project.model(name);
  if (!model) return {};
  auto key = model->build.key;
  if (model->build.kind == project::BuildKind::scd2) key.emplace_back("valid_from");
  const bool there = std::all_of(
      key.begin(), key.end(), [&](const auto& each) { return now.schema.find(each) != nullptr; });
  return there ? key : std::vector<std::string>{};
}

http::Response table_diff(Call& call) {
  const auto table = table_of(call, call.path.at("table"));
  const auto to = version_in(call, "to", table, table.latest_version());
  const auto from = version_in(call, "from", table, to - 1);
  if (from > to || to < 0) {
    throw Error(Code::usage, fmt::format("there is nothing between version {} and {}", from, to),
                "\"from\" is the older, \"to\" the newer version");
  }
  duck::Database database{duck::Options{512ull << 20, "", 2}};
  lake::attach(database, call.api.files());
  duck::Connection connection(database);
  const auto now = table.snapshot(to, &connection);
  std::optional<lake::Snapshot> then;
  if (from >= 0) then = table.snapshot(from, &connection);
  const auto key = key_of_model(*call.app().workspace(), call.path.at("table"), now);
  const auto changes = lake::net_changes(then ? &*then : nullptr, now, key);
  Bounded bounded(call, kTablePatience);
  try {
    return rows_answer(
        call, connection,
        "SELECT _change_type, * EXCLUDE (_change_type) FROM (" + lake::duck_sql(changes) + ")",
        call.number("limit", 1000), bounded);
  } catch (const Error& error) {
    if (error.code() == Code::canceled || error.code() == Code::timeout) throw;
    for (const auto* snapshot : {then ? &*then : &now, &now}) {
      for (const auto& add : snapshot->files) {
        if (call.api.files().stat(snapshot->file_path(add))) continue;
        throw Error(
            Code::history_lost,
            fmt::format("version {} cannot be compared: files of it are gone", snapshot->version),
            "vacuum removes what no version inside its retention needs");
      }
    }
    throw;
  }
}

}  // namespace

lake::Table table_of(Call& call, const std::string& name) {
  const auto workspace = call.app().workspace();
  const auto* asset = workspace->graph.resolve(name);
  const auto full = asset ? asset->name : name;
  const auto dot = full.find('.');
  const bool plain = dot != std::string::npos && dot > 0 && dot + 1 < full.size() &&
                     full.find('.', dot + 1) == std::string::npos &&
                     full.find('/') == std::string::npos;
  if (plain) {
    lake::Table table(call.api.files(), workspace->environment.lake + "/" + full.substr(0, dot) +
                                            "/" + full.substr(dot + 1));
    if (table.exists()) return table;
  }
  throw Error(Code::not_found,
              asset && plain ? "nothing has been loaded into \"" + full + "\" yet"
                             : "there is no table \"" + name + "\"",
              asset ? "begin a run" : "GET …/assets lists them");
}

/// What tables hold, as it was at the last look.
void Api::put_tables(MetricsText& text) {
  const auto now = clock_.steady();
  {
    std::lock_guard lock(mutex_);
    if (tables_looked_ && now - *tables_looked_ < kTablesEvery) {
      text.append(tables_text_);
      return;
    }
    tables_looked_ = now;  // whoever comes meanwhile has the last ones
  }
  struct Line {
    MetricsText::Labels labels;
    app::AssetView asset;
  };
  std::vector<Line> lines;
  for (const auto& project : server_.projects()) {
    if (!project.app) continue;
    try {
      for (auto& asset : project.app->list(""))
        if (asset.version)
          lines.push_back({{{"project", project.name}, {"asset", asset.name}}, std::move(asset)});
    } catch (const Error&) {
      // A lake that does not answer has no numbers.
    }
  }
  MetricsText made;
  const auto family = [&](const char* name, const char* help, auto value) {
    made.family(name, "gauge", help);
    for (const auto& line : lines)
      if (const std::optional<double> number = value(line.asset)) made.sample(line.labels, *number);
  };
  const auto some = [](const std::optional<int64_t>& number) {
    return number ? std::optional<double>(double(*number)) : std::nullopt;
  };
  family("windrow_table_rows", "Rows of a table.", [&](const auto& a) { return some(a.rows); });
  family("windrow_table_bytes", "Size of a table's files.",
         [&](const auto& a) { return some(a.bytes); });
  family("windrow_table_files", "Files of a table.", [&](const auto& a) { return some(a.files); });
  family("windrow_table_version", "Last version of a table.",
         [&](const auto& a) { return some(a.version); });
  family("windrow_table_updated_timestamp_seconds", "When a table was last written.",
         [&](const auto& a) {
           return a.updated ? std::optional<double>(double(micros(*a.updated)) / 1e6)
                            : std::nullopt;
         });
  std::lock_guard lock(mutex_);
  tables_text_ = made.text();
  text.append(tables_text_);
}

void add_table_endpoints(std::vector<Endpoint>& all) {
  const auto add = [&](const char* path, const char* summary, std::vector<Parameter> query,
                       std::vector<Answer> answers, auto handle, bool rows = false) {
    Endpoint out{"GET", std::string("/projects/{project}/tables/{table}/") + path, summary,
                 "tables"};
    out.query = std::move(query);
    out.answers = std::move(answers);
    out.slow = true;
    out.rows = rows;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  const Parameter version{"version", "whole(0..1000000000)", "as of this version"};
  const Parameter at{"at", "text(1..40)", "as of this time"};
  const std::vector<Answer> rows{{200, "Rows", "them"},
                                 {200, "text", "as CSV", "text/csv", {"X-More"}}};
  add("schema", "Columns and properties", {version, at}, {{200, "TableSchema", "them"}},
      table_schema);
  add("history", "Versions, newest first",
      {{"limit", "whole(1..1000)", "at most so many (50)"},
       {"after", "whole(0..1000000000)", "those before this version"}},
      {{200, "[TableVersion]", "as `table history`", "application/json", {"Link"}}}, table_history);
  add("stats", "Size and growth", {}, {{200, "TableStats", "as `table stats`"}}, show_stats);
  add("rows", "Rows, as they come",
      {version,
       at,
       {"limit", "whole(1..10000)", "at most so many (100)"},
       {"offset", "whole(0..1000000000)", "so many are passed over"}},
      rows, table_rows, true);
  add("diff", "What came out between two versions",
      {{"from", "text(1..40)", "a version or a time (the one before)"},
       {"to", "text(1..40)", "a version or a time (the last)"},
       {"limit", "whole(1..10000)", "at most so many rows (1,000)"}},
      rows, table_diff, true);
}

}  // namespace windrow::api
