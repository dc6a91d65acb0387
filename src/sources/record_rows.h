#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "project/project.h"

/// Records that came one by one (from an API, a stream), as rows of the table.
namespace windrow::sources {

/// Records under way to the table: a file of JSON lines with these columns, the last one `raw`, the
/// record's own text.
class Spool {
 public:
  /// In `folder`; files that killed processes have left there go.
  Spool(const std::string& folder, std::vector<duck::Column> columns);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Values as JSON texts, in the order of the columns.
  void add(const std::vector<std::string>& values);
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }
  /// Written out, to be read: SELECT of the columns.
  std::string relation();
  /// Empty again.
  void clear();

 private:
  void flush();

  std::string path_;
  std::vector<duck::Column> columns_;
  std::string buffer_;
  int fd_ = -1;
  uint64_t rows_ = 0, bytes_ = 0, longest_ = 0;
};

struct RecordRows {
  std::string sql;       ///< rows in the table's columns, with partition columns
  std::string rejected;  ///< empty: every record is good
};

/// `relation` has `kept` columns and `raw`. Declared columns are taken from the record's fields;
/// those with `value:` from everything that is there.
RecordRows record_rows(const std::string& relation, const std::vector<duck::Column>& kept,
                       const std::string& origin_sql, const project::Source& source,
                       engine::Session& session);

/// The select with the source's partition columns.
std::string with_partitions(const project::Source& source, const std::string& select);

}  // namespace windrow::sources
