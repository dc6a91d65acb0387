#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/interval.h"
#include "base/rows.h"
#include "publish/store.h"

/// Which versions changed a table, or certain rows of it, and what they were built from.
namespace windrow::app {

struct WhyOptions {
  std::string table;
  std::string where;        ///< SQL over the table's columns; empty: all rows
  publish::KeyValues key;   ///< rows with all of these values
  std::string since;        ///< a version or a time; empty: all there is
  int depth = 1;            ///< how many steps of inputs are followed, where rows are asked for
  size_t versions_max = 5;  ///< of each table, the newest
  size_t rows_max = 10;     ///< of each version, before and after
  bool by_rows() const { return !where.empty() || !key.empty(); }
};

/// Rows that a version changed, net; before and after are as many as were asked for.
struct WhyRows {
  int64_t removed = 0, added = 0;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> before, after;
};

struct WhyDefinition {
  /// Texts as they were kept; empty: none was.
  std::string before, after;
  bool same_text() const { return before == after; }
};

struct WhyTable;

/// An input as a version was built from it.
struct WhyInput {
  std::string name;
  int64_t from = -1;  ///< what the same rows were built from before; -1: nothing
  int64_t to = -1;
  bool replaced = false;  ///< another table lay under the name before
  /// Not empty: why its changes are not followed.
  std::string not_followed;
  std::vector<WhyTable> followed;  ///< one, where it is followed
};

struct WhyVersion {
  int64_t version = -1;
  Time time;
  std::string operation;  ///< as the commit calls it: `MERGE`, `WRITE`, `RESTORE`
  std::string kind;       ///< how it was built; empty: by another program
  std::string run, engine;
  std::vector<std::string> reasons;         ///< in words
  std::vector<Interval> intervals;          ///< what it built; empty for whole tables
  std::optional<WhyDefinition> definition;  ///< where it is another one than before
  std::vector<WhyInput> inputs;
  std::vector<std::string> read;  ///< of sources: what was read, such as files
  /// As the log counts them: rows that a rewrite gave again equal count on both sides.
  std::optional<int64_t> rows_added, rows_removed;
  bool in_log = true;  ///< false: its log was cleaned, and its files are not known
  size_t files_added = 0, files_removed = 0;
  int64_t bytes_added = 0;
  std::vector<std::string> files;  ///< that it added, as the log names them
  std::optional<WhyRows> rows;     ///< where rows are asked for
};

struct WhyTable {
  std::string table;
  std::string condition;             ///< of the rows that were asked for; empty: all
  int64_t after = -1, latest = -1;   ///< versions (after, latest] were looked at
  std::vector<WhyVersion> versions;  ///< newest first
  bool more = false;                 ///< there are older ones
  std::vector<std::string> lost;     ///< what is not known any more, in words
  size_t commits = 0, files_read = 0, files_there = 0;  ///< where rows are asked for
};

}  // namespace windrow::app
