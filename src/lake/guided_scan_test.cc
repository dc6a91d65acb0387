#include "lake/guided_scan.h"

#include <fstream>

#include "duck/duck.h"
#include "lake/log.h"
#include "lake/table.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

class GuidedScanTest : public TableFixture {
 protected:
  GuidedScanTest() { attach(database_, *files_); }

  /// How many files are read of those there, with the same rows as a plain scan yields.
  std::pair<size_t, size_t> read(const std::string& where) {
    const Snapshot snapshot = table().snapshot();
    const auto select = [&](const std::string& scan) {
      return "SELECT * FROM (" + scan + ") WHERE " + where;
    };
    const std::string guided = select(duck_sql(guided_scan(snapshot)));
    EXPECT_EQ(rows(guided + " ORDER BY ALL"),
              rows(select(duck_sql(scan(snapshot))) + " ORDER BY ALL"))
        << where;
    const auto tables = files_read(*files_, connection_, guided);
    if (tables.size() != 1) return {};
    EXPECT_EQ(tables[0].table_path, path_);
    EXPECT_EQ(tables[0].version, snapshot.version);
    return {tables[0].read, tables[0].there};
  }
  using Pair = std::pair<size_t, size_t>;
};

TEST_F(GuidedScanTest, EveryTypeThatHasAnOrder) {
  const std::string columns =
      "SELECT i AS n, i::TINYINT AS tiny, (i / 10.0)::DECIMAL(9, 2) AS price, "
      "DATE '2025-01-01' + i::INTEGER AS d, TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS ts, "
      "TIMESTAMPTZ '2025-01-01 00:00:00+00' + INTERVAL (i) HOUR AS tz, 'k' || lpad(i::VARCHAR, 3, "
      "'0') || repeat('x', 40) AS name, i::DOUBLE AS x, i % 2 = 0 AS even, "
      "CASE WHEN i < 100 THEN i END AS few, {'a': i} AS s FROM range(";
  create(columns + "0, 30) t(i)", {});
  for (const char* range : {"30, 60", "60, 90", "90, 120"}) append(columns + range + ") t(i)");
  EXPECT_EQ(read("true"), (Pair{4, 4}));
  for (const char* one :
       {"n = 42", "tiny = 42", "price = 4.2", "d = DATE '2025-02-10'", "n = 42::TINYINT",
        "ts BETWEEN TIMESTAMP '2025-01-02 12:00:00' AND TIMESTAMP '2025-01-02 13:30:00'",
        "tz = TIMESTAMPTZ '2025-01-02 14:00:00+02'",
        "name LIKE 'k045%' AND name > 'k040'  AND name "
        "< 'k050'",
        "n IN (35, 40)", "n > 30 AND n < 50 AND even", "few IS NULL"}) {
    EXPECT_EQ(read(one), (Pair{1, 4})) << one;
  }
  connection_.execute("SET TimeZone = 'Asia/Tokyo'");
  EXPECT_EQ(read("tz < TIMESTAMPTZ '2025-01-01 10:00:00'"), (Pair{1, 4}));
  EXPECT_EQ(read("n > 59"), (Pair{3, 4}));  // the bound itself is kept
  EXPECT_EQ(read("n < 60"), (Pair{2, 4}));
  EXPECT_EQ(read("n = 1000").first, 0u);
  EXPECT_EQ(read("x > 100"), (Pair{4, 4}));  // NaN is greater, and no maximum says so
  EXPECT_EQ(read("n = 5 OR n = 115"), (Pair{4, 4}));
}

TEST_F(GuidedScanTest, PartitionValues) {
  create("SELECT i AS n, DATE '2025-01-01' + (i // 10)::INTEGER AS d FROM range(50) t(i)", {"d"});
  EXPECT_EQ(read("d = DATE '2025-01-03'"), (Pair{1, 5}));
  EXPECT_EQ(read("d >= DATE '2025-01-02' AND n < 25"), (Pair{2, 5}));
}

TEST_F(GuidedScanTest, ATableWithoutStatisticsIsReadWhole) {
  create("SELECT 1 AS a", {});
  append("SELECT 2 AS a");
  Snapshot snapshot = table().snapshot();
  EXPECT_EQ(read("a = 2"), (Pair{1, 2}));
  for (const int version : {0, 1}) {
    auto text = files_->read(log_file(version_text(version) + ".json"));
    for (size_t at; (at = text.find("\"stats\"")) != text.npos;) text.replace(at, 7, "\"other\"");
    std::ofstream(log_file(version_text(version) + ".json")) << text;
  }
  duck::Database fresh{duck::Options{}};
  attach(fresh, *files_);
  duck::Connection connection(fresh);
  const auto tables =
      files_read(*files_, connection,
                 "SELECT * FROM (" + duck_sql(guided_scan(table().snapshot())) + ") WHERE a = 2");
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].read, 2u);
}

}  // namespace
}  // namespace windrow::lake
