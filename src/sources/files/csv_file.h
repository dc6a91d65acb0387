#pragma once

#include <functional>
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
  std::string decimal;  ///< what stands for the point in numbers; empty: the point
  CsvDialect told;      ///< as far as it is told
  bool delimiter = false, quote = false, escape = false, comment = false, skip = false;
  bool header_told = false, header = false;
  bool utf8 = true;
  bool counted = true;  ///< not of lenient reading, nor of wide encodings
};

struct CsvFile {
  FoundFile found;
  FoundFile readable;     ///< the file, or a copy without what is bad in it
  std::string arguments;  ///< of the engine's reader
  CsvDialect dialect;
  CsvCount count;  ///< of the whole file
  bool header = false;
  std::vector<std::string> columns;  ///< as far as they could be told
  std::string bad;    ///< SELECT origin, position, error, content of what is set aside
  std::string lines;  ///< a CSV file (line, shift) that tells the reader's lines from the file's;
                      ///< empty: not written
  int64_t records() const { return count.records - (header ? 1 : 0); }
};

/// Finds out the dialect, counts the records, and makes a copy without lines that are none.
/// Error(corrupt) where the first line is to name the columns and cannot be read.
CsvFile look_at_csv(const FoundFile& file, const CsvWish& wish, const Outside& outside,
                    lake::DuckRows& session);

/// Has the reader see a copy without records of another number of columns, and without those whose
/// values do not fit, of which `why` is told. `numbers` finds the latter: asked when there is a
/// copy without the former, it writes the numbers of records, the header being one, into a file, a
/// line each and in their order.
void leave_out_misfits(CsvFile& file, const CsvWish& wish, const Outside& outside,
                       const std::string& why,
                       const std::function<void(const std::string& path)>& numbers);

/// Writes `lines` where the reader counts other lines than the file has.
void tell_lines(CsvFile& file, const CsvWish& wish, const Outside& outside);

}  // namespace windrow::sources
