#include "duck/batches.h"

#include <gtest/gtest.h>

namespace windrow::duck {
namespace {

class Batches : public ::testing::Test {
 protected:
  /// The rows of a SELECT after they went out as batches and came in again.
  Rows there_and_back(const std::string& select) {
    const auto reader = read_batches(connection_.beside(), select, {});
    const ReaderTable table(connection_, *reader);
    return connection_.query("SELECT * FROM " + table.sql());
  }

  Database database_{Options{}};
  Connection connection_{database_};
};

TEST_F(Batches, EveryTypeGoesThereAndBack) {
  const std::string select =
      "SELECT i AS long_, i::INTEGER AS int_, i::SMALLINT AS short_, (i % 100)::TINYINT AS byte_, "
      "i / 3 AS double_, (i / 3)::FLOAT AS float_, i % 2 = 0 AS boolean_, "
      "(i / 7)::DECIMAL(38,10) AS wide, (i / 7)::DECIMAL(4,1) AS narrow, "
      "DATE '0001-01-01' + i::INTEGER AS date_, "
      "TIMESTAMP '9999-12-31 23:59:59.999999' - INTERVAL (i) HOUR AS ntz, "
      "TIMESTAMPTZ '1970-01-01 00:00:00+00' + INTERVAL (i) SECOND AS moment, "
      "repeat('é', (i % 20)::INTEGER) AS text_, encode(repeat('b', (i % 20)::INTEGER)) AS bytes_, "
      "[i, NULL, 2] AS list_, {'x': i, 'y': ['a', NULL]} AS struct_, MAP {'k': i} AS map_, "
      "CASE WHEN i % 3 = 0 THEN i END AS sometimes, NULL::VARCHAR AS never "
      "FROM range(5000) t(i)";
  const auto before = connection_.query(select), after = there_and_back(select);
  EXPECT_EQ(before.columns, after.columns);
  ASSERT_EQ(before.rows.size(), after.rows.size());
  for (size_t i = 0; i < before.rows.size(); ++i) ASSERT_EQ(before.rows[i], after.rows[i]) << i;
}

TEST_F(Batches, NoRowsKeepTheirColumns) {
  const auto after = there_and_back("SELECT 1::BIGINT AS a, 'x' AS b WHERE false");
  EXPECT_EQ(after.columns, (std::vector<Column>{{"a", "BIGINT"}, {"b", "VARCHAR"}}));
  EXPECT_TRUE(after.rows.empty());
}

TEST_F(Batches, ReadsBesideWhatTheConnectionDoes) {
  connection_.execute("ATTACH ':memory:' AS \"one more\"; USE \"one more\"");
  connection_.execute("CREATE VIEW v AS SELECT i FROM range(10000) t(i)");
  const auto reader = read_batches(connection_.beside(), "SELECT i FROM v ORDER BY i", {});
  const ReaderTable table(connection_, *reader);
  connection_.execute("CREATE TEMP TABLE kept AS SELECT * FROM " + table.sql());
  EXPECT_EQ(std::get<int64_t>(connection_.value("SELECT count(DISTINCT i) FROM kept")), 10000);
}

/// One batch, and then an error.
class Failing final : public columns::BatchReader {
 public:
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<columns::Batch> next() override {
    if (!first_) throw Error(Code::data, "row 2 makes 100 % no sense", "mend it", {"m.sql", 2, 7});
    first_ = false;
    columns::BatchBuilder builder(layout_);
    builder.integer(0, 1);
    return builder.finish();
  }

 private:
  std::shared_ptr<const columns::Layout> layout_ = std::make_shared<const columns::Layout>(
      columns::Schema{{{"a", columns::Type{columns::Type::Kind::long_}}}});
  bool first_ = true;
};

TEST_F(Batches, AnErrorOfTheReaderComesOutAsItWas) {
  Failing reader;
  const ReaderTable table(connection_, reader);
  try {
    connection_.query("SELECT sum(a) FROM " + table.sql());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::data);
    EXPECT_EQ(error.problem().message, "row 2 makes 100 % no sense");
    EXPECT_EQ(error.problem().hint, "mend it");
    EXPECT_EQ(error.problem().place, (Place{"m.sql", 2, 7}));
  }
}

TEST_F(Batches, ATypeThatHasNoPlaceIsNamed) {
  try {
    read_batches(connection_.beside(), "SELECT INTERVAL 1 DAY AS waits", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unsupported);
    EXPECT_NE(error.problem().message.find("\"waits\""), std::string::npos);
  }
}

TEST_F(Batches, WhoComputesLongBetweenTwoHearsOfARequest) {
  Cancel cancel;
  auto own = connection_.beside();
  auto stop = own->stop_on(cancel);
  const auto reader = read_batches(std::move(own), "SELECT 1 AS a", {}, std::move(stop));
  while (reader->next()) {}
  reader->heed();
  cancel.request();
  try {
    reader->heed();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled) << error.what();
  }
}

TEST_F(Batches, StopsOnRequest) {
  Cancel cancel;
  auto own = connection_.beside();
  auto stop = own->stop_on(cancel);
  const auto reader =
      read_batches(std::move(own), "SELECT a.i FROM range(1000000) a(i), range(1000000) b(i)", {},
                   std::move(stop));
  ASSERT_TRUE(reader->next());
  cancel.request();
  try {
    while (reader->next()) {}
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled) << error.what();
  }
}

}  // namespace
}  // namespace windrow::duck
