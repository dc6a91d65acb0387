#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rows.h"
#include "lake/row_work.h"
#include "project/source.h"
#include "sources/files/file_bytes.h"
#include "sources/files/found_file.h"
#include "sources/source.h"
#include "storage/file_system.h"

/// Private to sources/files: the rows of a few files, looked at and ready to be read.
namespace windrow::sources {

class Shapes;

struct Records {
  std::string sql;  ///< SELECT of the good rows in the table's columns (without partition columns);
                    ///< empty: no columns
  std::string rejected;  ///< SELECT origin, position, error, content; empty where every row is good
  /// As Batch::misfits_select, Batch::held and Batch::rows_by_origin; by the files' names.
  std::string misfits;
  std::map<std::string, Held> held;
  std::string rows_by_origin;
  std::shared_ptr<void> kept;  ///< what the SELECTs read lives as long as this
  std::vector<std::string> warnings;
};

struct CsvShape;  // csv_file.h
using CsvShapes = std::vector<std::shared_ptr<const CsvShape>>;

/// Types that are known before any record is looked at: column → DuckDB's name.
using KnownTypes = std::map<std::string, std::string>;

/// `position` of JSON counts records, blank lines left out; of a broken array it counts lines that
/// are not blank. Of CSV it is the line.
Records json_records(const std::vector<FoundFile>& files, const project::Source& source,
                     lake::DuckRows& session, const Outside& outside, const KnownTypes& known = {},
                     bool hopeful = false);
/// `hopeful`: nothing is looked for that is wrong; where something is, reading the rows fails.
/// `shapes`: of the files that were read before.
Records csv_records(const std::vector<FoundFile>& files, const project::Source& source,
                    lake::DuckRows& session, const Outside& outside, CsvShapes& shapes,
                    const KnownTypes& known = {}, bool hopeful = false);
/// Rows of JSON lines that are known to be good, in one reading; nothing where they are not of one
/// kind. `rejected`, `held` and the positions of `misfits` are the caller's. Throws Clash.
std::optional<Records> fast_json_records(const std::vector<FoundFile>& files, uint64_t longest,
                                         const project::Source& source, lake::DuckRows& session,
                                         const KnownTypes& known, const Shapes& shapes);
/// What `json_group_structure` says of these records together.
std::string structure_of_all(const std::vector<std::string>& texts, lake::DuckRows& session);
/// Words for a value that does not fit, with the types that are declared.
std::string misfit_words(const project::Source& source);
Records parquet_records(const std::vector<FoundFile>& files, const project::Source& source,
                        lake::DuckRows& session, const KnownTypes& known = {});
Records text_records(const std::vector<FoundFile>& files, const project::Source& source,
                     lake::DuckRows& session, const Outside& outside);

/// The lines of text files as they stand there, none of them blank: a relation with `raw` and
/// `filename`. `longest`: bytes of the longest one. `numbered`: each lies behind the number of its
/// line (Census), which is `windrow line`; `folded`: it may be a record of several lines.
std::string text_lines(const std::vector<FoundFile>& files, uint64_t longest, bool numbered,
                       bool folded = false);
/// `['/a.json', …]` for DuckDB's readers.
std::string path_list(const std::vector<FoundFile>& files);
/// SQL that turns DuckDB's `filename` (or another column of paths) into the file's name.
std::string name_sql(const std::vector<FoundFile>& files, const std::string& path = "filename");
/// The same, into the path or URI by which the file was listed.
std::string listed_sql(const std::vector<FoundFile>& files, const std::string& path);
/// SELECT of origin and rows over a relation with a column of paths.
std::string rows_by_file(const std::vector<FoundFile>& files, const std::string& relation,
                         const std::string& path = "filename");
/// A name for a temporary table that no other batch has.
std::string fresh_name(const std::string& what);
/// The select list of the table's columns over typed ones, each cast to what is declared.
std::string typed_columns(const project::Source& source, const std::vector<Column>& columns);

}  // namespace windrow::sources
