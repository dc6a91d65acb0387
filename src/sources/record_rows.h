#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/rows.h"
#include "project/source.h"
#include "sources/source.h"

/// Records that came one by one (from an API, a stream), as rows of the table.
namespace windrow::sources {

/// Records under way to the table: a file of JSON lines with these columns, the last one `raw`, the
/// record's own text.
class Spool {
 public:
  /// In `folder`; files that killed processes have left there go.
  Spool(const std::string& folder, std::vector<Column> columns);
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

  /// Where it ends now, and back to there.
  struct Mark {
    uint64_t rows = 0, bytes = 0;
  };
  Mark mark() const { return {rows_, bytes_}; }
  void rewind(const Mark& mark);

 private:
  void flush();

  std::string path_;
  std::vector<Column> columns_;
  std::string buffer_;
  int fd_ = -1;
  uint64_t rows_ = 0, bytes_ = 0, longest_ = 0;
};

/// Why a record is set aside that is too long or nested too deeply.
std::string too_long_words(uint64_t bytes, uint64_t bytes_max);
std::string too_deep_words();

/// Records under way to the table; those that are too long or too deep go beside.
class Intake {
 public:
  Intake(const std::string& folder, std::vector<Column> columns, uint64_t bytes_max);

  /// `values` as JSON texts of all columns but the last, `raw`. `bytes`: how long it is, where
  /// `raw` is only its beginning.
  void add(const std::string& origin, std::vector<std::string> values, std::string_view raw,
           uint64_t bytes = 0);
  uint64_t rows() const { return good_.rows() + bad_.rows(); }
  uint64_t bytes() const { return good_.bytes() + bad_.bytes(); }
  std::string relation() { return good_.relation(); }
  /// As Batch::rejected_select and Batch::held, by origin.
  std::string rejected();
  const std::map<std::string, Held>& held() const { return held_; }
  void clear();

 private:
  const uint64_t bytes_max_;
  Spool good_, bad_;
  std::map<std::string, Held> held_;
};

struct RecordRows {
  std::string sql;      ///< rows in the table's columns, with partition columns
  std::string misfits;  ///< as Batch::misfits_select; empty: every record fits
};

/// `relation` has `kept` columns and `raw`. Declared columns are taken from the record's fields;
/// those with `value:` from everything that is there.
RecordRows record_rows(const std::string& relation, const std::vector<Column>& kept,
                       const std::string& origin_sql, const project::Source& source,
                       lake::DuckRows& session);

/// Records that the table has already, under the source's present definition: `select`, `held` and
/// what goes with them, for a reload. Error(unsupported) where it keeps no record's own text.
Batch kept_again(const TableNow& table, const std::vector<Column>& kept,
                 const std::string& origin_sql, const project::Source& source,
                 lake::DuckRows& session);

/// The select with the source's partition columns.
std::string with_partitions(const project::Source& source, const std::string& select);

}  // namespace windrow::sources
