#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "base/clock.h"
#include "duck/duck.h"
#include "lake/changes.h"
#include "lake/rewrite.h"

/// For this room's tests: a table that is staged into and committed to, and its rows.
namespace windrow::lake {

class Rewrite : public testing::Test {
 protected:
  Rewrite()
      : files_(storage::local_file_system()), database_(duck::Options{}), connection_(database_) {
    folder_ = std::filesystem::temp_directory_path() /
              ("windrow rewrite é " + std::to_string(::getpid()));
    path_ = folder_ / "silver/t";
    attach(database_, *files_);
  }
  ~Rewrite() override { std::filesystem::remove_all(folder_); }

  Table table() { return Table(*files_, path_); }

  StageContext context() {
    StageContext c{engine_,       *files_, path_,           "silver.t",   {},
                   partition_by_, true,    replace_schema_, clock_.now(), {}};
    c.vectors = vectors_;
    if (table().exists()) c.current = table().snapshot({}, &connection_);
    return c;
  }

  template <typename Stage>
  Staged apply(Stage&& stage, bool record_touched = true) {
    const auto c = context();
    Staged staged = stage(c);
    Staged copy = staged;
    NewTable made;
    made.deletion_vectors = true;
    auto request = request_of(std::move(staged), made);
    Provenance record;
    record.asset = "silver.t";
    if (record_touched) record.touched = copy.touched;
    request.provenance = record;
    clock_.advance(std::chrono::seconds(1));
    committed_version(table().commit(request, clock_), "silver.t");
    EXPECT_EQ(rows(duck_sql(copy.after)), rows(duck_sql(scan(table().snapshot({}, &connection_)))));
    return copy;
  }
  Staged append(const std::string& select, bool touched = true) {
    return apply([&](const StageContext& c) { return stage_append(c, select, {}); }, touched);
  }
  Staged merge(const std::string& select, MergeOptions options, bool touched = true) {
    return apply([&](const StageContext& c) { return stage_merge(c, select, {}, options); },
                 touched);
  }

  /// All rows, sorted, as text.
  std::string rows(const std::string& sql) {
    // Sorted here: DuckDB's ORDER BY makes a zero of a negative zero.
    std::multiset<std::string> lines;
    for (const auto& row : connection_.query(sql).rows) {
      std::string line;
      for (const auto& cell : row) line += cell_text(cell) + ",";
      line.back() = ' ';
      lines.insert(line);
    }
    std::string out;
    for (const auto& line : lines) out += line;
    return out;
  }
  std::string rows() { return rows(duck_sql(scan(table().snapshot({}, &connection_)))); }
  ChangedIntervals changed(int64_t from, int64_t to, const std::string& expression,
                           const char* grain = "hour", const char* zone = "UTC") {
    return changed_intervals(table(), from, to, expression, *Grain::parse(grain, zone),
                             connection_);
  }
  /// Live files with a vector.
  size_t thinned() {
    const auto files = table().snapshot({}, &connection_).files;
    return size_t(std::count_if(files.begin(), files.end(),
                                [](const Add& add) { return add.deletion_vector.has_value(); }));
  }
  size_t data_files() {
    size_t n = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(path_))
      n += file.path().extension() == ".parquet";
    return n;
  }
  static std::string code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return std::string(name_of(error.code())) + ": " + error.problem().message;
    }
    return "nothing thrown";
  }

  std::filesystem::path folder_;
  std::string path_;
  std::vector<std::string> partition_by_;
  bool replace_schema_ = false;
  VectorRule vectors_ = {false, 1, 0};
  FakeClock clock_{time_from_micros(1'760'000'000'000'000)};
  std::unique_ptr<storage::FileSystem> files_;
  duck::Database database_;
  duck::Connection connection_;
  DuckRows engine_{connection_};
};

}  // namespace windrow::lake
