#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "publish/store_kind.h"

namespace windrow::publish {

/// One column of a delivery.
struct ReportField {
  std::string name;    ///< as the receiver calls it
  std::string column;  ///< of the SELECT; empty: `name`
  std::string text;    ///< a constant, in place of a column
  int width = 0;       ///< fixed: in characters
  std::string align;   ///< left, right; empty: numbers right
  std::string pad;     ///< one character; empty: a blank
  std::string format;  ///< times: strftime; numbers: decimals such as `0.00`; whole numbers `00000`
  Place place;
};

/// `file` of a view: the form of a delivery.
struct ReportFormat {
  std::string format;  ///< csv, json, json_lines, fixed, xml, excel, parquet
  std::string name;    ///< pattern of the file's name
  std::string encoding = "utf-8", newline = "lf";
  std::string delimiter = ",", quote = "\"", null, decimal = ".";
  bool quote_all = false, columns = true;  ///< `columns`: a first line with their names
  bool cut = false;                        ///< fixed: what is too long is cut off, else refused
  std::string root = "rows", row = "row", sheet = "data";
  std::vector<std::string> header, trailer;  ///< lines with placeholders
  std::vector<ReportField> fields;           ///< empty: every column
  std::string checksum;                      ///< sha256: a file beside; empty: none
  std::string control_name;                  ///< a control file beside, written last; empty: none
  std::vector<std::string> control;
  Place place;
};

/// Of a view that has one.
const ReportFormat& report_format(const project::PublishedView& view);

/// Deliveries below a folder or URI.
std::unique_ptr<Store> file_store(const std::string& path, storage::FileSystem& files,
                                  const Clock& clock);
StoreKind files_kind();

}  // namespace windrow::publish
