#include "history/forget.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "clients/sqlite.h"

namespace windrow::history {

namespace {

using clients::Sqlite;
using clients::SqliteTransaction;
using clients::text_of;
using Json = nlohmann::ordered_json;
using Key = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kForgotten = "…";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Where the value stands as a word of its own.
size_t find_word(const std::string& text, const std::string& value, size_t from) {
  for (size_t at = from; (at = text.find(value, at)) != std::string::npos; ++at) {
    const size_t end = at + value.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
      return at;
  }
  return std::string::npos;
}

void forget_words(std::string& text, const std::vector<std::string>& values) {
  for (const auto& value : values) {
    for (size_t at = 0; (at = find_word(text, value, at)) != std::string::npos;)
      text.replace(at, value.size(), kForgotten);
  }
}

std::vector<std::string> values_of(const Key& key) {
  std::vector<std::string> out;
  for (const auto& [name, value] : key) out.push_back(value);
  return out;
}

/// That a sample's row has the key.
bool has_key(const Json& columns, const Json& row, const Key& key) {
  for (const auto& [name, value] : key) {
    bool equal = false;
    for (size_t i = 0; i < row.size() && i < columns.size(); ++i) {
      if (!row[i].is_string() || !columns[i].is_string()) continue;
      equal = equal || (lower(columns[i].get<std::string>()) == lower(name) &&
                        row[i].get_ref<const std::string&>() == value);
    }
    if (!equal) return false;
  }
  return true;
}

/// Shorter ones say nothing of anybody without their row, and are found in every text.
constexpr size_t kTellingBytes = 3;

/// `values` get those of the rows that go.
int64_t forget_in_sample(std::string& sample, const Key& key, std::vector<std::string>& values) {
  auto json = Json::parse(sample, nullptr, false);
  if (!json.is_object() || !json.contains("columns") || !json.contains("rows")) return 0;
  auto kept = Json::array();
  int64_t gone = 0;
  for (const auto& row : json["rows"]) {
    if (row.is_array() && has_key(json["columns"], row, key)) {
      ++gone;
      for (const auto& cell : row) {
        if (!cell.is_string()) continue;
        const auto& value = cell.get_ref<const std::string&>();
        if (value.size() >= kTellingBytes) values.push_back(value);
      }
    } else {
      kept.push_back(row);
    }
  }
  json["rows"] = std::move(kept);
  if (gone > 0) sample = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return gone;
}

/// What a task told of its checks names values of failing rows, as their messages do.
void forget_in_task(Sqlite& database, const std::string& run, const std::string& asset,
                    const std::vector<std::string>& values) {
  for (const char* column : {"error", "warnings"}) {
    const std::string name = column;
    // `warnings` is not in a file of the format before.
    if (database.query("SELECT 1 FROM pragma_table_info('tasks') WHERE name = ?", {name}).empty())
      continue;
    for (const auto& row : database.query(
             "SELECT " + name + " FROM tasks WHERE run = ? AND asset = ?", {run, asset})) {
      std::string text = text_of(row[0]);
      const std::string before = text;
      forget_words(text, values);
      if (text == before) continue;
      database.query("UPDATE tasks SET " + name + " = ? WHERE run = ? AND asset = ?",
                     {text, run, asset});
    }
  }
}

/// Samples of checks, and what was said of them.
int64_t forget_in_checks(Sqlite& database, const Key& key, bool dry_run) {
  int64_t out = 0;
  for (const auto& row : database.query(
           "SELECT rowid, sample, message, run, asset FROM checks WHERE instr(sample, ?) "
           "> 0",
           {key.front().second})) {
    std::string sample = text_of(row[1]), message = text_of(row[2]);
    auto values = values_of(key);
    const int64_t gone = forget_in_sample(sample, key, values);
    out += gone;
    if (gone == 0 || dry_run) continue;
    forget_words(message, values);
    forget_in_task(database, text_of(row[3]), text_of(row[4]), values);
    database.query("UPDATE checks SET sample = ?, message = ? WHERE rowid = ?",
                   {sample, message, row[0]});
  }
  return out;
}

/// That it names a column of the key with its value.
bool names_key(const std::string& text, const Key& key) {
  return std::all_of(key.begin(), key.end(), [&](const auto& part) {
    return find_word(lower(text), lower(part.first), 0) != std::string::npos &&
           find_word(text, part.second, 0) != std::string::npos;
  });
}

/// Errors of tasks.
int64_t forget_in_errors(Sqlite& database, const Key& key, bool dry_run) {
  int64_t out = 0;
  for (const auto& row : database.query(
           "SELECT run, asset, error FROM tasks WHERE instr(error, ?) > 0", {key.front().second})) {
    std::string text = text_of(row[2]);
    if (!names_key(text, key)) continue;
    ++out;
    if (dry_run) continue;
    forget_words(text, values_of(key));
    database.query("UPDATE tasks SET error = ? WHERE run = ? AND asset = ?",
                   {text, row[0], row[1]});
  }
  return out;
}

/// Why intervals of backfills failed, and why these stopped.
int64_t forget_in_backfills(Sqlite& database, const Key& key, bool dry_run) {
  // Not in a file that could not be upgraded.
  if (database.query("SELECT 1 FROM pragma_table_info('backfills')").empty()) return 0;
  int64_t out = 0;
  for (const auto& row : database.query("SELECT id, failures, reason FROM backfills")) {
    auto failures = Json::parse(text_of(row[1]), nullptr, false);
    int64_t gone = 0;
    for (auto& failure : failures.is_array() ? failures : failures = Json::array()) {
      if (!failure.is_object()) continue;
      auto message = failure.value("message", "");
      if (!names_key(message, key)) continue;
      ++gone;
      forget_words(message, values_of(key));
      failure["message"] = message;
    }
    if (gone > 0 && !dry_run) {
      database.query("UPDATE backfills SET failures = ? WHERE id = ?",
                     {failures.dump(-1, ' ', false, Json::error_handler_t::replace), row[0]});
    }
    if (auto reason = text_of(row[2]); names_key(reason, key)) {
      ++gone;
      forget_words(reason, values_of(key));
      if (!dry_run)
        database.query("UPDATE backfills SET reason = ? WHERE id = ?", {reason, row[0]});
    }
    out += gone;
  }
  return out;
}

}  // namespace

int64_t forget(const std::string& path, const Key& key, bool dry_run) {
  if (key.empty() || !std::filesystem::exists(path)) return 0;
  Sqlite database(path, Sqlite::Mode::existing);
  SqliteTransaction transaction(database);
  const int64_t out = forget_in_checks(database, key, dry_run) +
                      forget_in_errors(database, key, dry_run) +
                      forget_in_backfills(database, key, dry_run);
  transaction.commit();
  if (!dry_run && out > 0) {  // what is gone lies in free pages and in the log, too
    database.execute("VACUUM");
    database.query("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  return out;
}

}  // namespace windrow::history
