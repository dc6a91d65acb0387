#pragma once

#include <string>
#include <vector>

#include "duck/duck.h"
#include "engine/engine.h"
#include "project/project.h"
#include "sources/files/found_file.h"

/// Private to sources/files: the rows of a few files, looked at and ready to be read.
namespace windrow::sources {

struct Records {
  std::string sql;  ///< SELECT of the good rows in the table's columns (without partition columns);
                    ///< empty: no columns
  std::string rejected;  ///< SELECT origin, position, error, content; empty where every row is good
};

/// `position` of JSON counts records, blank lines left out; of a broken array it counts lines that
/// are not blank. Of CSV it is the line.
Records json_records(const std::vector<FoundFile>& files, const project::Source& source,
                     engine::Session& session);
Records csv_records(const std::vector<FoundFile>& files, const project::Source& source,
                    engine::Session& session);

/// `['/a.json', …]` for DuckDB's readers.
std::string path_list(const std::vector<FoundFile>& files);
/// SQL that turns DuckDB's `filename` (or another column of paths) into the file's name.
std::string name_sql(const std::vector<FoundFile>& files, const std::string& path = "filename");
/// A name for a temporary table that no other batch has.
std::string fresh_name(const std::string& what);

}  // namespace windrow::sources
