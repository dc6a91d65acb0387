#include <atomic>

#include "base/hash.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "sql/sql.h"
#include "sql/tree.h"

namespace windrow::sql {

Scratch::Scratch(duck::Connection& connection, const Catalog& catalog,
                 const std::set<std::string>& tables)
    : connection_(connection) {
  static std::atomic<uint64_t> made{0};
  name_ = "scratch_" + std::to_string(++made);
  std::string sql = "ATTACH ':memory:' AS " + name_ + "; USE " + name_ + ";";
  for (const auto& table : tables) {
    auto found = catalog.find(table);
    if (found == catalog.end()) continue;
    std::string name;
    if (const auto dot = table.find('.'); dot != std::string::npos) {
      const auto schema = duck::quote_name(table.substr(0, dot));
      sql += "CREATE SCHEMA IF NOT EXISTS " + schema + ";";
      name = schema + "." + duck::quote_name(table.substr(dot + 1));
    } else {
      name = duck::quote_name(table);
    }
    std::string columns;
    for (const auto& column : found->second) {
      columns += (columns.empty() ? "" : ", ") + duck::quote_name(column.name) + " " + column.type;
    }
    sql += "CREATE TABLE " + name + " (" + columns + ");";
  }
  connection_.execute(sql);
}

Scratch::~Scratch() {
  try {
    connection_.execute("USE memory; DETACH " + name_);
  } catch (const Error&) {
    // Empty tables; they go with the connection.
  }
}

namespace {

/// Everything that the names and types of a result follow from.
std::string key_of(const Parsed& select, const Catalog& catalog, const Parameters& parameters) {
  Fields out;
  out.add("columns");
  out.add(select.meaning);
  for (const auto& table : select.table_names()) {
    auto found = catalog.find(table);
    if (found == catalog.end()) continue;
    out.add("table");
    out.add(table);
    for (const auto& column : found->second) {
      out.add(column.name);
      out.add(column.type);
    }
  }
  for (const auto& name : select.parameter_names()) {
    auto found = parameters.find(name);
    if (found == parameters.end()) continue;
    out.add("parameter");
    out.add(name);
    out.add(found->second.type);
    out.add_number(found->second.value.index());
    if (name != "start" && name != "end" && name != "run_time")
      out.add(cell_text(found->second.value));
  }
  return sha256(out.take());
}

}  // namespace

std::optional<std::vector<Column>> cached_columns(const Cache& cache, const std::string& key) {
  const auto bytes = cache.find(key);
  if (!bytes) return {};
  FieldReader in(*bytes);
  std::vector<Column> out;
  for (size_t left = in.number(); left > 0 && in.good(); --left) {
    auto name = in.text();
    out.push_back({std::move(name), in.text()});
  }
  if (!in.complete()) return {};
  return out;
}

void cache_columns(Cache& cache, const std::string& key, const std::vector<Column>& columns) {
  Fields out;
  out.add_number(columns.size());
  for (const auto& column : columns) {
    out.add(column.name);
    out.add(column.type);
  }
  cache.put(key, out.take());
}

std::vector<Column> bind(duck::Connection& connection, const Parsed& select, const Catalog& catalog,
                         const Parameters& parameters, Cache* cache) {
  const std::string key = cache ? key_of(select, catalog, parameters) : "";
  if (cache) {
    if (auto known = cached_columns(*cache, key)) return std::move(*known);
  }
  const Scratch scratch(connection, catalog, select.table_names());
  try {
    auto columns = connection.describe(select.text, parameters);
    if (cache) cache_columns(*cache, key, columns);
    return columns;
  } catch (const SqlError& error) {
    throw placed(error, select);
  }
}

Place place_of_column(duck::Connection& connection, const Parsed& select, const std::string& name,
                      size_t index) {
  const Json node = parse_tree(connection, select.text, select.begin);
  const auto items = node.find("select_list");
  if (items == node.end() || !items->is_array()) return select.begin;
  const Json* found = nullptr;
  bool star = false;
  for (const auto& item : *items) {
    if (output_name(item) == name) found = &item;
    star = star || is_class(item, "STAR");
  }
  if (!found && !star && index < items->size()) found = &(*items)[index];
  return select.place(found ? location(*found).value_or(0) : 0);
}

Error placed(const SqlError& error, const Parsed& select) {
  Problem problem = error.problem();
  const size_t position = error.position().value_or(0);
  problem.place = select.place(position);
  if (const auto call = select.call(position); !call.empty()) problem.message += "; " + call;
  return Error(std::move(problem));
}

}  // namespace windrow::sql
