#include <algorithm>

#include "sources/files/records.h"

namespace windrow::sources {

Records parquet_records(const std::vector<FoundFile>& files, const project::Source& source,
                        engine::Session& session) {
  using duck::quote_name;
  if (!source.raw.empty()) {
    throw Error(Code::configuration,
                "\"raw\" is for records of JSON; \"" + source.name + "\" reads Parquet", "",
                source.place);
  }
  const std::string reader = "read_parquet(" + path_list(files) +
                             ", union_by_name = true, hive_partitioning = false, filename = "
                             "'windrow filename')";
  const auto columns = session.describe("SELECT * EXCLUDE (\"windrow filename\") FROM " + reader);
  std::vector<std::string> names;
  bool clash = false;
  for (const auto& column : columns) {
    names.push_back(column.name);
    clash = clash || column.name == "filename";
  }
  Records out;
  const std::string inner =
      "SELECT * EXCLUDE (\"windrow filename\")" +
      (clash ? "" : ", " + name_sql(files, "\"windrow filename\"") + " AS filename") + " FROM " +
      reader;
  const auto footers = session.query("SELECT file_name, num_rows FROM parquet_file_metadata(" +
                                     path_list(files) + ")");
  for (const auto& row : footers.rows) {
    const auto file = std::find_if(files.begin(), files.end(), [&](const auto& each) {
      return each.path == duck::text_of(row[0]);
    });
    if (file != files.end()) out.held[file->name] = {std::get<int64_t>(row[1]), 0};
  }
  out.rows_by_origin = rows_by_file(files, reader, "\"windrow filename\"");
  out.sql = "SELECT " + typed_columns(source, columns) + " FROM (" + inner + ") AS record";
  return out;
}

}  // namespace windrow::sources
