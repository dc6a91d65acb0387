#include "duck/row_buffer.h"

#include <gtest/gtest.h>

#include "duck/duck.h"

namespace windrow::duck {
namespace {

TEST(RowBuffer, GivesItsRowsToASelect) {
  Database database{Options{}};
  Connection connection(database);
  RowBuffer rows;
  const auto id = rows.add_column("id", BufferKind::integer);
  const auto text = rows.add_column("a text", BufferKind::text);
  const auto share = rows.add_column("share", BufferKind::real);
  const auto even = rows.add_column("even", BufferKind::truth);
  const auto at = rows.add_column("moment", BufferKind::time);
  const std::string brief = "kurz\xC3\xA4";
  const std::string longer = "a text that does not fit into twelve bytes";
  constexpr size_t kRows = 10'001;  // several vectors, the last one not full
  for (size_t i = 0; i < kRows; ++i) {
    const size_t row = rows.add_row();
    rows.column(id).set_integer(row, int64_t(i));
    if (i % 3) rows.column(text).set_text(row, i % 3 == 1 ? brief : longer);
    rows.column(share).set_real(row, double(i) / 2);
    rows.column(even).set_truth(row, i % 2 == 0);
    if (i == 7) rows.column(at).set_integer(row, 1'700'000'000'000'000);
  }
  const BufferTable table(connection, rows);
  const auto found = connection.query(
      "SELECT count(*), sum(id), count(\"a text\"), max(\"a text\"), min(\"a text\"), sum(share), "
      "count(*) FILTER (even), count(moment), max(epoch_us(moment)) FROM " +
      table.sql());
  const auto& row = found.rows[0];
  EXPECT_EQ(std::get<int64_t>(row[0]), int64_t(kRows));
  EXPECT_EQ(cell_text(row[1]), std::to_string(kRows * (kRows - 1) / 2));
  EXPECT_EQ(std::get<int64_t>(row[2]), 6667);
  EXPECT_EQ(cell_text(row[3]), "kurz\xC3\xA4");
  EXPECT_EQ(cell_text(row[4]), longer);
  EXPECT_EQ(std::get<int64_t>(row[6]), 5001);
  EXPECT_EQ(std::get<int64_t>(row[7]), 1);
  EXPECT_EQ(std::get<int64_t>(row[8]), 1'700'000'000'000'000);
  EXPECT_EQ(std::get<int64_t>(connection.value("SELECT count(*) FROM " + table.sql())),
            int64_t(kRows));
}

TEST(RowBuffer, ForgetsRowsAndKeepsColumns) {
  Database database{Options{}};
  Connection connection(database), other(database);
  RowBuffer rows;
  const auto a = rows.add_column("a", BufferKind::text);
  rows.column(a).set_text(rows.add_row(), "x");
  rows.clear();
  rows.add_row();
  rows.column(a).set_text(rows.add_row(), "y");
  rows.column(a).set_text(rows.add_row(), "z");
  rows.drop_row();
  const auto late = rows.add_column("late", BufferKind::integer);
  rows.column(late).set_integer(1, 5);
  rows.column(late).copy(1, 0);
  const BufferTable table(other, rows), twice(connection, rows);
  const auto found = other.query("SELECT a, late FROM " + table.sql());
  ASSERT_EQ(found.rows.size(), 2u);
  EXPECT_EQ(cell_text(found.rows[0][0]), "NULL");
  EXPECT_EQ(cell_text(found.rows[1][0]), "y");
  EXPECT_EQ(cell_text(found.rows[0][1]), "5");
  std::string gone;
  {
    const BufferTable brief(connection, rows);
    gone = brief.sql();
  }
  EXPECT_THROW(connection.query("FROM " + gone), SqlError);
}

TEST(RowBuffer, WithoutRowsOrColumnsThatAreAskedFor) {
  Database database{Options{}};
  Connection connection(database);
  RowBuffer rows;
  rows.add_column("a", BufferKind::integer);
  const BufferTable table(connection, rows);
  EXPECT_EQ(connection.query("FROM " + table.sql()).rows.size(), 0u);
}

}  // namespace
}  // namespace windrow::duck
