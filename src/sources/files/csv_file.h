#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lake/row_work.h"
#include "project/source.h"
#include "sources/files/csv_scan.h"
#include "sources/files/file_bytes.h"
#include "sources/files/found_file.h"

/// Private to sources/files: a CSV file, looked at before the engine reads it.
namespace windrow::sources {

/// The engine's reader keeps each record that it cannot read in memory, some times over: of more
/// than so many bytes it is not shown them.
inline constexpr uint64_t kRejectsBytes = 4 << 20;

/// What a source says of its CSV.
struct CsvWish {
  explicit CsvWish(const project::Source& source);
  std::string dialect;  ///< `, delim = …`: arguments of the reader that say how records are told
  std::string rest;     ///< the other arguments
  std::string names;    ///< and of them the one that names the columns; empty: the files do
  std::string decimal;  ///< what stands for the point in numbers; empty: the point
  CsvDialect told;      ///< as far as it is told
  bool delimiter = false, quote = false, escape = false, comment = false, skip = false;
  bool header_told = false, header = false;
  bool utf8 = true;
  bool utf16 = false;   ///< the files: they are read as copies in UTF-8
  bool counted = true;  ///< not of lenient reading
  bool nulls = false;   ///< it is told what stands for NULL, which else an empty field does
};

/// What the engine's reader has found out of a file that has a line with its columns' names. Files
/// with the same first line are held against it: finding it out takes a hundred times as long as
/// reading a small file.
struct CsvShape {
  std::string origin;  ///< the file's name
  std::string first_line;
  CsvDialect dialect;
  std::vector<Column> columns;  ///< with the types that the file's values have; "": it has none
  std::string date_format, timestamp_format;  ///< empty: as SQL writes them
};
/// Those of a source's files, the newest last.
using CsvShapes = std::vector<std::shared_ptr<const CsvShape>>;

struct CsvFile {
  FoundFile found;
  FoundFile readable;     ///< the file, or a copy without what is bad in it
  std::string arguments;  ///< of the engine's reader
  CsvDialect dialect;
  CsvCount count;  ///< of the whole file; `formed`: by `FormsOf` its shape
  bool header = false;
  std::vector<std::string> columns;       ///< as far as they could be told
  std::shared_ptr<const CsvShape> shape;  ///< null: only the engine's reader knows its columns
  std::string bad;      ///< SELECT origin, position, error, content of what is set aside
  std::string lines;    ///< a CSV file (line, shift) that tells the reader's lines from the file's;
                        ///< empty: not written
  bool even = false;    ///< `readable` has no record of another number of columns,
  std::string misfits;  ///< and none of those whose numbers are in this file; empty: it has all
  int64_t records() const { return count.records - (header ? 1 : 0); }
};

/// What values of files of a shape look like, where nothing more is to be asked of them.
using FormsOf = std::function<std::vector<CsvForm>(const std::shared_ptr<const CsvShape>& shape)>;

/// Finds out the dialect, counts the records, and makes a copy without lines that are none.
/// Error(corrupt) where the first line is to name the columns and cannot be read. A new shape joins
/// `shapes`.
CsvFile look_at_csv(const FoundFile& file, const CsvWish& wish, const Outside& outside,
                    lake::DuckRows& session, CsvShapes& shapes, const FormsOf& forms);

/// The shape that a file has by itself, whatever others with its first line have; null where only
/// the engine's reader knows it. It joins `shapes`.
std::shared_ptr<const CsvShape> own_shape(const CsvFile& file, const CsvWish& wish,
                                          lake::DuckRows& session, CsvShapes& shapes);

/// Has the reader see a copy without records of another number of columns, and without those whose
/// values do not fit, of which `why` is told. `numbers` finds the latter: asked when there is a
/// copy without the former, it writes the numbers of records, the header being one, into a file, a
/// line each and in their order.
void leave_out_misfits(CsvFile& file, const CsvWish& wish, const Outside& outside,
                       const std::string& why,
                       const std::function<void(const std::string& path)>& numbers);

/// Before the number of a line, so that it is none of the texts that stand for NULL in a file.
inline constexpr std::string_view kLineMark = "windrow";

/// Has the reader see a copy of what it sees, each record behind the number of its line in the file
/// as one more column, the first. Nothing else can be asked of the file then.
void number_records(CsvFile& file, const CsvWish& wish, const Outside& outside);

/// What the reader finds of a file that has no shape, to read it without finding it out again.
/// `types`: an argument of the reader. Error(corrupt) where it cannot be told.
CsvShape shape_as_read(const CsvFile& file, const std::string& types, lake::DuckRows& session);

/// Writes `lines` where the reader counts other lines than the file has.
void tell_lines(CsvFile& file, const CsvWish& wish, const Outside& outside);

}  // namespace windrow::sources
