#include "publish/mysql/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::publish {

namespace {

using clients::Mysql;
using clients::mysql_literal;
using clients::mysql_name;

constexpr size_t kNameCharacters = 64;
/// Characters of a text in an index: of four bytes each, and 3,072 bytes are all that InnoDB takes.
/// The rest is for columns of other types.
constexpr int64_t kIndexCharacters = 700;
constexpr int64_t kLongestInIndex = 255;

size_t characters(std::string_view name) {
  return size_t(std::count_if(name.begin(), name.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

const MysqlColumn* column_of(const MysqlTable& table, const std::string& name) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                  [&](const auto& column) { return column.name == name; });
  return found == table.columns.end() ? nullptr : &*found;
}

/// How much of each long text an index with these columns has room for.
int64_t room_in(const DeclaredIndex& index, const MysqlTable& table) {
  int64_t longs = 0;
  for (const auto& each : index.columns) {
    const auto* column = column_of(table, each.name);
    longs += column && column->type.is_long();
  }
  return std::min(kLongestInIndex, kIndexCharacters / std::max<int64_t>(longs, 1));
}

/// Texts that have to be unique, or are a key, are in their index as a whole.
void bound_key_columns(const ViewBatch& view, MysqlTable& table) {
  std::map<std::string, int64_t> bounds;
  for (const auto& index : declared_indexes(view, kNameCharacters)) {
    if (!index.unique) continue;
    for (const auto& each : index.columns) {
      const auto* column = column_of(table, each.name);
      if (!column || !column->type.is_long() || view.settings.columns.contains(each.name)) continue;
      const auto bound = bounds.emplace(each.name, kLongestInIndex).first;
      bound->second = std::min(bound->second, room_in(index, table));
    }
  }
  for (auto& column : table.columns) {
    const auto bound = bounds.find(column.name);
    if (bound == bounds.end()) continue;
    const bool bytes = column.type.kind == MysqlType::Kind::bytes;
    column.type =
        *read_mysql_type(fmt::format("{}({})", bytes ? "varbinary" : "varchar", bound->second));
  }
}

MysqlType wanted_type(const ViewBatch& view, const Column& column) {
  const auto declared = view.settings.columns.find(column.name);
  if (declared == view.settings.columns.end()) return mysql_type_of(column, view);
  if (auto type = read_mysql_type(declared->second)) return *type;
  throw Error(Code::configuration,
              fmt::format("column \"{}\" of view \"{}\": MySQL's type \"{}\" is not one that "
                          "windrow writes",
                          column.name, view.table, declared->second),
              "boolean, tinyint, smallint, int, bigint, each also unsigned, double, decimal(p,s), "
              "char(n), varchar(n), text, longtext, json, date, datetime(6), time(6), "
              "varbinary(n), longblob",
              view.settings.place);
}

/// What a table has that would go with it, and nobody would be told.
void refuse_what_a_swap_loses(Mysql& database, const ViewBatch& view) {
  const std::string table = mysql_literal(view.table);
  const auto refuse = [&](const std::string& what) {
    throw Error(Code::data,
                fmt::format("table \"{}\" at {} has {}, which would be lost when a new table "
                            "takes its place",
                            view.table, database.options().address(), what),
                "drop it, or publish under another name, or with mode upsert");
  };
  if (const auto trigger = database.value(
          "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = "
          "DATABASE() AND EVENT_OBJECT_TABLE = " +
          table))
    refuse("the trigger \"" + *trigger + "\"");
  if (const auto key = database.value(
          "SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE "
          "CONSTRAINT_SCHEMA = DATABASE() AND (TABLE_NAME = " +
          table + " OR REFERENCED_TABLE_NAME = " + table + ")"))
    refuse("the foreign key \"" + *key + "\"");
}

void refuse_what_is_not_ours(Mysql& database, const ViewBatch& view, bool ours) {
  const auto kind = database.value(
      "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
      "TABLE_NAME = " +
      mysql_literal(view.table));
  if (kind != "BASE TABLE") {
    throw Error(Code::data,
                fmt::format("\"{}\" is no table in {}", view.table, database.options().address()),
                "publish under another name");
  }
  const bool replaces = view.mode == "replace" || view.mode == "replace_interval";
  if (!ours && replaces && database.value("SELECT 1 FROM " + mysql_name(view.table) + " LIMIT 1")) {
    throw Error(Code::data,
                fmt::format("{} has a table \"{}\" with rows that windrow did not publish",
                            database.options().address(), view.table),
                "publish under another name, or empty the table first");
  }
}

constexpr const char* kIndexWords[] = {"KEY ", "UNIQUE KEY ", "FULLTEXT KEY ", "SPATIAL KEY ",
                                       "PRIMARY KEY "};

/// `KEY …` of SHOW CREATE TABLE, less those of ours.
std::vector<std::string> indexes_of_others(Mysql& database, const std::string& table) {
  std::vector<std::string> out;
  const std::string text =
      database.query("SHOW CREATE TABLE " + mysql_name(table)).rows.at(0).at(1).value_or("") + "\n";
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    std::string line = text.substr(at, end - at);
    line.erase(0, line.find_first_not_of(' '));
    if (line.ends_with(',')) line.pop_back();
    const bool is_index = std::any_of(std::begin(kIndexWords), std::end(kIndexWords),
                                      [&](const char* begin) { return line.starts_with(begin); });
    if (is_index && line.find("KEY `windrow_") == std::string::npos) out.push_back(std::move(line));
  }
  return out;
}

/// Makes the columns of a table that stays fit, as far as its types have room.
void fit(const ViewBatch& view, const Column& sent, std::map<std::string, MysqlColumn>& there,
         MysqlColumn& column, MysqlTable& table) {
  const std::string alter = "ALTER TABLE " + mysql_name(view.table);
  const auto found = there.find(column.name);
  if (found == there.end()) {
    table.evolve.push_back(alter + " ADD COLUMN " + column.declared());
    return;
  }
  MysqlColumn present = std::move(found->second);
  there.erase(found);
  if (present.type.name.empty()) {
    throw Error(Code::unsupported,
                fmt::format("column \"{}\" of table \"{}\" has a type that windrow does not write",
                            sent.name, view.table),
                "give the table a column of another type, or publish under another name");
  }
  const bool declared = view.settings.columns.contains(column.name);
  column.required = present.required;
  // MariaDB calls it so where it was made as json.
  const bool as_json = column.type.kind == MysqlType::Kind::json && present.type.name == "longtext";
  if (present.type == column.type || as_json || (!declared && !widens(present.type, column.type))) {
    column = std::move(present);
    return;
  }
  if (!present.collation.empty() && !column.collation.empty()) column.collation = present.collation;
  table.evolve.push_back(alter + " MODIFY COLUMN " + column.declared());
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t digits = text.find_first_not_of("0123456789");
  if (text.empty() || digits == 0) return false;
  return digits == std::string_view::npos ||
         (text[digits] == '.' && digits + 1 < text.size() &&
          text.find_first_not_of("0123456789", digits + 1) == std::string_view::npos);
}

}  // namespace

const SqlWords& mysql_words() {
  static const SqlWords all{
      .name = clients::mysql_name,
      .literal = clients::mysql_literal,
      .time =
          [](Time time) {
            std::string text = iso(time);
            text.pop_back();  // the Z
            return mysql_literal(text);
          },
      .key = "varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
      .text = "longtext",
      .moment = "datetime(6)",
      .after_columns = " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"};
  return all;
}

std::string MysqlColumn::declared() const {
  std::string out = mysql_name(name) + " " + type.name;
  if (type.kind == MysqlType::Kind::text) out += " CHARACTER SET utf8mb4 COLLATE " + collation;
  return out + (required ? " NOT NULL" : " NULL");
}

std::vector<std::string> MysqlTable::names() const {
  std::vector<std::string> out;
  for (const auto& column : columns) out.push_back(column.name);
  return out;
}

std::string MysqlTable::definitions(const std::vector<std::string>& only) const {
  std::string out;
  for (const auto& column : columns) {
    if (!only.empty() && std::find(only.begin(), only.end(), column.name) == only.end()) continue;
    out += (out.empty() ? "" : ", ") + column.declared();
  }
  return out;
}

std::string mysql_collation(Mysql& database) {
  // MariaDB's, then MySQL's; the one that both have takes `a` and `a ` for the same.
  for (const char* name : {"utf8mb4_nopad_bin", "utf8mb4_0900_bin"}) {
    if (database.value("SELECT 1 FROM information_schema.COLLATIONS WHERE COLLATION_NAME = " +
                       mysql_literal(name)))
      return name;
  }
  throw Error(Code::unsupported,
              fmt::format("{} at {} has no collation that compares texts byte by byte",
                          database.server(), database.options().address()),
              "MariaDB has one from 10.2 on, MySQL from 8.0.17 on");
}

bool mysql_there(Mysql& database, const std::string& table) {
  return database
      .value(
          "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME "
          "= " +
          mysql_literal(table))
      .has_value();
}

std::map<std::string, MysqlColumn> mysql_columns(Mysql& database, const std::string& table) {
  std::map<std::string, MysqlColumn> out;
  for (const auto& row :
       database
           .query("SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE = 'NO' AND "
                  "COLUMN_DEFAULT IS NULL AND EXTRA = '' FROM information_schema.COLUMNS WHERE "
                  "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = " +
                  mysql_literal(table))
           .rows) {
    const auto type = read_mysql_type(*row[1]);
    out[*row[0]] = {*row[0], type.value_or(MysqlType{}), row[2].value_or(""), row[3] == "1"};
  }
  return out;
}

MysqlTable mysql_table(Mysql& database, const ViewBatch& view, bool ours, bool swapped,
                       duck::Connection& connection) {
  MysqlTable table;
  table.exists = mysql_there(database, view.table);
  if (table.exists) {
    refuse_what_is_not_ours(database, view, ours);
    if (swapped) {
      refuse_what_a_swap_loses(database, view);
      table.others = indexes_of_others(database, view.table);
    }
  }
  const auto sent = connection.describe(view.select);
  refuse_unknown_columns(view, sent);
  refuse_long_names(view, sent, kNameCharacters, characters, "characters", "MySQL");
  const std::string collation = mysql_collation(database);
  for (const auto& column : sent) {
    const auto& key = view.settings.key;
    const bool keyed =
        view.mode == "upsert" && std::find(key.begin(), key.end(), column.name) != key.end();
    table.columns.push_back({column.name, wanted_type(view, column), collation, keyed});
  }
  bound_key_columns(view, table);
  if (table.exists && !swapped) {
    auto there = mysql_columns(database, view.table);
    for (size_t i = 0; i < sent.size(); ++i) fit(view, sent[i], there, table.columns[i], table);
    for (auto& [name, column] : there) {  // that the view does not have any more
      if (!column.required) continue;
      column.required = false;
      table.evolve.push_back("ALTER TABLE " + mysql_name(view.table) + " MODIFY COLUMN " +
                             column.declared());
    }
  }
  std::string select;
  for (size_t i = 0; i < sent.size(); ++i) {
    select += (i == 0 ? "" : ", ") + mysql_select(sent[i], table.columns[i].type) + " AS " +
              duck::quote_name(sent[i].name);
  }
  table.select = "SELECT " + select + " FROM (\n" + view.select + "\n)";
  return table;
}

std::string mysql_create(const std::string& name, const ViewBatch& view, const MysqlTable& table) {
  return "CREATE TABLE " + mysql_name(name) + " (" + table.definitions() +
         ") ENGINE = InnoDB COMMENT = " +
         mysql_literal(short_name("published by windrow from " + view.manifest.source_table, 1024));
}

std::vector<std::string> mysql_indexes(const ViewBatch& view, const MysqlTable& table,
                                       const std::vector<std::string>& there) {
  std::vector<std::string> out;
  const auto declared = declared_indexes(view, kNameCharacters);
  for (const auto& index : declared) {
    if (std::find(there.begin(), there.end(), index.name) != there.end()) continue;
    const int64_t room = room_in(index, table);
    std::string list;
    for (const auto& each : index.columns) {
      const auto* column = column_of(table, each.name);
      const bool cut = !index.unique && column && column->type.is_long();
      list += (list.empty() ? "" : ", ") + mysql_name(each.name) +
              (cut ? fmt::format("({})", room) : "") + (each.down ? " DESC" : "");
    }
    out.push_back(fmt::format("ADD {}INDEX {} ({})", index.unique ? "UNIQUE " : "",
                              mysql_name(index.name), list));
  }
  for (const auto& name : there) {
    if (std::none_of(declared.begin(), declared.end(),
                     [&](const auto& index) { return index.name == name; }))
      out.push_back("DROP INDEX " + mysql_name(name));
  }
  return out;
}

std::vector<std::string> mysql_indexes_there(Mysql& database, const std::string& table) {
  std::vector<std::string> out;
  for (const auto& row :
       database
           .query("SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE "
                  "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = " +
                  mysql_literal(table) + " AND INDEX_NAME LIKE 'windrow|_%' ESCAPE '|'")
           .rows)
    out.push_back(row[0].value_or(""));
  return out;
}

std::optional<std::string> mysql_key_condition(const std::map<std::string, MysqlColumn>& columns,
                                               const KeyValues& key) {
  using Kind = MysqlType::Kind;
  std::string out;
  for (const auto& [name, value] : key) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&, &name = name](auto& each) {
      return lower(each.first) == lower(name);
    });
    if (found == columns.end()) return {};
    const Kind kind = found->second.type.kind;
    const bool number = kind == Kind::boolean || kind == Kind::integer || kind == Kind::decimal ||
                        kind == Kind::real;
    // A text that begins like a number would be taken for that number.
    const bool reads = !number || is_number(value);
    out += (out.empty() ? "" : " AND ") +
           (reads ? mysql_name(found->first) + " = " + (number ? value : mysql_literal(value))
                  : std::string("FALSE"));
  }
  return out;
}

}  // namespace windrow::publish
