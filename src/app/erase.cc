#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/kinds.h"
#include "app/work.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "history/forget.h"
#include "lake/row_removal.h"
#include "lake/vacuum.h"

/// One key out of everything that Windrow has written: tables, records that were set aside, stores,
/// samples of checks. Tables first: a publication that runs meanwhile sends what is left of them.
namespace windrow::app {

namespace {

/// How the rows of a table are found; nothing where it has neither the columns nor texts that may
/// hold the key.
struct Condition {
  std::string sql, how;
};

std::string joined_names(const publish::KeyValues& key) {
  std::string out;
  for (const auto& [name, value] : key) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// A value that the column's type cannot hold is no row's.
std::optional<std::string> by_columns(const lake::Snapshot& snapshot,
                                      const publish::KeyValues& key) {
  std::string out;
  for (const auto& [name, value] : key) {
    const auto* field = snapshot.schema.find_any_case(name);
    if (!field) return {};
    out += fmt::format("{}{} = TRY_CAST({} AS {})", out.empty() ? "" : " AND ",
                       duck::quote_name(field->name), duck::quote_text(value),
                       lake::duck_type(field->type));
  }
  return out;
}

/// That texts of a record hold every value as a word. Which of its fields a broken record meant
/// nobody knows, so it goes rather than stays.
std::optional<std::string> by_words(const lake::Snapshot& snapshot, const publish::KeyValues& key) {
  std::string out;
  for (const auto& [name, value] : key) {
    std::string any;
    for (const char* column : {"content", "key"}) {
      const auto* field = snapshot.schema.find_any_case(column);
      if (!field) continue;
      any += fmt::format(
          "{}coalesce(regexp_matches(CAST({} AS VARCHAR), '(^|[^0-9A-Za-z_])' || "
          "regexp_escape({}) || '($|[^0-9A-Za-z_])'), false)",
          any.empty() ? "" : " OR ", duck::quote_name(field->name), duck::quote_text(value));
    }
    if (any.empty()) return {};
    out += (out.empty() ? "(" : " AND (") + any + ")";
  }
  return out;
}

/// That a column of texts holds the key's fields as JSON, at whatever depth: responses and records
/// as they came.
std::optional<std::string> by_json(const lake::Snapshot& snapshot, const publish::KeyValues& key) {
  std::string out;
  for (const auto& [name, value] : key) {
    std::string any;
    for (const auto& field : snapshot.schema.fields) {
      if (lake::duck_type(field.type) != "VARCHAR") continue;
      any += fmt::format(
          "{}coalesce(regexp_matches({}, '(?i)\"' || regexp_escape({}) || '\"\\s*:\\s*\"?(?-i)' || "
          "regexp_escape({}) || '\"?\\s*[,}}]'), false)",
          any.empty() ? "" : " OR ", duck::quote_name(field.name), duck::quote_text(name),
          duck::quote_text(value));
    }
    if (any.empty()) return {};
    out += (out.empty() ? "(" : " AND (") + any + ")";
  }
  return out;
}

std::optional<Condition> condition_of(const std::string& table, bool of_source,
                                      const lake::Snapshot& snapshot,
                                      const publish::KeyValues& key) {
  if (auto sql = by_columns(snapshot, key)) return Condition{std::move(*sql), "columns"};
  if (table.ends_with("_rejected"))
    if (auto sql = by_words(snapshot, key)) return Condition{std::move(*sql), "text"};
  if (of_source)
    if (auto sql = by_json(snapshot, key)) return Condition{std::move(*sql), "text"};
  return {};
}

}  // namespace

void Work::erase_in_tables(const EraseOptions& options, ErasureReceipt& receipt) {
  auto* lake = lake_if_there();
  if (!lake) return;
  for (const auto& name : lake->tables()) {
    cancel_.check();
    ErasedPlace place;
    place.kind = "table";
    place.name = name;
    try {
      // Also of tables that have no such column: their groups may have had it.
      if (!options.dry_run) lake::forget_sums(*files_, lake->table_path(name));
      duck::Connection connection(database_);
      const auto stop = connection.stop_on(cancel_);
      const auto table = lake->table(name);
      const auto condition = condition_of(name, project_.source(name) != nullptr,
                                          table.snapshot({}, &connection), options.key);
      if (!condition) {
        receipt.passed_over.push_back(
            fmt::format("table {}: no column {}", name, joined_names(options.key)));
        continue;
      }
      place.how = condition->how;
      const auto path = lake->table_path(name);
      const auto done =
          lake::erase_rows(*files_, path, connection, condition->sql, options.dry_run, clock_);
      place.rows = done.rows_removed;
      place.files = done.files_removed + done.files_rewritten;
      place.version = done.version;
      if (options.purge) {
        const auto old = lake::old_files_with(*files_, table.snapshot({}, &connection), connection,
                                              condition->sql);
        place.purged = int64_t(old.size());
        if (options.dry_run) {
          place.purged += int64_t(done.old_files.size());
        } else if (!old.empty()) {
          place.version = lake::purge(*files_, path, connection, old, clock_).version;
        }
      }
    } catch (const Error& error) {
      if (error.code() == Code::canceled) throw;
      place.problem = error.problem();
    }
    receipt.places.push_back(std::move(place));
  }
}

void Work::erase_in_stores(const EraseOptions& options, ErasureReceipt& receipt) {
  std::map<std::string, std::vector<project::PublishedView>> views;
  for (const auto& publication : project_.publications)
    for (const auto& view : publication.views) views[publication.to.value].push_back(view);
  for (const auto& [name, published] : views) {
    cancel_.check();
    const auto connection = project_.connections.find(name);
    if (connection == project_.connections.end()) continue;
    if (!environment_.publish) {
      receipt.passed_over.push_back("connection " + name +
                                    ": publishing is switched off in this environment");
      continue;
    }
    try {
      const auto store = kinds().stores.open(connection->second, surroundings());
      for (const auto& erased : store->erase(published, options.key, options.dry_run)) {
        ErasedPlace place;
        place.kind = "store";
        place.name = name + ": " + erased.view;
        place.how = "columns";
        place.rows = erased.rows;
        if (erased.keyed) {
          receipt.places.push_back(std::move(place));
        } else {
          receipt.passed_over.push_back(
              fmt::format("store {}: no column {}", place.name, joined_names(options.key)));
        }
      }
    } catch (const Error& error) {
      if (error.code() == Code::canceled) throw;
      if (error.code() == Code::unsupported) {
        receipt.passed_over.push_back(
            "connection " + name + ": " + error.problem().message +
            (error.problem().hint.empty() ? "" : ": " + error.problem().hint));
        continue;
      }
      ErasedPlace place;
      place.kind = "store";
      place.name = name;
      place.problem = error.problem();
      receipt.places.push_back(std::move(place));
    }
  }
}

void Work::erase_in_history(const EraseOptions& options, ErasureReceipt& receipt) {
  ErasedPlace place;
  place.kind = "history";
  place.name = "samples of checks";
  place.how = "columns";
  try {
    place.rows =
        history::forget(project_.state_folder() + "/history.db", options.key, options.dry_run);
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
    place.problem = error.problem();
  }
  receipt.places.push_back(std::move(place));
  const std::string logs = project_.state_folder() + "/logs";
  std::error_code ignored;
  if (std::filesystem::exists(logs, ignored))
    receipt.passed_over.push_back("logs of runs in " + logs +
                                  ": errors may quote values; they may be deleted");
}

ErasureReceipt Work::erase(const EraseOptions& options) {
  ErasureReceipt out;
  erase_in_tables(options, out);
  const bool found = std::any_of(out.places.begin(), out.places.end(),
                                 [](const auto& place) { return place.rows > 0; });
  if (found)
    out.passed_over.push_back(
        "logs of these tables: older entries may hold least and greatest values; windrow table "
        "clean-log TABLE --retention 0s");
  erase_in_stores(options, out);
  erase_in_history(options, out);
  return out;
}

int64_t ErasureReceipt::rows() const {
  int64_t out = 0;
  for (const auto& place : places) out += place.rows;
  return out;
}

bool ErasureReceipt::failed() const {
  return std::any_of(places.begin(), places.end(),
                     [](const auto& place) { return place.problem.has_value(); });
}

}  // namespace windrow::app
