#include "tasks/sums.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/row_removal.h"
#include "lake/table.h"
#include "lake/vacuum.h"
#include "storage/folders.h"
#include "tasks/context.h"
#include "tasks/increment.h"
#include "tasks/table_change.h"

namespace windrow::tasks {

namespace {

using incremental::State;
using Json = nlohmann::json;

constexpr int64_t kVersionsBetweenCleaning = 16;
constexpr auto kYoung = std::chrono::hours(1);

std::string sums_folder(const std::string& table_path) {
  return table_path + "/" + lake::kSumsFolder;
}

std::string column(const char* kind, size_t i) { return kind + std::to_string(i); }

std::vector<std::string> key_columns(const State& state) {
  std::vector<std::string> out;
  for (size_t i = 0; i < state.keys; ++i) out.push_back(column("k", i));
  return out;
}

/// The columns of a state with the types that they are kept with.
lake::Relation kept_types(const State& state, const lake::Relation& rows) {
  std::string list;
  const auto add = [&](const std::string& name, const std::string& type) {
    list += (list.empty() ? "CAST(" : ", CAST(") + name + " AS " + type + ") AS " + name;
  };
  for (size_t i = 0; i < state.keys; ++i) add(column("k", i), state.types[i]);
  add("n", "BIGINT");
  for (size_t i = 0; i < state.sums; ++i) add(column("s", i), state.types[state.keys + 1 + i]);
  return "SELECT " + list + " FROM (" + rows + ")";
}

/// Whether another run may be about to commit what is in the folder.
bool is_young(const Context& context, const std::string& folder) {
  const auto files = context.files.list_tree(folder);
  return std::any_of(files.begin(), files.end(), [&](const storage::FileInfo& info) {
    return info.modified > context.clock.now() - kYoung;
  });
}

/// Where sums are staged.
lake::StageContext sums_at(const lake::StageContext& table, const std::string& folder) {
  lake::StageContext out{table.rows, table.files, sums_folder(table.table_path) + "/" + folder,
                         "sums of " + table.table_name};
  const lake::Table there(out.files, out.table_path);
  if (there.exists()) out.current = there.snapshot();
  out.now = table.now;
  return out;
}

/// The result over relations in the place of the states.
lake::Relation result_over(const incremental::ByState& how,
                           const std::vector<lake::Relation>& states) {
  lake::Relation out;
  for (size_t i = 0; i < states.size(); ++i)
    out += (i == 0 ? "WITH " : ", ") + duck::quote_name(incremental::state_rows(i)) + " AS (" +
           states[i] + ")";
  return out + " " + how.result;
}

/// What the changes make of one state's rows: those of touched groups, as they are now.
struct NewSums {
  std::string change, held, rows;  ///< what stands for them in FROM; those that were there
};

NewSums new_sums(TableChange& table, const lake::StageContext& at, const State& state, size_t i) {
  bool null = false;
  if (!state.touched.empty()) {
    const auto touched = table.keep(incremental::kTouchedKeys, state.touched, true);
    for (size_t c = 0; c < state.touched_columns; ++c)
      null = null ||
             table.count(touched + " WHERE " +
                         duck::quote_name("windrow key " + std::to_string(c)) + " IS NULL") > 0;
  }
  NewSums out;
  out.change = table.keep(fmt::format("windrow change of sums {}", i),
                          kept_types(state, null ? state.change : state.change_without_null), true);
  const auto keys = key_columns(state);
  const auto by = TableChange::list_of(keys);
  lake::Relation held = lake::scan(*at.current);
  if (!keys.empty())
    held = "SELECT t.* FROM (" + held + ") t SEMI JOIN " + out.change + " c ON " +
           table.same(keys, "t", "c", out.change);
  out.held = table.keep(fmt::format("windrow held sums {}", i), held);
  std::string list = by + (by.empty() ? "" : ", ") + "sum(n) AS n";
  for (size_t s = 0; s < state.sums; ++s)
    list += ", sum(" + column("s", s) + ") AS " + column("s", s);
  out.rows = table.keep(
      fmt::format("windrow new sums {}", i),
      kept_types(state, "SELECT " + list + " FROM (FROM " + out.held + " UNION ALL BY NAME FROM " +
                            out.change + ")" + (by.empty() ? "" : " GROUP BY " + by)));
  return out;
}

}  // namespace

std::vector<KeptSums> kept_sums(const lake::Provenance& record) {
  const auto json = Json::parse(record.state, nullptr, false);
  std::vector<KeptSums> out;
  if (!json.is_object() || !json.contains("sums")) return out;
  for (const auto& one : json["sums"])
    out.push_back({one.value("folder", ""), one.value("id", ""), one.value("version", int64_t(-1)),
                   one.value("meaning", "")});
  return out;
}

bool all_there(storage::FileSystem& files, const std::string& table_path,
               const std::vector<KeptSums>& sums, const std::vector<incremental::State>& states) {
  if (sums.size() != states.size()) return false;
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto& one = sums[i];
    if (one.meaning != sha256(states[i].whole)) return false;
    if (one.folder.empty() || one.folder.find('/') != std::string::npos) return false;
    const lake::Table table(files, sums_folder(table_path) + "/" + one.folder);
    if (!table.exists()) return false;
    const auto there = table.identity();
    if (there.table_id != one.table_id || there.version != one.version) return false;
  }
  return true;
}

lake::Staged stage_with_sums(const lake::StageContext& at, const incremental::ByState& how,
                             const Parameters& parameters, std::vector<StagedSums>& sums) {
  std::vector<lake::Relation> states;
  for (const auto& state : how.states) {
    const auto folder = new_uuid();
    sums.push_back(
        {folder, sha256(state.whole),
         lake::stage_replace(sums_at(at, folder), kept_types(state, state.whole), parameters)});
    states.push_back(sums.back().staged.after);
  }
  return lake::stage_replace(at, result_over(how, states), parameters);
}

std::variant<lake::Staged, BuiltWhole> stage_by_state(const lake::StageContext& at,
                                                      const Increment& increment,
                                                      const Parameters& parameters,
                                                      std::vector<StagedSums>& sums) {
  const auto& how = std::get<incremental::ByState>(increment.how);
  if (!at.current || at.current->version != increment.built_on)
    return BuiltWhole{"another run has changed the table meanwhile"};
  TableChange table(at, parameters);
  for (const auto& input : increment.inputs) bind_changes(table, input);
  std::vector<lake::Relation> states;
  NewSums last;
  for (size_t i = 0; i < how.states.size(); ++i) {
    const auto& state = how.states[i];
    const auto folder = increment.sums[i].folder;
    const auto sums_context = sums_at(at, folder);
    if (!sums_context.current || sums_context.current->version != increment.sums[i].version)
      return BuiltWhole{"its sums are not those of the table"};
    last = new_sums(table, sums_context, state, i);
    if (table.count(last.rows + " WHERE n < 0") > 0)
      return BuiltWhole{"its sums do not hold what should go from them"};
    const auto keys = key_columns(state);
    if (keys.empty()) {
      sums.push_back({folder, sha256(state.whole),
                      lake::stage_replace(sums_context, "FROM " + last.rows, {})});
    } else {
      TableChange change(sums_context, parameters);
      const auto by = TableChange::list_of(keys);
      const auto gone = table.keep(fmt::format("windrow groups {}", i),
                                   "SELECT DISTINCT " + by + " FROM " + last.change);
      const auto left = table.keep(fmt::format("windrow groups left {}", i),
                                   "FROM " + last.rows + " WHERE n > 0");
      sums.push_back({folder, sha256(state.whole), change.exchanged(gone, left, keys, last.held)});
    }
    states.push_back(sums.back().staged.after);
  }
  if (how.key.empty())
    return lake::stage_replace(at, table.typed(result_over(how, states)), parameters);
  std::string named;
  for (size_t i = 0; i < how.key.size(); ++i) {
    const auto* field = at.current->schema.find(how.key[i]);
    if (!field) return BuiltWhole{"the table has no column \"" + how.key[i] + "\""};
    named += (i == 0 ? "CAST(" : ", CAST(") + column("k", i) + " AS " +
             lake::duck_type(field->type) + ") AS " + duck::quote_name(how.key[i]);
  }
  const auto gone =
      table.keep("windrow gone keys", "SELECT DISTINCT " + named + " FROM " + last.change);
  lake::Relation rows = "SELECT * FROM " + last.rows + " WHERE n > 0";
  if (const auto all = key_columns(how.states[0]); all.size() > how.key.size()) {
    // Rows of a touched group that are not touched themselves belong to it too.
    const std::vector<std::string> key(all.begin(), all.begin() + ptrdiff_t(how.key.size()));
    const auto groups =
        table.keep("windrow touched groups",
                   "SELECT DISTINCT " + TableChange::list_of(key) + " FROM " + last.change);
    rows = "SELECT t.* FROM (" + states[0] + ") t SEMI JOIN " + groups + " g ON " +
           table.same(key, "t", "g", groups);
  }
  const auto fresh =
      table.keep("windrow rows as they are now", table.typed(result_over(how, {rows})), true);
  return table.exchanged(gone, fresh, how.key);
}

std::string commit_sums(const Context& context, const std::string& asset,
                        std::vector<StagedSums> sums) {
  Json all = Json::array();
  for (auto& one : sums) {
    const lake::Table table(context.files,
                            sums_folder(context.lake.table_path(asset)) + "/" + one.folder);
    lake::NewTable made;
    made.name = "sums of " + asset;
    try {
      const auto version = lake::committed_version(
          table.commit(lake::request_of(std::move(one.staged), made), context.clock), made.name);
      all.push_back({{"folder", one.folder},
                     {"id", table.identity().table_id},
                     {"version", version},
                     {"meaning", one.meaning}});
    } catch (const Error& error) {
      // To another run that has finished meanwhile they were nobody's (clean_sums).
      if (error.code() != Code::not_found) throw;
      throw Error(Code::conflict, "another run has built \"" + asset + "\" meanwhile");
    }
  }
  return Json{{"sums", all}}.dump();
}

void discard_sums(storage::FileSystem& files, const std::vector<StagedSums>& sums) noexcept {
  for (const auto& one : sums) lake::discard(files, one.staged);
}

void clean_sums(const Context& context, const std::string& asset,
                const lake::Provenance& record) noexcept {
  try {
    const auto folder = sums_folder(context.lake.table_path(asset));
    std::set<std::string> used;
    for (const auto& one : kept_sums(record)) {
      used.insert(one.folder);
      if (one.version % kVersionsBetweenCleaning != kVersionsBetweenCleaning - 1) continue;
      duck::Connection connection(context.database);
      lake::VacuumOptions options;
      options.retention = std::chrono::hours(24);
      options.force = true;
      lake::vacuum(context.files, folder + "/" + one.folder, connection, options, context.clock);
    }
    for (const auto& info : context.files.list(folder)) {
      const auto name = info.path.substr(info.path.rfind('/') + 1);
      if (!used.contains(name) && !is_young(context, folder + "/" + name))
        storage::remove_folder(context.files, folder + "/" + name, "_delta_log");
    }
  } catch (const Error&) {
    // Nobody reads it; it is tried again after the next build.
  }
}

}  // namespace windrow::tasks
