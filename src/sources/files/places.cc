#include "sources/files/places.h"

#include "base/text.h"
#include "duck/quoting.h"
#include "sources/files/csv_file.h"
#include "sources/files/records.h"
#include "sql/parameters.h"

namespace windrow::sources {

using duck::quote_name;

PlacesAsked places_asked(const project::Source& source) {
  PlacesAsked out;
  for (const auto& column : source.columns) {
    for (const auto& [name, at] : sql::parameters_in(column.value)) {
      out.file = out.file || lower(name) == "file";
      out.line = out.line || lower(name) == "line";
    }
  }
  return out;
}

std::string over_record(const std::string& expression) {
  std::string out;
  size_t from = 0;
  for (const auto& [name, at] : sql::parameters_in(expression)) {
    const std::string asked = lower(name);
    if (asked != "file" && asked != "line") continue;
    out += expression.substr(from, at - from) +
           quote_name(asked == "file" ? kFileColumn : kLineColumn);
    from = at + 1 + name.size();
  }
  return out + expression.substr(from);
}

std::string file_column(const project::Source& source, const std::vector<FoundFile>& files,
                        const std::string& path) {
  if (!places_asked(source).file) return {};
  return ", " + listed_sql(files, path) + " AS " + quote_name(kFileColumn);
}

std::string line_column(const project::Source& source) {
  return places_asked(source).line ? ", " + quote_name(kLineColumn) : std::string();
}

void check_places(const project::Source& source) {
  if (!places_asked(source).line || CsvWish(source).counted) return;
  for (const auto& column : source.columns) {
    for (const auto& [name, at] : sql::parameters_in(column.value)) {
      if (lower(name) != "line") continue;
      throw Error(Code::configuration,
                  "column \"" + column.name +
                      "\": $line is of records that are told apart by the "
                      "rules of CSV, and \"" +
                      source.name + "\" says `strict: false`",
                  "take one of the two out", column.value_place);
    }
  }
}

}  // namespace windrow::sources
