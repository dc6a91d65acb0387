#include "duck/guided_parquet.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "duck/quoting.h"

namespace windrow::duck {
namespace {

/// File `n.parquet` holds n × 10 … n × 10 + 9 in `i`.
class Tens : public FileGuide {
 public:
  std::vector<bool> may_hold(const std::vector<std::string>& paths,
                             const std::vector<ScanCondition>& conditions) const override {
    std::vector<bool> out;
    for (const auto& path : paths) {
      const int first = std::stoi(std::filesystem::path(path).stem()) * 10, last = first + 9;
      bool may = true;
      for (const auto& c : conditions) {
        if (c.column != "i") continue;
        if (c.is_null) may = false;
        if (c.from && last < std::stoi(*c.from)) may = false;
        if (c.to && (c.open_end ? first >= std::stoi(*c.to) : first > std::stoi(*c.to)))
          may = false;
      }
      out.push_back(may);
    }
    return out;
  }
};

class GuidedParquet : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    std::vector<std::string> paths;
    for (int n = 0; n < 10; ++n) {
      paths.push_back((folder_ / (std::to_string(n) + ".parquet")).string());
      connection_.execute("COPY (SELECT i, 't' || i AS t FROM range(" + std::to_string(n * 10) +
                          ", " + std::to_string(n * 10 + 10) + ") r(i)) TO " +
                          quote_text(paths.back()));
    }
    add_guided_parquet(database_, [](std::string_view key) -> std::shared_ptr<const FileGuide> {
      if (key == "broken") throw Error(Code::corrupt, "the guide is broken");
      return key == "none" ? nullptr : std::make_shared<Tens>();
    });
    connection_.execute("CREATE VIEW v AS FROM windrow_parquet(" + quote_list(paths) +
                        ", guide = 'tens')");
    connection_.execute("CREATE VIEW unknown AS FROM windrow_parquet(" + quote_list(paths) +
                        ", guide = 'none')");
    connection_.execute("CREATE VIEW broken AS FROM windrow_parquet(" + quote_list(paths) +
                        ", guide = 'broken')");
    connection_.execute("CREATE VIEW plain AS FROM read_parquet(" + quote_list(paths) + ")");
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// How many files are read for the condition; and the rows are those of a plain scan.
  size_t read(const std::string& where, const Parameters& parameters = {}) {
    const auto rows = [&](const std::string& view) {
      return cell_text(connection_.value(
          "SELECT count(*) || ' ' || coalesce(sum(i), 0) FROM " + view + " WHERE " + where,
          parameters));
    };
    EXPECT_EQ(rows("v"), rows("plain")) << where;
    const auto chosen = files_read(connection_, "SELECT * FROM v WHERE " + where, parameters);
    if (chosen.size() != 1) {
      ADD_FAILURE() << chosen.size() << " scans";
      return 0;
    }
    EXPECT_EQ(chosen[0].there.size(), 10u);
    EXPECT_EQ(chosen[0].key, "tens");
    return chosen[0].read.size();
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("guided_parquet_" + std::to_string(::getpid()));
  Database database_{Options{}};
  Connection connection_{database_};
};

TEST_F(GuidedParquet, OpensOnlyWhatTheGuideDoesNotRuleOut) {
  EXPECT_EQ(read("true"), 10u);
  EXPECT_EQ(read("i = 42"), 1u);
  EXPECT_EQ(read("42 = i"), 1u);
  EXPECT_EQ(read("i >= 90"), 1u);
  EXPECT_EQ(read("i < 10"), 1u);
  EXPECT_EQ(read("10 > i"), 1u);
  EXPECT_EQ(read("i <= 10"), 2u);
  EXPECT_EQ(read("i BETWEEN 25 AND 44"), 3u);
  EXPECT_EQ(read("i >= 20 AND i < 40 AND t <> 't25'"), 2u);
  EXPECT_EQ(read("i IN (11, 19, 12)"), 1u);
  EXPECT_EQ(read("i IS NULL"), 0u);
  EXPECT_EQ(read("i = 1000"), 0u);
  EXPECT_EQ(read("i = 5 OR i = 95"), 10u);
  EXPECT_EQ(read("i % 7 = 3"), 10u);
  EXPECT_EQ(read("i = (SELECT 30 + 12)"), 10u);
  EXPECT_EQ(read("i >= $a AND i < $b", {{"a", int64_t(30)}, {"b", int64_t(50)}}), 2u);
}

TEST_F(GuidedParquet, FilesWithoutAGuideAreAllRead) {
  const auto chosen = files_read(connection_, "SELECT * FROM unknown WHERE i = 1");
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_EQ(chosen[0].read.size(), 10u);
  EXPECT_EQ(std::get<int64_t>(connection_.value("SELECT count(*) FROM unknown WHERE i < 35")), 35);
}

TEST_F(GuidedParquet, AGuideThatCannotBeHadIsTheQuerysError) {
  EXPECT_THROW(connection_.query("SELECT * FROM broken WHERE i = 1"), Error);
}

TEST_F(GuidedParquet, EachScanOfAQueryChoosesForItself) {
  const auto chosen = files_read(
      connection_, "SELECT * FROM v a JOIN v b ON a.t = b.t WHERE a.i < 30 AND b.i >= 20");
  ASSERT_EQ(chosen.size(), 2u);
  EXPECT_EQ(chosen[0].read.size() + chosen[1].read.size(), 11u);
  EXPECT_EQ(std::get<int64_t>(connection_.value(
                "SELECT count(*) FROM v a JOIN v b USING (t) WHERE a.i < 30 AND b.i >= 20")),
            10);
}

/// A file that says of no time what zone it is of: rows of an hour each, in many row groups.
class Moments : public GuidedParquet {
 protected:
  void SetUp() override {
    GuidedParquet::SetUp();
    const auto path = quote_text((folder_ / "moments.parquet").string());
    connection_.execute(
        "COPY (SELECT i, t AS ts, t AS nt, {'a': t, 'b': [t, NULL]} AS s, MAP {t: {'c': t}} AS m "
        "FROM (SELECT i, TIMESTAMP '2025-10-01' + i * INTERVAL 1 HOUR AS t FROM range(10000) r(i)))"
        " TO " +
        path + " (ROW_GROUP_SIZE 2048)");
    connection_.execute("SET TimeZone = 'Europe/Berlin'");
    connection_.execute(
        "CREATE VIEW moments AS FROM windrow_parquet([" + path +
        "], moments = 'STRUCT(\"TS\" TIMESTAMPTZ, s STRUCT(a TIMESTAMPTZ, b TIMESTAMPTZ[], none "
        "TIMESTAMPTZ), m MAP(TIMESTAMPTZ, STRUCT(c TIMESTAMPTZ)), i TIMESTAMPTZ)')");
    connection_.execute(
        "CREATE VIEW typed AS FROM windrow_parquet([" + path +
        "], moments = 'STRUCT(ts TIMESTAMPTZ)', schema = MAP {'ts': {name: 'ts', type: "
        "'TIMESTAMPTZ', default_value: NULL}, 's': {name: 's', type: 'STRUCT(a TIMESTAMP)', "
        "default_value: NULL}})");
  }
  std::string value(const std::string& sql) { return cell_text(connection_.value(sql)); }
};

TEST_F(Moments, AreTheSameMicrosecondsUnderAnotherType) {
  std::string types;
  for (const auto& column : connection_.describe("FROM moments")) types += column.type + "; ";
  const std::string zoned = "TIMESTAMP WITH TIME ZONE";
  EXPECT_EQ(types, "BIGINT; " + zoned + "; TIMESTAMP; STRUCT(a " + zoned + ", b " + zoned +
                       "[]); MAP(" + zoned + ", STRUCT(c " + zoned + ")); ");
  const std::string right = "epoch_us(TIMESTAMPTZ '2025-10-01 00:00:00+00') + i * 3600000000";
  for (const char* at : {"ts", "nt", "s.a", "s.b[1]", "map_keys(m)[1]", "map_values(m)[1].c"})
    EXPECT_EQ(
        value(std::string("SELECT count(*) FROM moments WHERE epoch_us(") + at + ") = " + right),
        "10000")
        << at;
  EXPECT_EQ(value("SELECT max(s).b IS NULL OR max(ts) > min(ts) FROM moments"), "true");
}

TEST_F(Moments, ConditionsMeanThem) {
  for (const char* view : {"moments", "typed"}) {
    const std::string from = std::string(" FROM ") + view + " WHERE ";
    EXPECT_EQ(value("SELECT count(*)" + from + "ts < TIMESTAMPTZ '2025-10-26 01:00:00+00'"), "601");
    EXPECT_EQ(
        value("SELECT count(*)" + from + "ts >= '2025-10-26 02:00' AND ts < '2025-10-26 03:00'"),
        "1");
    EXPECT_EQ(value("SELECT count(*)" + from + "ts = TIMESTAMPTZ '2026-10-01 00:00:00+00'"), "1");
    EXPECT_EQ(value("SELECT count(*)" + from +
                    "ts IN ('2025-10-26 02:00:00+02', '2025-10-26 02:00:00+01')"),
              "2");
    EXPECT_EQ(value("SELECT count(*)" + from + "ts IS NULL"), "0");
    EXPECT_EQ(
        value("SELECT sum(epoch_us(ts))" + from + "ts > '2026-05-01'"),
        value(
            "SELECT sum(epoch_us(ts)) FROM (SELECT ts FROM moments OFFSET 0) WHERE epoch_us(ts) > "
            "epoch_us('2026-05-01'::TIMESTAMPTZ)"));
    EXPECT_EQ(value("SELECT count(*) FROM (SELECT unnest([TIMESTAMPTZ '2025-10-26 00:00:00+00', "
                    "TIMESTAMPTZ '2026-01-01 00:00:00+00']) AS ts) JOIN " +
                    std::string(view) + " USING (ts)"),
              "2");
    EXPECT_EQ(value("SELECT epoch_us(ts) FROM " + std::string(view) + " ORDER BY ts DESC LIMIT 1"),
              value("SELECT max(epoch_us(nt)) FROM moments"));
  }
  EXPECT_EQ(value("SELECT count(*) FROM moments WHERE s.a < TIMESTAMPTZ '2025-10-02 00:00:00+00'"),
            "24");
  EXPECT_EQ(value("SELECT count(*) FROM moments WHERE nt < TIMESTAMP '2025-10-02'"), "24");
}

}  // namespace
}  // namespace windrow::duck
