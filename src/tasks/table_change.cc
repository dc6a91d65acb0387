#include "tasks/table_change.h"

#include <algorithm>

#include "duck/quoting.h"
#include "lake/dml.h"
#include "lake/schema.h"
#include "lake/table.h"

namespace windrow::tasks {

namespace {

constexpr const char* kGone = "windrow gone";

}  // namespace

TableChange::TableChange(const lake::StageContext& at, const Parameters& parameters)
    : at_(at), rows_(at.rows), parameters_(parameters) {
  for (const auto& field : at.current->schema.fields) columns_.push_back(field.name);
}

std::string TableChange::keep(const std::string& name, const lake::Relation& select, bool asked) {
  return rows_.keep(name, select, asked ? parameters_ : Parameters{});
}

int64_t TableChange::count(const std::string& from) {
  return std::get<int64_t>(rows_.value("SELECT count(*) FROM " + from));
}

std::string TableChange::list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + duck::quote_name(name);
  return out;
}

lake::Relation TableChange::typed(const lake::Relation& select) {
  const auto given = rows_.describe(select, parameters_);
  std::string out;
  for (const auto& field : at_.current->schema.fields) {
    const auto name = duck::quote_name(field.name);
    if (std::none_of(given.begin(), given.end(),
                     [&](const Column& column) { return column.name == field.name; }))
      throw Error(Code::data, "the SELECT does not yield column \"" + field.name + "\"");
    out += (out.empty() ? "CAST(" : ", CAST(") + name + " AS " + lake::duck_type(field.type) +
           ") AS " + name;
  }
  if (given.size() != columns_.size())
    throw Error(Code::data, "the SELECT yields other columns than the table has");
  return "SELECT " + out + " FROM (" + select + ")";
}

std::string TableChange::same(const std::vector<std::string>& key, const char* a, const char* b,
                              const std::string& keys) {
  std::string out;
  for (const auto& name : key) {
    const auto quoted = duck::quote_name(name);
    const bool null = count("(FROM " + keys + ") WHERE " + quoted + " IS NULL") > 0;
    out += (out.empty() ? "" : " AND ") + std::string(a) + "." + quoted +
           (null ? " IS NOT DISTINCT FROM " : " = ") + b + "." + quoted;
  }
  return out;
}

lake::Relation TableChange::held_of(const std::string& keys, const std::string& kept,
                                    const std::vector<std::string>& key) {
  return "SELECT " + list_of(columns_) + " FROM (" +
         lake::guided_scan(std::make_shared<const lake::Snapshot>(*at_.current)) +
         ") t SEMI JOIN (" + keys + ") k ON " + same(key, "t", "k", kept);
}

lake::Staged TableChange::replaced(const std::string& keys, const std::string& fresh,
                                   const std::vector<std::string>& key) {
  using When = lake::MergeClause::When;
  using Then = lake::MergeClause::Then;
  const auto gone = duck::quote_name(kGone);
  const auto source = keep("windrow change", "SELECT true AS " + gone + ", * FROM (" + keys +
                                                 ") UNION ALL BY NAME SELECT false AS " + gone +
                                                 ", * FROM " + fresh);
  return lake::stage_merge_clauses(
      at_, "SELECT * FROM " + source, {},
      "s." + gone + " AND " + same(key, "t", "s", source + " WHERE " + gone),
      {{When::matched, Then::remove, "", {}},
       {When::not_matched, Then::insert, "NOT s." + gone, {}}});
}

lake::Staged TableChange::exchanged(const std::string& gone, const std::string& fresh,
                                    const std::vector<std::string>& key, std::string held) {
  if (held.empty()) held = keep("windrow rows of the table", held_of("FROM " + gone, gone, key));
  // Most of what is looked at again may be as it was.
  const auto changed =
      keep("windrow changed keys", "SELECT DISTINCT " + list_of(key) + " FROM (((FROM " + fresh +
                                       ") EXCEPT ALL (FROM " + held + ")) UNION ALL ((FROM " +
                                       held + ") EXCEPT ALL (FROM " + fresh + ")))");
  const auto now =
      keep("windrow changed rows", "SELECT f.* FROM " + fresh + " f SEMI JOIN " + changed +
                                       " c ON " + same(key, "f", "c", changed));
  return replaced("SELECT * FROM " + changed, now, key);
}

void bind_changes(TableChange& change, const Increment::Input& input) {
  for (const auto& name : input.written) {
    const lake::Relation none = "SELECT * FROM (" + lake::scan(*input.before) + ") WHERE false";
    const auto& added = input.delta.added;
    const auto& removed = input.delta.removed;
    const auto come = incremental::rows_added(name), go = incremental::rows_removed(name);
    if (added.empty() || removed.empty()) {
      change.keep(come, added.empty() ? none : added);
      change.keep(go, removed.empty() ? none : removed);
      continue;
    }
    // Files that are written anew hold the same rows for the most part.
    const auto a = change.keep("windrow all added", added),
               b = change.keep("windrow all removed", removed);
    change.keep(come, "(FROM " + a + ") EXCEPT ALL (FROM " + b + ")");
    change.keep(go, "(FROM " + b + ") EXCEPT ALL (FROM " + a + ")");
  }
}

}  // namespace windrow::tasks
