#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/rows.h"
#include "duck/duck.h"
#include "duck/parquet_writer.h"
#include "lake/row_work.h"
#include "lake/table.h"
#include "storage/file_system.h"

/// For this room's tests: a table in a folder of its own, and the shortest ways to write and read
/// it.
namespace windrow::lake {

class TableFixture : public ::testing::Test {
 protected:
  TableFixture() { std::filesystem::create_directories(folder_); }
  ~TableFixture() override { std::filesystem::remove_all(folder_); }

  Table table() { return Table(*files_, path_); }

  std::vector<Add> stage(const std::string& select,
                         const std::vector<std::string>& partition_by = {}) {
    columns::WriteOptions options;
    options.folder = path_;
    options.partition_by = partition_by;
    return adds_from_written(path_, schema_of(select),
                             duck::write_parquet(connection_, select, {}, options), clock_.now());
  }
  Schema schema_of(const std::string& select) {
    return schema_from_duck(connection_.describe(select));
  }

  CommitRequest creation(const std::string& select,
                         const std::vector<std::string>& partition_by = {},
                         bool append_only = false) {
    CommitRequest request;
    request.operation = "CREATE TABLE AS SELECT";
    auto [protocol, metadata] =
        create_actions({schema_of(select), partition_by, "t", "", append_only}, clock_.now());
    request.protocol = protocol;
    request.metadata = metadata;
    request.adds = stage(select, partition_by);
    return request;
  }
  CommitRequest appending(const std::string& select) {
    const Snapshot current = table().snapshot({}, &connection_);
    CommitRequest request;
    request.base = base_of(current);
    request.operation = "WRITE";
    request.operation_parameters["mode"] = "\"Append\"";
    request.read_version = current.version;
    request.adds = stage(select, current.metadata.partition_columns);
    return request;
  }
  int64_t commit(CommitRequest request) {
    return committed_version(table().commit(std::move(request), clock_), "t");
  }
  int64_t create(const std::string& select, const std::vector<std::string>& partition_by = {}) {
    return commit(creation(select, partition_by));
  }
  int64_t append(const std::string& select) { return commit(appending(select)); }

  /// Rows as text, `a|b|c`, ordered.
  std::vector<std::string> rows(const std::string& select) {
    std::vector<std::string> out;
    for (const auto& row : connection_.query(select).rows) {
      std::string line;
      for (const auto& cell : row) line += (line.empty() ? "" : "|") + cell_text(cell);
      out.push_back(line);
    }
    return out;
  }
  std::vector<std::string> rows_at(std::optional<int64_t> version = {}) {
    return rows("FROM (" + duck_sql(scan(table().snapshot(version, &connection_))) +
                ") ORDER BY ALL");
  }

  template <typename Work>
  Problem problem_of(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error.problem();
    }
    return {Code::internal, "no error", {}, {}};
  }
  std::string log_file(const std::string& name) { return path_ + "/_delta_log/" + name; }

  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow lake é " + new_uuid())).string();
  std::string path_ = folder_ + "/a table";
  std::unique_ptr<storage::FileSystem> files_ = storage::local_file_system();
  FakeClock clock_{*parse_time("2025-10-17T14:00:00Z")};
  duck::Database database_{duck::Options{}};
  duck::Connection connection_{database_};
  DuckRows engine_{connection_};
};

using Strings = std::vector<std::string>;

}  // namespace windrow::lake
