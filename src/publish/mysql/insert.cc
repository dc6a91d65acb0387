#include "publish/mysql/insert.h"

#include <fmt/format.h>

namespace windrow::publish {

namespace {

using clients::Mysql;
using clients::mysql_name;
using clients::MysqlError;

constexpr size_t kStatementBytes = 1 << 20;

}  // namespace

MysqlInsert::MysqlInsert(Mysql& database, const ViewBatch& view, const std::string& into,
                         const MysqlTable& table)
    : database_(database),
      view_(view),
      columns_(table.columns),
      begin_("INSERT INTO " + mysql_name(into) + " (" + name_list(table.names(), mysql_words()) +
             ") VALUES "),
      packet_(std::stoull(database.value("SELECT @@max_allowed_packet").value_or("1048576"))) {}

int64_t MysqlInsert::run(const std::string& select, duck::Connection& connection, Cancel& cancel,
                         const ProgressSink& progress) {
  duck::stream_vectors(connection, select,
                       [&](size_t count, const std::vector<duck::Vector>& vectors) {
                         for (size_t row = 0; row < count; ++row) {
                           add(vectors, row);
                           if (statement_.size() < kStatementBytes) continue;
                           flush();
                           cancel.check();
                           if (progress) progress({view_.table, "writing", -1, rows_});
                         }
                         return true;
                       });
  flush();
  return rows_;
}

void MysqlInsert::add(const std::vector<duck::Vector>& vectors, size_t row) {
  row_ = "(";
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) row_ += ',';
    if (vectors[i].null(row)) {
      row_ += "NULL";
    } else {
      append_mysql_value(vectors[i].text(row), columns_[i].type, columns_[i].name, view_, row_);
    }
  }
  row_ += ')';
  checksum_.add(row_);
  if (begin_.size() + row_.size() >= packet_) {
    throw Error(Code::data,
                fmt::format("row {} of view \"{}\" has {} bytes, and the server takes {}",
                            rows_ + 1, view_.table, row_.size(), packet_),
                "raise the server's max_allowed_packet", view_.settings.place);
  }
  if (statement_.size() + 1 + row_.size() >= packet_) flush();
  if (statement_.empty()) {
    statement_ = begin_;
    first_ = rows_ + 1;
  } else {
    statement_ += ',';
  }
  statement_ += row_;
  ++rows_;
}

void MysqlInsert::flush() {
  if (statement_.empty()) return;
  try {
    database_.execute(statement_);
  } catch (const MysqlError& error) {
    if (error.code() != Code::data) throw;
    Problem problem = error.problem();
    problem.message =
        fmt::format("view \"{}\", rows from {} on: {}", view_.table, first_, problem.message);
    problem.place = view_.settings.place;
    throw Error(std::move(problem));
  }
  statement_.clear();
}

}  // namespace windrow::publish
