#pragma once

#include <map>
#include <string>

/// Private to sources/files: formats that are turned into JSON lines before they are read.
namespace windrow::sources {

/// Column → DuckDB's type, for columns whose type the file itself knows.
using ColumnTypes = std::map<std::string, std::string>;

/// An Avro object container file (Avro 1.11, "Object Container Files"): codecs null, deflate,
/// snappy and zstandard is refused by name. Error(corrupt) where it is broken anywhere.
ColumnTypes avro_to_json_lines(const std::string& from, const std::string& to);

/// The cells of one sheet of an Excel workbook (Office Open XML, .xlsx); its first row with cells
/// names the columns. `sheet` empty: the first one.
ColumnTypes xlsx_to_json_lines(const std::string& from, const std::string& to,
                               const std::string& sheet, int64_t skip);

}  // namespace windrow::sources
