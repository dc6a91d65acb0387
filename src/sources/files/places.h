#pragma once

#include <string>
#include <vector>

#include "project/source.h"
#include "sources/files/found_file.h"

/// Private to sources/files: `$file` and `$line` of `value:` expressions, which say where a record
/// begins. They are columns of the record, there only where an expression asks for them: a line
/// costs a copy of the file in which each record lies behind its number.
namespace windrow::sources {

inline constexpr const char* kFileColumn = "windrow file";
inline constexpr const char* kLineColumn = "windrow line";

/// What the `value:` expressions of a source ask for.
struct PlacesAsked {
  bool file = false, line = false;
};
PlacesAsked places_asked(const project::Source& source);

/// A `value:` expression over a record that has the columns which it asks for.
std::string over_record(const std::string& expression);

/// `, … AS "windrow file"` over a relation with a column of paths; empty where it is not asked for.
std::string file_column(const project::Source& source, const std::vector<FoundFile>& files,
                        const std::string& path = "filename");
/// `, "windrow line"` of a relation that has it; empty where it is not asked for.
std::string line_column(const project::Source& source);

/// Error(configuration) where lines are asked for and the records cannot be told apart before they
/// are read.
void check_places(const project::Source& source);

}  // namespace windrow::sources
