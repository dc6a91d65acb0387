#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "lake/actions.h"

/// Rows that an engine is to read, before anybody has said how: docs/adr/016-relations.md.
namespace windrow::lake {

struct Snapshot;

/// Files of a table at one version. With the table's column names, types and order: partition
/// columns come from the log, a column that a file lacks is NULL, rows of deletion vectors are not
/// there. It reads from the files themselves, so it holds as long as they exist.
struct Scan {
  std::shared_ptr<const Snapshot> table;  ///< its `files` are those that are read; maybe none
  enum class Extra {
    nothing,
    file,     ///< kFileColumn: the absolute path of the file that each row lies in
    row_ids,  ///< kRowId and kRowCommitVersion (row_tracking.h), where the table keeps ids
    places    ///< kFileColumn, kPlaceColumn and what `row_ids` gives
  } extra = Extra::nothing;
  /// The whole of a committed version: files that the conditions of the query around it rule out by
  /// partition values or statistics need not be opened.
  bool guided = false;
  /// One for each file: only those of its rows that this vector deletes, and its own does not.
  std::vector<DeletionVector> taken = {};
};

inline constexpr const char* kFileColumn = "windrow file";
inline constexpr const char* kPlaceColumn = "windrow place";  ///< of a row in its file, from 0

/// A SELECT in which scans stand for pinned tables. Each engine has its own words for a scan; the
/// text around them is of its dialect.
class Relation {
 public:
  Relation() = default;
  Relation(std::string sql) { add(std::move(sql)); }         // NOLINT: implicit
  Relation(const char* sql) : Relation(std::string(sql)) {}  // NOLINT: implicit
  Relation(Scan scan) : pieces_{std::move(scan)} {}          // NOLINT: implicit

  bool empty() const { return pieces_.empty(); }
  /// The whole text, with an engine's words for each scan.
  std::string sql(const std::function<std::string(const Scan&)>& words) const;

  Relation& operator+=(const Relation& other);
  friend Relation operator+(Relation left, const Relation& right) { return left += right; }

 private:
  void add(std::string sql);

  std::vector<std::variant<std::string, Scan>> pieces_;
};

/// These files of the snapshot.
Relation scan(const Snapshot& snapshot, std::vector<Add> files,
              Scan::Extra extra = Scan::Extra::nothing);
/// A file whose vector has grown: as it was, and the vector since.
struct Thinned {
  Add before;
  DeletionVector after;
};
/// The rows that these files lost.
Relation scan_taken(const Snapshot& snapshot, const std::vector<Thinned>& files);
/// Takes apart files that one change removes and adds: those whose path both have keep their rows
/// but for what the two vectors say. Gives them as they were and as they are.
std::vector<std::pair<Add, Add>> same_files(std::vector<Add>& removed, std::vector<Add>& added);
/// SELECTs of the rows that `removed` files had and `added` ones have; of files that are in both
/// (same_files) only the rows that the one has and the other has not.
struct Sides {
  Relation gone, come;
};
Sides sides_of(const Snapshot& shape, std::vector<Add> removed, std::vector<Add> added);
/// All of its files.
Relation scan(std::shared_ptr<const Snapshot> snapshot);
Relation scan(Snapshot snapshot);
Relation guided_scan(std::shared_ptr<const Snapshot> snapshot);
Relation guided_scan(Snapshot snapshot);
/// The table as a commit of these on top of the snapshot would leave it.
Relation scan_after(Snapshot before, const std::vector<Remove>& removes,
                    const std::vector<Add>& adds);

/// DuckDB's SELECT of it. Its database must be attached.
std::string duck_sql(const Relation& relation);

}  // namespace windrow::lake
