#include "sources/files/csv_form.h"

#include <gtest/gtest.h>

#include <random>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "sources/files/csv_scan.h"
#include "sources/files/csv_values.h"

namespace windrow::sources {
namespace {

/// The last and the first of what is and what is not, and texts with a character changed.
std::vector<std::string> fields() {
  std::vector<std::string> out = {"0",
                                  "-0",
                                  "-7",
                                  "+5",
                                  "007",
                                  "1e3",
                                  "1.",
                                  ".5",
                                  "-1.25",
                                  "1.2.3",
                                  "12345678901234567.125",
                                  "999999999999999999",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "-",
                                  "NaN",
                                  "infinity",
                                  "true",
                                  "FALSE",
                                  "True",
                                  "t",
                                  "yes",
                                  "2025-02-28",
                                  "2025-02-29",
                                  "2024-02-29",
                                  "0000-01-01",
                                  "0001-01-01",
                                  "9999-12-31",
                                  "2025-13-01",
                                  "2025-00-10",
                                  "2025-10-00",
                                  "2025-1-2",
                                  "10/17/2025",
                                  "2025-10-17 00:00:00",
                                  "2025-10-17T23:59:59.999999",
                                  "2025-10-17 23:59:59.9999999",
                                  "2025-10-17 24:00:00",
                                  "2025-10-17 23:60:00",
                                  "2025-10-17 23:59:60",
                                  "2025-10-17 9:15",
                                  "9999-12-31 23:59:59",
                                  "2025-10-17 10:00:00Z",
                                  "2025-10-17T10:00:00.5+14:59",
                                  "2025-10-17 10:00:00-14",
                                  "2025-10-17 10:00:00+15",
                                  "2025-10-17 10:00:00+0200",
                                  "0001-01-01 00:00:00+14:59",
                                  "9999-12-31 23:59:59-14:59",
                                  "00:00:00",
                                  "23:59:59.123456",
                                  "24:00:00",
                                  "9:15",
                                  " 7",
                                  "x"};
  std::mt19937 random(7);
  const std::string_view characters = "0123456789-+.: TZ/eE,x";
  const size_t by_hand = out.size();
  for (size_t i = 0; i < 20'000; ++i) {
    auto text = out[random() % by_hand];
    for (size_t k = random() % 3; k > 0; --k)
      text[random() % text.size()] = characters[random() % characters.size()];
    out.push_back(text);
  }
  return out;
}

/// DuckDB is the judge: of what has a form nothing is unlike, and everything is of the type.
TEST(CsvForm, WhatHasTheFormIsOfTheType) {
  duck::Database database{duck::Options{}};
  duck::Connection session(database);
  const auto all = fields();
  for (const auto* type :
       {"BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME"}) {
    const CsvShape shape{"a.csv", "v", {}, {{"v", type}}, {}, {}};
    const auto form = forms_of(shape, "", [](const auto&) { return false; }).at(0);
    std::vector<std::string> formed;
    for (const auto& field : all) {
      if (has_form(field, form)) formed.push_back(field);
    }
    EXPECT_GT(formed.size(), 100u) << type;
    EXPECT_LT(formed.size(), all.size() / 2) << type;
    const std::string from = " FROM (SELECT unnest(" + duck::quote_list(formed) + ") AS v) WHERE ";
    for (const auto& row : session
                               .query("SELECT v" + from + unlike(shape.columns[0], shape, "") +
                                      " OR TRY_CAST(v AS " + type + ") IS NULL")
                               .rows)
      ADD_FAILURE() << type << ": " << cell_text(row[0]);
  }
}

TEST(CsvForm, NothingHasTheFormOfWhatOnlyTheEngineReads) {
  const auto form = [](const std::string& type, const std::string& date, const std::string& moment,
                       const std::string& decimal, bool told) {
    const CsvShape shape{"a.csv", "v", {}, {{"v", type}}, date, moment};
    return forms_of(shape, decimal, [&](const auto&) { return told; }).at(0);
  };
  EXPECT_EQ(form("DATE", "%d.%m.%Y", "", "", false), CsvForm::empty);
  EXPECT_EQ(form("TIMESTAMP", "", "%d.%m.%Y %H:%M", "", false), CsvForm::empty);
  EXPECT_EQ(form("TIMESTAMP WITH TIME ZONE", "", "%c", "", false), CsvForm::empty);
  EXPECT_EQ(form("DOUBLE", "", "", ",", false), CsvForm::empty);
  EXPECT_EQ(form("", "", "", "", false), CsvForm::empty);
  EXPECT_EQ(form("DATE", "%d.%m.%Y", "", "", true), CsvForm::any);
  EXPECT_TRUE(has_form("", CsvForm::empty) && has_form("", CsvForm::whole));
  EXPECT_FALSE(has_form("x", CsvForm::empty));
}

class Nobody final : public CsvSink {};

/// Whether all of a file has the forms of a number and a text, however its bytes come.
bool formed(const std::string& text) {
  Nobody nobody;
  bool out = false;
  for (const size_t piece : {text.size(), size_t(1), size_t(5)}) {
    CsvScanner scanner({}, 1000, true, nobody, false, false, {CsvForm::whole, CsvForm::any});
    for (size_t at = 0; at < text.size(); at += piece) scanner.feed(text.substr(at, piece));
    scanner.end();
    EXPECT_TRUE(piece == text.size() || out == scanner.count().formed) << text;
    out = scanner.count().formed;
  }
  return out;
}

TEST(CsvForm, FieldsOfARecord) {
  EXPECT_TRUE(formed("id,name\n1,a\n-2,\"b,\n\"\"c\"\"\"\n\"3\",\n,\n4,x"));
  EXPECT_TRUE(formed("id,name\n1,a\n5"));
  EXPECT_FALSE(formed("id,name\n1,a\nx,b\n2,c\n"));
  EXPECT_FALSE(formed("id,name\n1,a\nx"));
  EXPECT_FALSE(formed("id,name\n\"1\"\"\",a\n"));
  EXPECT_FALSE(formed("id,name\n\"\",a\n"));  // the reader may take it for a text of no length
  EXPECT_FALSE(formed("id,name\n1,a,more\n"));
  Nobody nobody;
  EXPECT_FALSE(CsvScanner({}, 1000, true, nobody, false).count().formed);  // nobody told any
}

}  // namespace
}  // namespace windrow::sources
