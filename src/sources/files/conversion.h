#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Private to sources/files: formats that are turned into JSON lines before they are read. What is
/// held in memory is bounded, whatever the file says of itself: a few hundred bytes of it can ask
/// for gigabytes.
namespace windrow::sources {

/// Column → DuckDB's type, for columns whose type the file itself knows.
using ColumnTypes = std::map<std::string, std::string>;

struct Converted {
  ColumnTypes types;
  std::vector<std::string> columns;  ///< all of them; empty: they are not told
};

struct ConversionBounds {
  uint64_t record_bytes = 64 << 20;   ///< of a record, of a block of records, of a row of cells
  uint64_t unpacked_bytes = 1 << 30;  ///< of all that is unpacked, and of all that is written
  uint64_t texts_bytes = 256 << 20;   ///< of a workbook's shared texts, which lie in memory
  size_t columns = 4096;              ///< each takes memory, be there values in it or not
};

/// An Avro object container file (Avro 1.11, "Object Container Files"): codecs null, deflate,
/// snappy and zstandard is refused by name. Its n-th record is on the n-th line. Error(corrupt)
/// where it is broken anywhere.
Converted avro_to_json_lines(const std::string& from, const std::string& to,
                             const ConversionBounds& bounds);

/// The cells of one sheet of an Excel workbook (Office Open XML, .xlsx); its first row with cells
/// names the columns. `sheet` empty: the first one. `rows_as_lines`: a row is on the line of its
/// number in the sheet, lines of other rows are blank.
Converted xlsx_to_json_lines(const std::string& from, const std::string& to,
                             const std::string& sheet, int64_t skip, const ConversionBounds& bounds,
                             bool rows_as_lines = false);

}  // namespace windrow::sources
