#include <fmt/format.h>

#include "duck/quoting.h"
#include "lake/table.h"
#include "tasks/increment.h"
#include "tasks/table_change.h"

namespace windrow::tasks {

namespace {

/// Above this share of the table's keys, and so many, all of them are built.
constexpr double kKeysMost = 0.5;
constexpr int64_t kKeysAlways = 1000;

std::variant<lake::Staged, BuiltWhole> stage_by_row(const lake::StageContext& at,
                                                    TableChange& change,
                                                    const incremental::ByRow& how) {
  const auto list = TableChange::list_of(change.columns());
  const auto none = "SELECT " + list + " FROM (" + lake::scan(*at.current) + ") WHERE false";
  const auto added = change.keep(
      "windrow added", how.added.empty() ? none : change.typed(how.added), !how.added.empty());
  const auto removed =
      change.keep("windrow removed", how.removed.empty() ? none : change.typed(how.removed),
                  !how.removed.empty());
  const auto come = change.keep("windrow rows that come",
                                "(FROM " + added + ") EXCEPT ALL (FROM " + removed + ")");
  const auto go =
      change.keep("windrow rows that go", "(FROM " + removed + ") EXCEPT ALL (FROM " + added + ")");
  if (change.count(go) == 0) return lake::stage_append(at, "SELECT * FROM " + come, {});
  const auto held =
      change.keep("windrow rows of the table",
                  change.held_of("SELECT DISTINCT * FROM " + go, go, change.columns()));
  if (change.count("((FROM " + go + ") EXCEPT ALL (FROM " + held + "))") > 0)
    return BuiltWhole{"the table does not hold rows that should go from it"};
  const auto fresh =
      change.keep("windrow rows as they are now", "((FROM " + held + ") EXCEPT ALL (FROM " + go +
                                                      ")) UNION ALL (FROM " + come + ")");
  return change.replaced("SELECT DISTINCT " + list + " FROM " + go, fresh, change.columns());
}

std::variant<lake::Staged, BuiltWhole> stage_by_key(const lake::StageContext& at,
                                                    TableChange& change,
                                                    const incremental::ByKey& how, bool always) {
  const auto keys = change.keep(incremental::kTouchedKeys, how.touched, true);
  const int64_t touched = change.count(keys), there = at.current->rows();
  if (!always && touched > kKeysAlways && double(touched) > kKeysMost * double(there))
    return BuiltWhole{fmt::format("{} keys of {} rows are touched", touched, there)};
  bool null = false;
  std::string named;
  for (size_t i = 0; i < how.key.size(); ++i) {
    const auto column = duck::quote_name("windrow key " + std::to_string(i));
    const auto* field = at.current->schema.find(how.key[i]);
    if (!field) return BuiltWhole{"the table has no column \"" + how.key[i] + "\""};
    null = null || change.count(keys + " WHERE " + column + " IS NULL") > 0;
    named += (named.empty() ? "CAST(" : ", CAST(") + column + " AS " +
             lake::duck_type(field->type) + ") AS " + duck::quote_name(how.key[i]);
  }
  const auto gone = change.keep("windrow gone keys", "SELECT " + named + " FROM " + keys);
  const auto fresh =
      change.keep("windrow rows as they are now",
                  change.typed(null ? how.recomputed : how.recomputed_without_null), true);
  return change.exchanged(gone, fresh, how.key);
}

}  // namespace

std::variant<lake::Staged, BuiltWhole> stage_increment(const lake::StageContext& at,
                                                       const Increment& increment,
                                                       const Parameters& parameters) {
  if (!at.current || at.current->version != increment.built_on)
    return BuiltWhole{"another run has changed the table meanwhile"};
  TableChange change(at, parameters);
  for (const auto& input : increment.inputs) bind_changes(change, input);
  if (const auto* by_row = std::get_if<incremental::ByRow>(&increment.how))
    return stage_by_row(at, change, *by_row);
  return stage_by_key(at, change, std::get<incremental::ByKey>(increment.how), increment.always);
}

}  // namespace windrow::tasks
