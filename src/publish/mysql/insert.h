#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/progress.h"
#include "clients/mysql.h"
#include "duck/forward.h"
#include "duck/vectors.h"
#include "publish/checksum.h"
#include "publish/mysql/schema.h"

namespace windrow::publish {

/// Private to publish/mysql: rows of a SELECT go into a table, many to a statement. What of them is
/// committed is up to the transaction around it.
class MysqlInsert {
 public:
  MysqlInsert(clients::Mysql& database, const ViewBatch& view, const std::string& into,
              const MysqlTable& table);

  /// Gives how many. Error(data) names the view and the rows that the server refused.
  int64_t run(const std::string& select, duck::Connection& connection, Cancel& cancel,
              const ProgressSink& progress);
  std::string checksum() { return checksum_.text(); }

 private:
  void add(const std::vector<duck::Vector>& vectors, size_t row);
  void flush();

  clients::Mysql& database_;
  const ViewBatch& view_;
  const std::vector<MysqlColumn>& columns_;
  const std::string begin_;  ///< INSERT INTO … VALUES
  const size_t packet_;      ///< bytes that the server takes at once
  std::string statement_, row_;
  int64_t rows_ = 0, first_ = 1;  ///< `first_`: of the statement, counted from 1
  Checksum checksum_;
};

}  // namespace windrow::publish
