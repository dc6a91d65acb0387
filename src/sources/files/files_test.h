#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rows.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/row_work.h"
#include "project/project.h"
#include "sources/files/kind.h"

/// For tests of reading files: a folder of files, and what becomes of them.
namespace windrow::sources {

using Row = std::vector<std::string>;
using Table = std::vector<Row>;
using project::Value;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    root_ = std::filesystem::temp_directory_path() /
            ("windrow files [é] * " + std::to_string(::getpid()));
    std::filesystem::create_directories(root_);
    source_.name = "bronze.t";
    // Not in the folder that is read.
    project_.root = root_.string() + " state";
    from("*");
  }
  ~FilesTest() override {
    std::filesystem::remove_all(root_);
    std::filesystem::remove_all(project_.root);
  }

  void from(const std::string& pattern, const std::string& changed = "append",
            int batch_files = 500) {
    source_.own = FilesFrom{.files = {pattern}, .changed = changed, .batch_files = batch_files};
  }
  FilesFrom& said() { return std::any_cast<FilesFrom&>(source_.own); }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(root_ / name, std::ios::binary) << bytes;
  }
  std::unique_ptr<Reader> reader() {
    Context context{project_, root_, *parse_time("2025-10-17T14:05:00Z")};
    context.hopeful = hopeful_;
    return files_reader(source_, context);
  }
  std::optional<Batch> next() {
    // Copies that a batch reads from are there as long as its reader is.
    reader_ = reader();
    auto batch = reader_->next(txns_, session_);
    if (batch) {
      last_ = *batch;
      EXPECT_EQ(missing(), 0);
    }
    return batch;
  }
  /// Of the records that were counted, those that are neither rows nor set aside.
  int64_t missing() {
    if (last_.held.empty()) return 0;
    int64_t out = -count(last_.select);
    for (const auto& [origin, held] : last_.held) out += held.records - held.passed_over;
    if (last_.rejected_select.empty() && last_.misfits_select.empty()) return out;
    std::string counted;
    for (const auto& [origin, held] : last_.held)
      counted += (counted.empty() ? "" : ", ") + duck::quote_text(origin);
    return out - count("SELECT 1 FROM (" + all_rejected() + ") WHERE origin IN (" + counted + ")");
  }
  /// Looks at every column: values that nobody asks for are not read, and so not found unfit.
  int64_t count(const std::string& select) {
    return std::get<int64_t>(
        session_
            .query("SELECT count(h) FROM (SELECT hash(t) AS h FROM (" + select + ") AS t)",
                   last_.parameters)
            .rows.at(0)[0]);
  }
  std::string all_rejected() const {
    std::string out = last_.rejected_select;
    if (!last_.misfits_select.empty())
      out += (out.empty() ? "" : "\nUNION ALL\n") + last_.misfits_select;
    return out;
  }
  void commit() {
    for (const auto& txn : last_.txns) txns_[txn.app_id] = txn;
  }
  Table table(const std::string& sql, const Parameters& parameters = {}) {
    Table out;
    const auto rows = session_.query(sql, parameters);
    columns_ = rows.columns;
    for (const auto& row : rows.rows) {
      auto& line = out.emplace_back();
      for (const auto& cell : row) line.push_back(cell_text(cell));
    }
    return out;
  }
  Table rows() {
    const auto batch = next();
    if (!batch) return {{"no batch"}};
    return table(batch->select, batch->parameters);
  }
  Table rejected() {
    const auto select = all_rejected();
    return select.empty() ? Table{} : table("SELECT * FROM (" + select + ") ORDER BY ALL");
  }
  std::string names() {
    std::string out;
    for (const auto& column : columns_)
      out += (out.empty() ? "" : ", ") + column.name + " " + column.type;
    return out;
  }

  std::filesystem::path root_;
  project::Project project_;
  project::Source source_;
  duck::Database database_{duck::Options{}};
  duck::Connection connection_{database_};
  lake::DuckRows session_{connection_};
  std::map<std::string, lake::Txn> txns_;
  bool hopeful_ = false;
  std::unique_ptr<Reader> reader_;
  Batch last_;
  std::vector<Column> columns_;
};

}  // namespace windrow::sources
