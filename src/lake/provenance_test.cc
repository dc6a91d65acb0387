#include "lake/provenance.h"

#include <fstream>
#include <sstream>

#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

class ProvenanceTest : public TableFixture {
 protected:
  /// What has once been written must stay readable for good: these files are never changed, only
  /// added to.
  std::string golden(const std::string& name) {
    std::ifstream in(std::string(WINDROW_SOURCE_DIR) + "/src/lake/testdata/" + name);
    std::string line;
    std::getline(in, line);
    return line;
  }
  Time at(const char* text) { return *parse_time(text); }
};

TEST_F(ProvenanceTest, GoldenFiles) {
  Provenance full;
  full.asset = "gold.trending";
  full.kind = "interval";
  full.run = "0199f1c2-0000-7000-8000-000000000001";
  full.definition = "d1e2";
  full.text_hash = "a1b2";
  full.dialect = "duckdb 1.5.5";
  full.inputs = {{"bronze.raw ü", {"t-1", 0}}, {"silver.events", {"t-2", 41}}};
  full.intervals = {{at("2025-10-17"), at("2025-10-18")}};
  full.complete = {{at("2025-10-01"), at("2025-10-05")}, {at("2025-10-06"), at("2025-10-18")}};
  full.run_time = at("2025-10-18T00:05:00.000001Z");
  full.touched.columns["timestamp"] = {{at("2025-10-17T10:00:00Z"), at("2025-10-17T11:00:00Z")}};
  full.touched.columns["other"] = {};
  full.quality_score = 0.975;
  EXPECT_EQ(to_json(full), golden("provenance-1-full.json"));
  EXPECT_EQ(provenance_from_json(golden("provenance-1-full.json")), full);

  Provenance sampled = full;
  sampled.sample = "1%";
  EXPECT_NE(to_json(sampled), to_json(full));
  EXPECT_EQ(provenance_from_json(to_json(sampled)), sampled);

  const Provenance least{.asset = "bronze.raw", .kind = "source", .run = "r"};
  EXPECT_EQ(to_json(least), golden("provenance-1-least.json"));
  EXPECT_EQ(provenance_from_json(golden("provenance-1-least.json")), least);
}

TEST_F(ProvenanceTest, NewerAndBrokenRecords) {
  EXPECT_EQ(problem_of([] { provenance_from_json(R"({"windrow":2,"asset":7})"); }).code,
            Code::unsupported);
  EXPECT_EQ(problem_of([] { provenance_from_json(R"({"asset":"a"})"); }).code, Code::corrupt);
  EXPECT_EQ(
      problem_of([] { provenance_from_json(R"({"windrow":1,"complete":[["x","y"]]})"); }).code,
      Code::corrupt);
  EXPECT_EQ(
      problem_of([] { provenance_from_json(R"({"windrow":1,"complete":[["2025-01-01"]]})"); }).code,
      Code::corrupt);
  EXPECT_EQ(problem_of([] { provenance_from_json(std::string(5000, '[')); }).code, Code::corrupt);
  EXPECT_EQ(provenance_from_json(R"({"windrow":1,"asset":"a","later":{"x":1}})").asset, "a");
  CommitInfo foreign;
  foreign.json = R"({"operation":"WRITE"})";
  EXPECT_FALSE(provenance_of(foreign));
}

TEST_F(ProvenanceTest, TimesWithoutABoundAreReadableByAll) {
  Provenance record{.asset = "a", .kind = "source", .run = "r"};
  record.touched.columns["t"] = {{Time::min(), at("0001-01-01")}, {at("9999-12-31"), Time::max()}};
  const std::string text = to_json(record);
  EXPECT_NE(text.find(R"([["0000-01-01T00:00:00Z","0001-01-01T00:00:00Z"],)"
                      R"(["9999-12-31T00:00:00Z","9999-12-31T23:59:59.999999Z"]])"),
            std::string::npos)
      << text;
  EXPECT_EQ(provenance_from_json(text), record);
  // As they were once written.
  EXPECT_EQ(
      provenance_from_json(
          R"({"windrow":1,"asset":"a","kind":"source","run":"r","touched":{"t":[["-043-03-15T00:00:00Z","0001-01-01T00:00:00Z"],["9999-12-31T00:00:00Z","10000-01-01T00:00:00Z"]]}})"),
      record);
}

TEST_F(ProvenanceTest, ATableWithANewerRecordIsNotWritten) {
  auto request = creation("SELECT 1 AS a");
  request.provenance = Provenance{.format = 2, .asset = "a.t", .kind = "table"};
  commit(request);
  EXPECT_EQ(problem_of([&] { table().provenance(); }).code, Code::unsupported);
  EXPECT_EQ(problem_of([&] { append("SELECT 2 AS a"); }).code, Code::unsupported);
  EXPECT_EQ(rows_at(), (Strings{"1"}));
  EXPECT_EQ(table().history().size(), 1u);
}

}  // namespace
}  // namespace windrow::lake
