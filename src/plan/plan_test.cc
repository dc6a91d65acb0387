#include "plan/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "lake/table.h"

namespace windrow::plan {
namespace {

using project::BuildKind;
using namespace std::chrono_literals;

Time at(std::string_view text) { return *parse_time(text); }

class FakeWorld : public World {
 public:
  bool exists(const std::string& table) override { return versions.count(table) > 0; }
  bool own(const std::string& table) override { return exists(table) && !lent.count(table); }
  std::string sample(const std::string& table) override { return samples[table]; }
  lake::InputVersion version(const std::string& table) override {
    return {ids.count(table) ? ids.at(table) : table + "-id", versions.at(table)};
  }
  lake::ProvenanceState provenance(const std::string& table) override { return states[table]; }
  lake::ChangedIntervals changes(const std::string&, int64_t, int64_t, const std::string&,
                                 const Grain&) override {
    if (lost) throw Error(Code::history_lost, "gone");
    return change;
  }
  lake::ChangedIntervals changes(const std::string&, int64_t, int64_t) override {
    if (lost) throw Error(Code::history_lost, "gone");
    return change;
  }
  std::optional<int64_t> taken_by_retention(const std::string&, int64_t from, int64_t to) override {
    return from < retained_at && retained_at <= to ? std::optional<int64_t>(3) : std::nullopt;
  }
  bool same_meaning(const std::string&, const lake::Provenance&) override { return same; }

  std::map<std::string, int64_t> versions{{"silver.events", 41}};
  std::map<std::string, std::string> ids;  ///< of tables that had another name
  std::set<std::string> lent;
  std::map<std::string, std::string> samples;
  std::map<std::string, lake::ProvenanceState> states;
  lake::ChangedIntervals change;
  int64_t retained_at = -1;  ///< version of silver.events at which retention took three rows
  bool lost = false, same = false;
};

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    model_.name = "gold.daily";
    model_.definition = "d1";
    model_.inputs = {{"silver.events", "\"at\"", {}, {}, false, false}};
    choices_.now = at("2025-10-20T12:00:00Z");
    by_day();
  }
  void by_day() {
    model_.kind = BuildKind::interval;
    model_.grain = Grain::parse("day", "UTC");
    model_.begin = at("2025-10-01");
  }
  void whole(BuildKind kind = BuildKind::table) {
    model_.kind = kind;
    model_.grain.reset();
  }
  /// As if it was built from version 41 up to the end of the 19th.
  void built(const IntervalSet& complete = {
                 {*parse_time("2025-10-01"), *parse_time("2025-10-20")}}) {
    lake::Provenance record;
    record.asset = model_.name;
    record.definition = "d1";
    record.inputs = {{"silver.events", {"silver.events-id", 41}}};
    record.complete = complete;
    world_.versions[model_.name] = 7;
    world_.states[model_.name] = {record, 7, {}, false};
  }
  Assessment assessed() { return assess(model_, world_, choices_); }
  static std::string why(const Assessment& a) {
    std::string out;
    for (const auto& reason : a.reasons) out += (out.empty() ? "" : "; ") + reason.text;
    return out;
  }
  size_t days(const IntervalSet& set) { return model_.grain->count(set); }

  Model model_;
  FakeWorld world_;
  Choices choices_;
};

TEST_F(PlanTest, ANewOneIsBuiltUpToTheLastWholeInterval) {
  const auto a = assessed();
  EXPECT_TRUE(a.stale);
  EXPECT_EQ(why(a), "new");
  EXPECT_EQ(a.intervals.text(), "[2025-10-01T00:00:00Z, 2025-10-20T00:00:00Z)");
  model_.wait = 13h;  // the 19th is due only thirteen hours after its end
  EXPECT_EQ(days(assessed().intervals), 18u);
}

TEST_F(PlanTest, AnInputThatIsGoneIsNoChangedDefinition) {
  whole();
  built();
  model_.definition = "d2";  // `*` of a table that is not there names no columns
  EXPECT_EQ(why(assessed()), "definition changed");
  world_.versions.erase("silver.events");
  EXPECT_EQ(why(assessed()), "input silver.events is not in the lake any more");
}

/// What grew from rows that retention has taken since is not rebuilt without a word.
TEST_F(PlanTest, AWholeRebuildKeepsWhatRetentionHasTaken) {
  const std::string lost = "retention has taken 3 rows of its input \"silver.events\"";
  model_.retention = {{"silver.events", 24h * 30}};
  world_.retained_at = 40;
  for (const auto kind : {BuildKind::append, BuildKind::merge}) {
    whole(kind);
    built();
    model_.definition = "d2";
    auto a = assessed();
    ASSERT_TRUE(a.problem);
    EXPECT_NE(a.problem->message.find("definition changed, but " + lost), std::string::npos);
    EXPECT_FALSE(a.stale);
    choices_.rebuild_sealed = true;
    EXPECT_TRUE(assessed().from_scratch && !assessed().problem);
    choices_.rebuild_sealed = false;
    choices_.full_refresh = true;
    EXPECT_NE(assessed().problem->message.find("full refresh, but " + lost), std::string::npos);
    choices_.full_refresh = false;
    model_.definition = "d1";
    EXPECT_FALSE(assessed().problem || assessed().stale);
  }
  // What is built whole each time was built without them already.
  whole();
  model_.definition = "d2";
  EXPECT_FALSE(assessed().problem);
  world_.versions["silver.events"] = world_.retained_at = 42;
  EXPECT_NE(assessed().problem->message.find(lost), std::string::npos);
  model_.definition = "d1";
  world_.change.files = 1;
  EXPECT_EQ(
      why(assessed()),
      "input silver.events 41 → 42: 1 file; 3 rows of it that retention has taken go from here "
      "as well");
  // A backfill of other tables' intervals does not build it anew for nothing.
  world_.change.files = 0;
  choices_.rebuild = true;
  for (const auto kind : {BuildKind::table, BuildKind::scd2}) {
    model_.kind = kind;
    EXPECT_FALSE(assessed().stale);
    choices_.rebuild_sealed = true;
    EXPECT_EQ(why(assessed()), "backfill");
    choices_.rebuild_sealed = false;
  }
  model_.kind = BuildKind::table;
  choices_.rebuild = false;
  world_.change.files = 1;
  model_.retention.clear();
  EXPECT_EQ(why(assessed()), "input silver.events 41 → 42: 1 file");
}

TEST_F(PlanTest, AnInputWithAnotherNameIsTheSameTable) {
  built();
  world_.versions["silver.renamed"] = 41;
  world_.ids["silver.renamed"] = "silver.events-id";
  model_.inputs[0].name = "silver.renamed";
  EXPECT_EQ(days(assessed().intervals), 19u);  // another table, for all that is known
  model_.inputs[0].former = "silver.events";
  EXPECT_FALSE(assessed().stale);
  world_.versions["silver.renamed"] = 40;
  EXPECT_TRUE(assessed().problem);  // older than what was read
}

TEST_F(PlanTest, NothingChangedIsNothingToDo) {
  built();
  EXPECT_FALSE(assessed().stale);
  EXPECT_EQ(days(assessed().complete), 19u);
}

TEST_F(PlanTest, ADayLaterOneIntervalIsDue) {
  built();
  choices_.now += 24h;
  EXPECT_EQ(why(assessed()), "due: 1 interval");
  EXPECT_EQ(assessed().intervals.text(), "[2025-10-20T00:00:00Z, 2025-10-21T00:00:00Z)");
}

TEST_F(PlanTest, LateDataMakesExactlyItsIntervalsStale) {
  built();
  world_.versions["silver.events"] = 42;
  world_.change.files = 3;
  world_.change.intervals = {{at("2025-10-17"), at("2025-10-18")}};
  const auto a = assessed();
  EXPECT_EQ(why(a), "late data in 2025-10-17 (input silver.events 41 → 42: 3 files, 1 interval)");
  EXPECT_EQ(a.intervals, (IntervalSet{{at("2025-10-17"), at("2025-10-18")}}));
  EXPECT_EQ(days(a.complete), 18u);
  world_.change.rows_removed = true;
  world_.change.intervals.add({at("2025-10-03"), at("2025-10-04")});
  EXPECT_EQ(why(assessed()), "input silver.events 41 → 42: 3 files, 2 intervals");
}

TEST_F(PlanTest, MaintenanceAndLookupsMakeNothingStale) {
  built();
  world_.versions["silver.events"] = 42;
  EXPECT_FALSE(assessed().stale);  // no data changed
  world_.change.files = 1;
  world_.change.everything = true;
  model_.inputs[0].lookup = true;
  EXPECT_FALSE(assessed().stale);
}

TEST_F(PlanTest, AnInputReadBeyondItsIntervalWidensWhatIsTouched) {
  built();
  model_.inputs[0].before = 23h;
  world_.versions["silver.events"] = 42;
  world_.change.files = 1;
  world_.change.intervals = {{at("2025-10-05T10:00:00Z"), at("2025-10-05T11:00:00Z")}};
  EXPECT_EQ(assessed().intervals, (IntervalSet{{at("2025-10-05"), at("2025-10-07")}}));
}

TEST_F(PlanTest, AChangedDefinitionRebuildsAll) {
  built();
  model_.definition = "d2";
  EXPECT_EQ(why(assessed()), "definition changed");
  EXPECT_EQ(days(assessed().intervals), 19u);
  world_.same = true;  // an upgrade of the engine spells the same meaning otherwise
  EXPECT_FALSE(assessed().stale);
}

/// Late data lies in a sealed interval while a run builds others: what its record does not call
/// complete the next one would take for never built.
TEST_F(PlanTest, SealedIntervalsStaySealedWhereARangeIsBuilt) {
  built();
  model_.retention = {{"silver.events", 240h}};
  world_.versions["silver.events"] = 42;
  world_.change.files = 1;
  world_.change.intervals = IntervalSet{{at("2025-10-03T10:00:00Z"), at("2025-10-03T11:00:00Z")}};
  choices_.start = at("2025-10-15");
  choices_.end = at("2025-10-16");
  const Interval late{at("2025-10-03"), at("2025-10-04")};
  const auto held = [&](const Assessment& a) {
    return (a.complete & IntervalSet{late}) == IntervalSet{late} && a.outside.empty();
  };
  choices_.rebuild = true;  // backfill
  auto a = assessed();
  EXPECT_EQ(a.intervals, (IntervalSet{{at("2025-10-15"), at("2025-10-16")}}));
  EXPECT_EQ(a.sealed, IntervalSet{late});
  EXPECT_TRUE(held(a));
  choices_.rebuild_sealed = true;
  EXPECT_TRUE(held(assessed()));
  choices_.rebuild = false;
  EXPECT_TRUE(held(assessed()));
  choices_.rebuild_sealed = false;
  choices_.full_refresh = true;
  EXPECT_TRUE(held(assessed()));
  // Asked for, it is built.
  choices_ = {.now = choices_.now, .rebuild_sealed = true, .start = late.start, .end = late.end};
  EXPECT_EQ(assessed().intervals, IntervalSet{late});
  choices_.rebuild = true;
  EXPECT_EQ(assessed().intervals, IntervalSet{late});
}

TEST_F(PlanTest, SealedIntervalsStay) {
  built();
  model_.definition = "d2";
  model_.retention["silver.events"] = std::chrono::hours(24 * 10);  // rows from the 10th, noon, on
  auto a = assessed();
  EXPECT_EQ(a.sealed, (IntervalSet{{at("2025-10-01"), at("2025-10-11")}}));
  EXPECT_EQ(a.intervals, (IntervalSet{{at("2025-10-11"), at("2025-10-20")}}));
  EXPECT_EQ(a.complete, a.sealed);
  choices_.rebuild_sealed = true;
  EXPECT_EQ(days(assessed().intervals), 19u);
}

TEST_F(PlanTest, ARangeLeavesTheRestStale) {
  built();
  model_.definition = "d2";
  choices_.start = at("2025-10-05");
  choices_.end = at("2025-10-07");
  const auto a = assessed();
  EXPECT_EQ(days(a.intervals), 2u);
  EXPECT_EQ(days(a.outside), 17u);
  EXPECT_TRUE(a.complete.empty());
}

TEST_F(PlanTest, ABackfillRebuildsWhatIsUpToDate) {
  built();
  choices_.rebuild = true;
  choices_.start = at("2025-10-05");
  choices_.end = at("2025-10-07");
  const auto a = assessed();
  EXPECT_EQ(a.intervals, (IntervalSet{{at("2025-10-05"), at("2025-10-07")}}));
  EXPECT_EQ(days(a.complete), 17u);
}

TEST_F(PlanTest, AFullRefreshOfARangeLeavesAllElse) {
  built();
  choices_.full_refresh = true;
  choices_.start = at("2025-10-05");
  choices_.end = at("2025-10-07");
  const auto a = assessed();
  EXPECT_FALSE(a.from_scratch);
  EXPECT_EQ(a.intervals, (IntervalSet{{at("2025-10-05"), at("2025-10-07")}}));
  EXPECT_EQ(days(a.complete), 17u);
  EXPECT_EQ(why(a), "full refresh");
  // Whose record is gone cannot be refreshed in part.
  world_.states[model_.name].history_lost = true;
  EXPECT_EQ(assessed().problem->code, Code::history_lost);
  choices_.start = choices_.end = {};
  EXPECT_TRUE(assessed().from_scratch);
}

TEST_F(PlanTest, ReadingBackReachesOverAChangeOfTheClocks) {
  model_.grain = Grain::parse("hour", "Europe/Berlin");
  model_.begin = at("2025-10-25");
  choices_.now = at("2025-10-28");
  built({{at("2025-10-25"), at("2025-10-28")}});
  world_.versions["silver.events"] = 42;
  world_.change.files = 1;
  model_.inputs[0].before = 3h;
  world_.change.intervals = {{at("2025-10-25T23:00:00Z"), at("2025-10-26T00:00:00Z")}};
  // By the clocks three hours after two is five, which is four hours later.
  EXPECT_EQ(assessed().intervals.text(), "[2025-10-25T23:00:00Z, 2025-10-26T04:00:00Z)");
  model_.inputs[0].before = 24h;
  world_.change.intervals = {{at("2025-10-25T18:00:00Z"), at("2025-10-25T19:00:00Z")}};
  EXPECT_EQ(assessed().intervals.text(), "[2025-10-25T18:00:00Z, 2025-10-26T20:00:00Z)");
}

TEST_F(PlanTest, WholeIntervalsAreBuiltWhateverTheRecordHas) {
  model_.grain = Grain::parse("hour", "Europe/Berlin");
  model_.begin = at("2025-10-25");
  choices_.now = at("2025-10-26T05:00:00Z");
  // As it was when the hour that comes twice was two intervals.
  built({{at("2025-10-25"), at("2025-10-26T01:00:00Z")}});
  EXPECT_EQ(assessed().intervals.text(), "[2025-10-26T00:00:00Z, 2025-10-26T05:00:00Z)");
}

TEST_F(PlanTest, ChangesAtTheEndsOfTheCalendarTouchNothingThatIsDue) {
  built();
  world_.versions["silver.events"] = 42;
  world_.change.files = 1;
  world_.change.intervals = {{Time::min(), at("0001-01-01")}, {at("9999-12-31"), Time::max()}};
  model_.inputs[0].before = model_.inputs[0].after = 48h;
  EXPECT_FALSE(assessed().stale);
}

TEST_F(PlanTest, HistoryLostStops) {
  built();
  world_.states[model_.name].history_lost = true;
  EXPECT_EQ(assessed().problem->code, Code::history_lost);
  choices_.full_refresh = true;
  EXPECT_FALSE(assessed().problem);
  EXPECT_EQ(days(assessed().intervals), 19u);
  choices_.full_refresh = false;
  built();
  world_.versions["silver.events"] = 42;
  world_.lost = true;
  EXPECT_EQ(assessed().problem->code, Code::history_lost);
}

TEST_F(PlanTest, ATableOfOthersIsNotTakenOver) {
  world_.versions[model_.name] = 3;
  EXPECT_EQ(assessed().problem->code, Code::conflict);
}

TEST_F(PlanTest, ATableThatIsOnlyLentIsNew) {
  whole();
  world_.versions[model_.name] = 3;
  world_.lent = {model_.name};
  EXPECT_EQ(why(assessed()), "new");
}

TEST_F(PlanTest, OlderInputsNeverOverwriteNewerOnes) {
  built();
  world_.versions["silver.events"] = 40;
  EXPECT_EQ(assessed().problem->code, Code::conflict);
}

TEST_F(PlanTest, WholeTablesFollowTheirInputs) {
  whole();
  EXPECT_EQ(why(assessed()), "new");
  built();
  EXPECT_FALSE(assessed().stale);
  world_.versions["silver.events"] = 42;
  world_.change.files = 3;
  EXPECT_EQ(why(assessed()), "input silver.events 41 → 42: 3 files");
  EXPECT_FALSE(assessed().from_scratch);
}

TEST_F(PlanTest, AppendAndMergeStartFromTheRecordedVersion) {
  whole(BuildKind::append);
  model_.inputs[0].new_rows = true;
  built();
  world_.versions["silver.events"] = 42;
  world_.change.files = 1;
  EXPECT_EQ(assessed().new_rows_from, 41);
  world_.change.rows_removed = true;
  EXPECT_EQ(assessed().problem->code, Code::conflict);
  whole(BuildKind::merge);
  EXPECT_FALSE(assessed().problem);
  EXPECT_TRUE(assessed().rows_removed);
  model_.definition = "d2";
  EXPECT_TRUE(assessed().from_scratch);
  EXPECT_FALSE(assessed().new_rows_from);
}

TEST_F(PlanTest, Scd2KeepsItsHistoryWhenItsMeaningChanges) {
  whole(BuildKind::scd2);
  built();
  model_.definition = "d2";
  EXPECT_TRUE(assessed().stale);
  EXPECT_FALSE(assessed().from_scratch);
  choices_.full_refresh = true;
  EXPECT_TRUE(assessed().from_scratch);
}

TEST_F(PlanTest, RowsOfASampleAndOthersDoNotMix) {
  for (const auto kind : {BuildKind::table, BuildKind::merge, BuildKind::interval}) {
    if (kind == BuildKind::interval)
      by_day();
    else
      whole(kind);
    built();
    world_.samples["silver.events"] = "1%";
    EXPECT_EQ(assessed().sample, "1%");
    EXPECT_EQ(why(assessed()), "built from all rows, now from a sample of 1%");
    world_.states[model_.name].last->sample = "1%";
    EXPECT_FALSE(assessed().stale);
    world_.samples["silver.events"] = "2%";
    EXPECT_EQ(why(assessed()), "built from a sample of 1%, now from a sample of 2%");
    world_.samples.clear();
    EXPECT_EQ(why(assessed()), "built from a sample of 1%, now from all rows");
    if (kind == BuildKind::interval)
      EXPECT_TRUE(assessed().complete.empty());
    else
      EXPECT_TRUE(assessed().from_scratch);
  }
}

/// What it keeps of a sample is worth nothing, what it keeps of all rows is not given up for one.
TEST_F(PlanTest, Scd2DoesNotGiveUpItsHistoryForASample) {
  whole(BuildKind::scd2);
  built();
  world_.samples["silver.events"] = "1%";
  ASSERT_TRUE(assessed().problem);
  EXPECT_NE(assessed().problem->message.find("now from a sample of 1%"), std::string::npos);
  choices_.full_refresh = true;
  EXPECT_TRUE(!assessed().problem && assessed().from_scratch);
  choices_.full_refresh = false;
  world_.states[model_.name].last->sample = "1%";
  world_.samples.clear();
  EXPECT_TRUE(!assessed().problem && assessed().from_scratch);
}

TEST_F(PlanTest, AReplacedInputRebuildsAll) {
  built();
  world_.states[model_.name].last->inputs["silver.events"].table_id = "another";
  EXPECT_EQ(why(assessed()), "input silver.events was replaced by another table");
  EXPECT_EQ(days(assessed().intervals), 19u);
}

TEST_F(PlanTest, RecordsOfTwoBuildersAreCombinedOnlyWhereTheyCannotClash) {
  built({{at("2025-10-01"), at("2025-10-10")}});
  const auto planned_on = world_.states[model_.name].last;
  const auto basis = assessed();
  auto mine = *planned_on;
  mine.run = "mine";
  mine.intervals = {{at("2025-10-10"), at("2025-10-11")}};
  EXPECT_EQ(next_record(mine, basis, planned_on, planned_on)->complete,
            (IntervalSet{{at("2025-10-01"), at("2025-10-11")}}));
  auto other = *planned_on;
  other.run = "other";
  other.complete.add({at("2025-10-11"), at("2025-10-13")});
  EXPECT_EQ(next_record(mine, basis, planned_on, other)->complete,
            (IntervalSet{{at("2025-10-01"), at("2025-10-13")}}));
  other.complete.add({at("2025-10-10"), at("2025-10-11")});
  EXPECT_FALSE(next_record(mine, basis, planned_on, other));
  other = *planned_on;
  other.definition = "d2";
  EXPECT_FALSE(next_record(mine, basis, planned_on, other));
  other = *planned_on;
  other.inputs["silver.events"].version = 42;
  EXPECT_FALSE(next_record(mine, basis, planned_on, other));
  EXPECT_FALSE(next_record(mine, basis, planned_on, std::nullopt));
}

}  // namespace
}  // namespace windrow::plan
