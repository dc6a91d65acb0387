#include "tasks/source_definition.h"

#include <gtest/gtest.h>

#include "sources/files/kind.h"

namespace windrow::tasks {
namespace {

project::Source source() {
  project::Source out;
  out.name = "bronze.e";
  out.kind = "files";
  out.format = "json";
  for (const char* name : {"id", "v"}) {
    project::ColumnDeclaration column;
    column.name = name;
    column.type = "bigint";
    out.columns.push_back(column);
  }
  return out;
}

std::string definition(const project::Source& source) {
  return source_definition(source, sources::files_kind());
}

std::string changes(const project::Source& before, const project::Source& now) {
  std::string out;
  for (const auto& each : definition_changes(definition(before), definition(now)))
    out += each + "\n";
  return out;
}

TEST(SourceDefinition, WhatDoesNotShapeRowsIsNoChange) {
  auto now = source();
  now.common.description = "other words";
  now.columns[0].description = "a number";
  now.checks.push_back({});
  now.file = "sources/other.yaml";
  EXPECT_EQ(changes(source(), now), "");
}

TEST(SourceDefinition, EveryChangeIsToldWithWhatItMeans) {
  auto now = source();
  now.columns[0].type = "varchar";
  now.columns[1].value = "v * 2";
  project::ColumnDeclaration more;
  more.name = "late";
  now.columns.push_back(more);
  EXPECT_EQ(changes(source(), now),
            "column \"id\" is now of type varchar, was bigint: its rows need reading again\n"
            "column \"v\" is computed otherwise: rows that are there stay as they are\n"
            "column \"late\" is new: NULL in the rows that are there\n");
  EXPECT_EQ(changes(now, source()),
            "column \"id\" is now of type bigint, was varchar: its rows need reading again\n"
            "column \"v\" is computed otherwise: rows that are there stay as they are\n"
            "column \"late\" is not declared any more: rows that are there stay as they are\n");
  auto other = source();
  other.format = "csv";
  other.partition_by = {{"id", ""}};
  EXPECT_EQ(changes(source(), other),
            "`format` has changed: rows that are there stay as they are\n"
            "`partition_by` has changed: rows that are there stay as they are\n");
}

/// Texts of definitions lie in lakes: one that reads otherwise tells of a change that is none.
TEST(SourceDefinition, HoldsWhatShapesRowsInTheOrderOfTheKind) {
  auto one = source();
  one.columns.resize(1);
  project::Value::Map from;
  for (const char* key : {"files", "skip", "csv", "changed"})
    from.push_back({{key}, {std::string("x"), {}}});
  one.from.data = std::move(from);
  EXPECT_EQ(definition(one),
            R"({"kind":"files","format":"json","raw":"","explode":"","columns":{"id":)"
            R"({"type":"bigint","value":""}},"partition_by":[],"from":{"csv":"x","skip":"x"}})");
}

TEST(SourceDefinition, ATextThatIsGoneOrOfAnotherProgramIsAChangeWithoutDetails) {
  EXPECT_EQ(definition_changes("", definition(source())).size(), 1u);
  EXPECT_EQ(definition_changes("{\"x\": 1}", definition(source())).size(), 1u);
}

}  // namespace
}  // namespace windrow::tasks
