#include "lake/rewrite.h"

#include <filesystem>

#include "lake/rewrite_fixture.h"

namespace windrow::lake {
namespace {

TEST_F(Rewrite, AppendsAndAddsColumns) {
  append("SELECT 1 AS a");
  append("SELECT 2 AS a, 'x' AS b");
  EXPECT_EQ(rows(), "1,NULL 2,x ");
  append("SELECT 3 AS a, 'y' AS b WHERE false");
  EXPECT_EQ(table().latest_version(), 2);
  EXPECT_EQ(rows(), "1,NULL 2,x ");
}

TEST_F(Rewrite, RefusesAnotherTypeAndLeavesNoFile) {
  append("SELECT 1 AS a");
  const auto before = data_files();
  EXPECT_NE(code_of([&] { append("SELECT 'text' AS a"); }).find("data: "), std::string::npos);
  EXPECT_NE(code_of([&] { append("SELECT 1 AS a, 2 AS \"A\""); }).find("A"), std::string::npos);
  EXPECT_EQ(data_files(), before);
  EXPECT_EQ(rows(), "1 ");
}

TEST_F(Rewrite, ReplacesWholeAlsoWithAnotherSchema) {
  append("SELECT 1 AS a");
  apply([](const StageContext& c) {
    return stage_replace(c, "SELECT 7 AS a UNION ALL SELECT 8", {});
  });
  EXPECT_EQ(rows(), "7 8 ");
  replace_schema_ = true;
  apply([](const StageContext& c) { return stage_replace(c, "SELECT 'now text' AS a", {}); });
  EXPECT_EQ(rows(), "now text ");
  apply([](const StageContext& c) { return stage_replace(c, "SELECT 'x' AS a WHERE false", {}); });
  EXPECT_EQ(rows(), "");
}

TEST_F(Rewrite, ReplacesTheirPartitionsOnly) {
  partition_by_ = {"p"};
  append("SELECT * FROM (VALUES (1, 'a b'), (2, 'ü/='), (3, NULL)) t(id, p)");
  apply([](const StageContext& c) {
    return stage_replace_partitions(c, "SELECT 9 AS id, 'ü/=' AS p", {});
  });
  EXPECT_EQ(rows(), "1,a b 3,NULL 9,ü/= ");
}

TEST_F(Rewrite, ReplacesAnIntervalInsideALongFile) {
  append("SELECT i AS id, TIMESTAMP '2025-10-01' + INTERVAL 1 HOUR * i AS at FROM range(720) t(i)");
  const Interval day{*parse_time("2025-10-05"), *parse_time("2025-10-06")};
  apply([&](const StageContext& c) {
    return stage_replace_interval(c, "SELECT 10000 AS id, TIMESTAMP '2025-10-05 12:00:00' AS at",
                                  {}, "at", day, "UTC");
  });
  EXPECT_EQ(rows("SELECT count(*), count(*) FILTER (id = 10000) FROM (" +
                 duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
            "697,1 ");
  EXPECT_NE(code_of([&] {
              apply([&](const StageContext& c) {
                return stage_replace_interval(c, "SELECT 1 AS id, TIMESTAMP '2025-10-06' AS at", {},
                                              "at", day, "UTC");
              });
            }).find("outside"),
            std::string::npos);
  EXPECT_EQ(table().latest_version(), 1);
}

TEST_F(Rewrite, AnUnchangedIntervalTouchesNothing) {
  append(
      "SELECT i AS id, TIMESTAMPTZ '2025-10-01 00:00:00+00' + INTERVAL 1 HOUR * i AS at FROM "
      "range(48) t(i)");
  const Interval day{*parse_time("2025-10-01"), *parse_time("2025-10-02")};
  const auto staged = apply([&](const StageContext& c) {
    return stage_replace_interval(
        c,
        "SELECT i + if(i = 5, 100, 0) AS id, TIMESTAMPTZ '2025-10-01 00:00:00+00' "
        "+ INTERVAL 1 HOUR * i AS at FROM range(24) t(i)",
        {}, "at", day, "UTC");
  });
  EXPECT_EQ(staged.touched.columns.at("at").text(), "[2025-10-01T05:00:00Z, 2025-10-01T05:01:00Z)");
  EXPECT_EQ(changed(0, 1, "\"at\"").intervals.text(),
            "[2025-10-01T05:00:00Z, 2025-10-01T06:00:00Z)");
}

TEST_F(Rewrite, MergesByKey) {
  merge("SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) t(id, v)", {{"id"}, "", ""});
  const auto staged =
      merge("SELECT * FROM (VALUES (2, 'B'), (3, 'c'), (4, 'd')) t(id, v)", {{"id"}, "", ""});
  EXPECT_EQ(rows(), "1,a 2,B 3,c 4,d ");
  EXPECT_EQ(staged.rows_changed, 2);
  EXPECT_EQ(staged.metrics.at("numTargetRowsUpdated"), "1");
  EXPECT_EQ(staged.metrics.at("numTargetRowsInserted"), "1");
  const auto nothing = merge("SELECT * FROM (VALUES (2, 'B')) t(id, v)", {{"id"}, "", ""});
  EXPECT_TRUE(nothing.adds.empty() && nothing.removes.empty());
  merge("SELECT 4 AS id, 'D' AS v", {{"id"}, "", "SELECT 1 AS id UNION ALL SELECT 4"});
  EXPECT_EQ(rows(), "2,B 3,c 4,D ");
}

TEST_F(Rewrite, MergeKeepsTheLatest) {
  merge("SELECT * FROM (VALUES (1, 'old', 1), (1, 'new', 2)) t(id, v, \"at\")", {{"id"}, "at", ""});
  EXPECT_EQ(rows(), "1,new,2 ");
  merge("SELECT 1 AS id, 'late' AS v, 1 AS \"at\"", {{"id"}, "at", ""});
  EXPECT_EQ(rows(), "1,new,2 ");
  merge("SELECT 1 AS id, 'newer' AS v, 3 AS \"at\"", {{"id"}, "at", ""});
  EXPECT_EQ(rows(), "1,newer,3 ");
}

/// What a key's row is does not depend on which of its rows came first, or together with which.
TEST_F(Rewrite, MergeCountsTheSameRowWhicheverCameFirst) {
  const std::vector<std::string> some = {"(1, 'b', 5, 'x')", "(1, 'a', NULL, 'x')",
                                         "(1, 'b', 5, NULL)", "(1, NULL, 5, 'a')",
                                         "(1, 'c', 5, 'a')"};
  const auto select = [](const std::string& values) {
    return "SELECT id::INT AS id, v::VARCHAR AS v, \"at\"::INT AS \"at\", w::VARCHAR AS w FROM "
           "(VALUES " +
           values + ") t(id, v, \"at\", w)";
  };
  std::vector<size_t> order = {0, 1, 2, 3, 4};
  do {
    std::filesystem::remove_all(path_);
    for (const size_t i : order) merge(select(some[i]), {{"id"}, "at", ""});
    ASSERT_EQ(rows(), "1,b,5,x ") << some[order[0]] << some[order[1]] << some[order[2]];
  } while (std::next_permutation(order.begin(), order.begin() + 3));
  std::filesystem::remove_all(path_);
  merge(select(some[0] + "," + some[1] + "," + some[2] + "," + some[3] + "," + some[4]),
        {{"id"}, "at", ""});
  EXPECT_EQ(rows(), "1,b,5,x ");
  // Whoever yields all there is of a key says what its row is, whatever is there.
  merge(select(some[1]), {{"id"}, "at", "", true});
  EXPECT_EQ(rows(), "1,a,NULL,x ");
}

TEST_F(Rewrite, MergeRefusesDoubleAndMissingKeys) {
  EXPECT_EQ(code_of([&] {
              merge("SELECT * FROM (VALUES (1, 'a'), (1, 'b')) t(id, v)", {{"id"}, "", ""});
            }),
            "data: table \"silver.t\" is merged by \"id\", but 1 keys come more than once (key, "
            "rows): (1, 2)");
  EXPECT_NE(code_of([&] {
              merge("SELECT NULL::INT AS id, 'a' AS v", {{"id"}, "", ""});
            }).find("NULL in 1 rows"),
            std::string::npos);
  EXPECT_FALSE(table().exists());
}

TEST_F(Rewrite, MergeKeepsOddValues) {
  const std::string odd =
      "SELECT * FROM (VALUES (1, 'nan'::DOUBLE, NULL, [1, NULL]), (2, '-0'::DOUBLE, 'x', []), "
      "(3, 'inf'::DOUBLE, 'é', NULL)) t(id, d, s, l)";
  merge(odd, {{"id"}, "", ""});
  const auto same = merge(odd, {{"id"}, "", ""});
  EXPECT_EQ(same.rows_changed, 0);
  merge("SELECT 3 AS id, 1.0::DOUBLE AS d, 'y' AS s, [2] AS l", {{"id"}, "", ""});
  EXPECT_EQ(rows(), "1,nan,NULL,[1, NULL] 2,-0,x,[] 3,1,y,[2] ");
}

TEST_F(Rewrite, KeepsHistoryAsScd2) {
  const auto day = [&](const char* t) { return Scd2Options{{"id"}, *parse_time(t)}; };
  const auto run = [&](const std::string& select, const char* t) {
    apply([&](const StageContext& c) { return stage_scd2(c, select, {}, day(t)); });
  };
  run("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, v)", "2025-01-01");
  run("SELECT * FROM (VALUES (1, 'A'), (3, 'c')) t(id, v)", "2025-02-01");
  EXPECT_EQ(
      rows("SELECT id, v, valid_from::DATE, valid_to::DATE, is_current FROM (" +
           duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
      "1,A,2025-02-01,NULL,true 1,a,2025-01-01,2025-02-01,false 2,b,2025-01-01,2025-02-01,false "
      "3,c,2025-02-01,NULL,true ");
  run("SELECT * FROM (VALUES (1, 'A'), (3, 'c')) t(id, v)", "2025-03-01");
  EXPECT_EQ(
      rows("SELECT count(*) FROM (" + duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
      "4 ");
}

/// One file spans thirty days; one late row comes, and one row in the middle is merged: two hours
/// are stale.
class ThirtyDays : public Rewrite, public testing::WithParamInterface<bool> {};

TEST_P(ThirtyDays, OneLateAndOneMergedRowMakeTwoHoursStale) {
  const bool recorded = GetParam();
  merge(
      "SELECT i AS id, i AS v, TIMESTAMP '2025-10-01 00:10:00' + INTERVAL 1 HOUR * i AS at FROM "
      "range(720) "
      "t(i)",
      {{"id"}, "", ""}, recorded);
  append("SELECT 9999 AS id, 0 AS v, TIMESTAMP '2025-10-03 04:59:59' AS at", recorded);
  merge("SELECT 500 AS id, -1 AS v, TIMESTAMP '2025-10-21 20:10:00' AS at", {{"id"}, "", ""},
        recorded);
  for (const char* expression : {"\"at\"", "\"at\" + INTERVAL 0 HOUR"}) {
    const auto found = changed(0, 2, expression);
    EXPECT_EQ(
        found.intervals.text(),
        "[2025-10-03T04:00:00Z, 2025-10-03T05:00:00Z) [2025-10-21T20:00:00Z, 2025-10-21T21:00:00Z)")
        << expression << " " << found.how;
    EXPECT_TRUE(found.rows_removed);
  }
  const auto berlin = changed(0, 1, "\"at\"", "hour", "Europe/Berlin");
  EXPECT_EQ(berlin.intervals.text(), "[2025-10-03T02:00:00Z, 2025-10-03T03:00:00Z)");
}
INSTANTIATE_TEST_SUITE_P(Means, ThirtyDays, testing::Bool());

TEST_F(Rewrite, DatesAreTouchedByTheDay) {
  const auto staged = append(
      "SELECT DATE '2025-01-01' + i::INT AS d, NULL::TIMESTAMP AS n FROM (VALUES (0), (1), (9)) "
      "t(i)");
  EXPECT_EQ(
      staged.touched.columns.at("d").text(),
      "[2025-01-01T00:00:00Z, 2025-01-03T00:00:00Z) [2025-01-10T00:00:00Z, 2025-01-11T00:00:00Z)");
  EXPECT_TRUE(staged.touched.columns.at("n").empty());
}

TEST_F(Rewrite, EveryTimeOfTheTypesIsTouched) {
  append(
      "SELECT 1 AS id, TIMESTAMP '2025-10-01' AS t, DATE '2025-10-01' AS d, "
      "TIMESTAMPTZ '2025-10-01 00:00:00+00' AS z");
  const std::string far =
      "SELECT 2 AS id, TIMESTAMP '294247-01-10 04:00:54.775806' AS t, DATE '5881580-07-10' AS d, "
      "TIMESTAMPTZ '294247-01-10 04:00:54.775806+00' AS z UNION ALL SELECT 3, TIMESTAMP "
      "'infinity', "
      "DATE '-infinity', TIMESTAMPTZ '-infinity' UNION ALL SELECT 4, TIMESTAMP '0044-03-15 (BC) "
      "00:00:00', DATE '5877642-06-25 (BC)', TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'";
  const auto staged = append(far);
  const Interval before{Time::min(), *parse_time("0001-01-01")},
      after{*parse_time("9999-12-31"), Time::max()};
  for (const char* column : {"t", "d", "z"})
    EXPECT_EQ(staged.touched.columns.at(column), (IntervalSet{before, after})) << column;
  append("SELECT id + 10 AS id, t, d, z FROM (" + far + ")", false);
  for (const char* zone : {"UTC", "Europe/Berlin", "America/New_York"}) {
    for (const char* expression :
         {"t", "d", "z", "t + INTERVAL 0 HOUR", "d::DATE", "z::TIMESTAMPTZ"}) {
      const auto grain = *Grain::parse("hour", zone);
      for (const int64_t from : {0, 1}) {
        const auto found = changed(from, from + 1, expression, "hour", zone);
        EXPECT_FALSE(found.everything) << expression << zone;
        EXPECT_TRUE(found.intervals.contains(before)) << expression << zone;
        EXPECT_TRUE(found.intervals.contains(after)) << expression << zone;
        EXPECT_FALSE(
            found.intervals.overlaps({*parse_time("0002-01-01"), *parse_time("9999-12-30")}))
            << expression << zone;
      }
    }
  }
  const Provenance record = *table().provenance().last;
  EXPECT_EQ(record.asset, "silver.t");
}

TEST_F(Rewrite, MergesByEveryTimeOfTheTypes) {
  for (const char* type : {"TIMESTAMP", "TIMESTAMPTZ", "DATE"}) {
    path_ = folder_ / "silver" / type;
    const auto keys = [&](const char* v) {
      std::string out;
      for (const char* key :
           {"infinity", "-infinity", "9999-12-31", "0044-03-15 (BC)", "20000-01-01", "2025-10-01"})
        out += std::string(out.empty() ? "" : " UNION ALL ") + "SELECT '" + key + "'::" + type +
               " AS k, '" + v + "' AS v";
      return out;
    };
    merge(keys("a"), {{"k"}, "", ""});
    const auto staged = merge(keys("b"), {{"k"}, "", ""});
    EXPECT_EQ(staged.metrics.at("numTargetRowsUpdated"), "6") << type;
    merge("SELECT * FROM (" + keys("c") + ") WHERE k = '-infinity'", {{"k"}, "", ""});
    merge("SELECT * FROM (" + keys("c") + ") WHERE k = 'infinity'", {{"k"}, "", ""});
    EXPECT_EQ(rows("SELECT count(*), count(*) FILTER (v = 'c') FROM (" +
                   duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
              "6,2 ")
        << type;
  }
}

TEST_F(Rewrite, ADateLiesInTheIntervalOfItsMidnight) {
  append("SELECT DATE '2025-10-05' AS d");
  const auto hour = [&](const char* from, const char* to) {
    const Interval interval{*parse_time(from), *parse_time(to)};
    apply([&](const StageContext& c) {
      return stage_replace_interval(
          c, "SELECT DATE '2025-10-05' AS d WHERE hour(TIMESTAMP '" + std::string(from) + "') = 0",
          {}, "d", interval, "UTC");
    });
  };
  hour("2025-10-05 00:00:00", "2025-10-05 01:00:00");
  EXPECT_EQ(rows(), "2025-10-05 ");
  hour("2025-10-05 01:00:00", "2025-10-05 02:00:00");
  EXPECT_EQ(rows(), "2025-10-05 ");
}

TEST_F(Rewrite, MissingAndRepeatedLocalTimesLieInOneInterval) {
  const Grain hour = *Grain::parse("hour", "Europe/Berlin");
  const auto build = [&](const char* moment, const std::string& select) {
    apply([&](const StageContext& c) {
      return stage_replace_interval(c, select, {}, "t", hour.around(*parse_time(moment)),
                                    "Europe/Berlin");
    });
  };
  build("2025-03-30T01:30:00Z",
        "SELECT TIMESTAMP '2025-03-30 02:30:00' AS t UNION ALL SELECT "
        "TIMESTAMP '2025-03-30 03:30:00'");
  build("2025-10-26T00:30:00Z", "SELECT TIMESTAMP '2025-10-26 02:30:00' AS t");
  build("2025-10-26T01:30:00Z", "SELECT TIMESTAMP '2025-10-26 02:31:00' AS t");
  build("2025-03-30T00:30:00Z", "SELECT TIMESTAMP '2025-03-30 01:59:59' AS t");
  EXPECT_EQ(rows(),
            "2025-03-30 01:59:59 2025-03-30 02:30:00 2025-03-30 03:30:00 2025-10-26 02:31:00 ");
  EXPECT_EQ(changed(0, 2, "t", "hour", "Europe/Berlin").intervals.text(),
            "[2025-10-26T00:00:00Z, 2025-10-26T02:00:00Z)");
}

TEST_F(Rewrite, ManyTouchedMinutesBecomeHoursThenDays) {
  const auto hours =
      append("SELECT TIMESTAMP '2025-01-01' + INTERVAL 2 HOUR * i AS at FROM range(257) t(i)");
  EXPECT_EQ(hours.touched.columns.at("at").text(), "[2025-01-01T00:00:00Z, 2025-01-23T00:00:00Z)");
  const auto minutes =
      append("SELECT TIMESTAMP '2025-01-01' + INTERVAL 2 MINUTE * i AS at FROM range(300) t(i)");
  EXPECT_EQ(minutes.touched.columns.at("at").text(),
            "[2025-01-01T00:00:00Z, 2025-01-01T10:00:00Z)");
  const auto absent =
      append("SELECT TIMESTAMP '2025-01-01' + INTERVAL 2 DAY * i AS at FROM range(257) t(i)");
  EXPECT_EQ(absent.touched.columns.count("at"), 0u);
}

TEST_F(Rewrite, AnIntervalKeepsRowsWithoutATime) {
  append("SELECT * FROM (VALUES (1, TIMESTAMP '2025-10-05 01:00:00'), (2, NULL)) t(id, \"at\")");
  append("SELECT 3 AS id, TIMESTAMP '2025-10-05 02:00:00' AS at");
  append("SELECT 4 AS id, TIMESTAMP '2025-10-06 00:00:00' AS at");
  const Interval day{*parse_time("2025-10-05"), *parse_time("2025-10-06")};
  const auto staged = apply([&](const StageContext& c) {
    return stage_replace_interval(c, "SELECT 9 AS id, TIMESTAMP '2025-10-05 23:59:59.999999' AS at",
                                  {}, "at", day, "UTC");
  });
  EXPECT_EQ(rows("SELECT id FROM (" + duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
            "2 4 9 ");
  EXPECT_EQ(staged.removes.size(), 2u);
  apply([&](const StageContext& c) {
    return stage_replace_interval(c, "SELECT 9 AS id, TIMESTAMP '2025-10-05' AS at WHERE false", {},
                                  "at", day, "UTC");
  });
  EXPECT_EQ(rows("SELECT id FROM (" + duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
            "2 4 ");
}

TEST_F(Rewrite, MergeLeavesOtherFilesAlone) {
  const std::string a = "repeat('k', 40) || ",
                    value = ", TIMESTAMPTZ '2025-01-01 00:00:00.000001+00' AS t";
  merge("SELECT " + a + "i AS k, i AS v" + value + " FROM range(100, 110) x(i)",
        {{"k", "t"}, "", ""});
  merge("SELECT " + a + "i AS k, i AS v" + value + " FROM range(110, 120) x(i)",
        {{"k", "t"}, "", ""});
  merge("SELECT 'z' AS k, 1 AS v" + value, {{"k", "t"}, "", ""});
  const auto staged = merge("SELECT 'z' AS k, 2 AS v" + value, {{"k", "t"}, "", ""});
  EXPECT_EQ(staged.removes.size(), 1u);
  EXPECT_EQ(staged.metrics.at("numTargetRowsCopied"), "0");
  const auto second = merge("SELECT " + a + "115 AS k, -1 AS v" + value, {{"k", "t"}, "", ""});
  EXPECT_EQ(second.removes.size(), 1u);
  EXPECT_EQ(second.metrics.at("numTargetRowsCopied"), "9");
  EXPECT_EQ(rows("SELECT count(*), sum(v) FROM (" +
                 duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
            "21,2076 ");
}

TEST_F(Rewrite, MergeFindsKeysOfEveryType) {
  for (const char* key :
       {"i", "i::DOUBLE", "i::DECIMAL(30,3)", "'ü' || i", "DATE '2025-01-01' + i::INT", "i % 2 = 0",
        "TIMESTAMP '2025-01-01 00:00:00.123456' + INTERVAL 1 HOUR * i", "('b' || i)::BLOB",
        "if(i = 1, 'nan'::DOUBLE, -1e300 * i)", "{'a': i}"}) {
    std::filesystem::remove_all(path_);
    const std::string of = std::string("SELECT (") + key + ") AS k, ";
    merge(of + "1 AS v FROM range(2) x(i)", {{"k"}, "", ""});
    merge(of + "2 AS v FROM range(2) x(i)", {{"k"}, "", ""});
    EXPECT_EQ(rows("SELECT count(*), sum(v) FROM (" +
                   duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
              "2,4 ")
        << key;
  }
}

TEST_F(Rewrite, MergeCountsWhatItDid) {
  merge("SELECT i AS id, 'a' AS v FROM range(10) x(i)", {{"id"}, "", ""});
  const auto staged = merge("SELECT i AS id, 'b' AS v FROM range(9, 14) x(i)",
                            {{"id"}, "", "SELECT i AS id FROM range(3) x(i)"});
  EXPECT_EQ(staged.metrics.at("numTargetRowsInserted"), "4");
  EXPECT_EQ(staged.metrics.at("numTargetRowsUpdated"), "1");
  EXPECT_EQ(staged.metrics.at("numTargetRowsDeleted"), "3");
  EXPECT_EQ(staged.rows_changed, 8);
}

TEST_F(Rewrite, Scd2AtTheSameMomentLeavesNoEmptyRow) {
  const Scd2Options options{{"id"}, *parse_time("2025-01-01")};
  for (const char* v : {"a", "b"}) {
    apply([&](const StageContext& c) {
      return stage_scd2(c, std::string("SELECT 1 AS id, '") + v + "' AS v", {}, options);
    });
  }
  EXPECT_EQ(rows("SELECT v, is_current FROM (" +
                 duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
            "b,true ");
  const Scd2Options before{{"id"}, *parse_time("2024-01-01")};
  EXPECT_NE(code_of([&] {
              apply([&](const StageContext& c) {
                return stage_scd2(c, "SELECT 1 AS id, 'c' AS v", {}, before);
              });
            }).find("conflict: "),
            std::string::npos);
}

TEST_F(Rewrite, AFileThatIsGoneCountsWithItsRange) {
  append("SELECT i AS id, TIMESTAMP '2025-10-01' + INTERVAL 1 HOUR * i AS at FROM range(4) t(i)",
         false);
  const auto staged =
      merge("SELECT 1 AS id, TIMESTAMP '2025-10-01 09:00:00' AS at", {{"id"}, "", ""}, false);
  ASSERT_EQ(staged.removes.size(), 1u);
  for (const auto& file : table().snapshot(0, &connection_).files)
    std::filesystem::remove(table().snapshot(0, &connection_).file_path(file));
  const auto found = changed(0, 1, "\"at\"");
  EXPECT_FALSE(found.everything);
  EXPECT_EQ(found.intervals.text(), "[2025-10-01T00:00:00Z, 2025-10-01T10:00:00Z)");
  EXPECT_TRUE(changed(0, 1, "\"at\" + INTERVAL 0 HOUR").everything);
}

TEST_F(Rewrite, AReplacedSchemaTouchesEverything) {
  append("SELECT 'text' AS a, TIMESTAMP '2025-10-01' AS at", false);
  replace_schema_ = true;
  apply(
      [](const StageContext& c) {
        return stage_replace(c, "SELECT 1 AS a, TIMESTAMP '2025-10-01' AS at", {});
      },
      false);
  EXPECT_TRUE(changed(0, 1, "\"at\"").everything);
}

/// Whoever reads the table by intervals is told of the rows that went with the former table, and of
/// no others.
TEST_F(Rewrite, AReplacedTableTouchesTheRowsThatWent) {
  const auto rows_of_days = [](const char* days, const char* more = "") {
    return std::string(
               "SELECT d AS id, TIMESTAMP '2025-10-01 05:00:00' + INTERVAL 1 DAY * d AS at") +
           more + " FROM unnest([" + days + "]) x(d)";
  };
  const Interval october{*parse_time("2025-10-01"), *parse_time("2025-11-01")};
  const std::vector<std::function<Staged(const StageContext&, const std::string&)>> kinds = {
      [](const auto& c, const auto& select) { return stage_append(c, select, {}); },
      [](const auto& c, const auto& select) {
        return stage_merge(c, select, {}, {{"id"}, "", ""});
      },
      [&](const auto& c, const auto& select) {
        return stage_replace_interval(c, select, {}, "at", october, "UTC");
      },
      [](const auto& c, const auto& select) { return stage_replace(c, select, {}); },
      [](const auto& c, const auto& select) {
        return stage_scd2(c, select, {}, {{"id"}, *parse_time("2025-12-01")});
      }};
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    std::filesystem::remove_all(path_);
    replace_schema_ = false;
    apply([&](const auto& c) { return kinds[kind](c, rows_of_days("1, 2, 3")); });
    replace_schema_ = true;
    apply([&](const auto& c) { return kinds[kind](c, rows_of_days("2, 4")); });
    for (const char* expression : {"\"at\"", "\"at\" + INTERVAL 0 HOUR"}) {
      const auto found = changed(0, 1, expression, "day");
      EXPECT_EQ(found.intervals.text(),
                "[2025-10-02T00:00:00Z, 2025-10-03T00:00:00Z) [2025-10-04T00:00:00Z, "
                "2025-10-06T00:00:00Z)")
          << kind << expression << found.how;
      EXPECT_TRUE(found.rows_removed);
    }
    // With a column more every row is another one; with none there is nothing but what went.
    apply([&](const auto& c) { return kinds[kind](c, rows_of_days("4", ", 'new' AS c")); });
    EXPECT_EQ(changed(1, 2, "\"at\"", "day").intervals.text(),
              "[2025-10-03T00:00:00Z, 2025-10-04T00:00:00Z) [2025-10-05T00:00:00Z, "
              "2025-10-06T00:00:00Z)")
        << kind;
    apply([&](const auto& c) {
      return kinds[kind](c, rows_of_days("7", ", 'new' AS c") + " WHERE false");
    });
    EXPECT_EQ(changed(2, 3, "\"at\"", "day").intervals.text(),
              "[2025-10-05T00:00:00Z, 2025-10-06T00:00:00Z)")
        << kind;
  }
}

TEST_F(Rewrite, AnAddedColumnDoesNotTouchEverything) {
  append("SELECT 1 AS id, TIMESTAMP '2025-10-01 05:00:00' AS at", false);
  append("SELECT 2 AS id, TIMESTAMP '2025-10-02 05:00:00' AS at, 'new' AS c", false);
  const auto found = changed(0, 1, "\"at\" + INTERVAL 0 HOUR");
  EXPECT_FALSE(found.everything);
  EXPECT_EQ(found.intervals.text(), "[2025-10-02T05:00:00Z, 2025-10-02T06:00:00Z)");
}

/// At the end of summer time the local hour from two to three comes twice: both are touched, by
/// every means.
TEST_F(Rewrite, ALocalHourThatComesTwiceTouchesBoth) {
  append("SELECT 1 AS id, TIMESTAMP '2025-10-01' AS at");
  for (const bool record : {true, false}) {
    append("SELECT 2 AS id, TIMESTAMP '2025-10-26 02:30:00' AS at", record);
    const auto version = table().latest_version();
    for (const char* expression : {"\"at\"", "\"at\" + INTERVAL 0 HOUR"}) {
      EXPECT_EQ(changed(version - 1, version, expression, "hour", "Europe/Berlin").intervals.text(),
                "[2025-10-26T00:00:00Z, 2025-10-26T02:00:00Z)")
          << record << expression;
    }
  }
}

TEST_F(Rewrite, TellsNewRows) {
  append("SELECT 1 AS id");
  append("SELECT 2 AS id");
  auto changes = row_changes(table(), 0, 1, connection_);
  EXPECT_TRUE(changes.clean);
  EXPECT_EQ(rows(duck_sql(changes.added)), "2 ");
  merge("SELECT 3 AS id", {{"id"}, "", "SELECT 1 AS id"});
  changes = row_changes(table(), 0, 2, connection_);
  EXPECT_FALSE(changes.clean);
  EXPECT_EQ(rows(duck_sql(changes.added)), "2 3 ");
  EXPECT_EQ(rows(duck_sql(changes.removed)), "1 ");
}

}  // namespace
}  // namespace windrow::lake
