#include <algorithm>

#include "base/text.h"
#include "duck/guided_parquet.h"
#include "duck/quoting.h"
#include "sources/files/places.h"
#include "sources/files/records.h"

// An INT96 is a moment, by the custom of those who write it: the type has no zone, and DuckDB reads
// it as TIMESTAMP. Files that have some are read with their names (`moments` of
// duck::kGuidedParquet), each set of files with the same ones apart.

namespace windrow::sources {
namespace {

using duck::quote_name;

/// An element of a file's schema.
struct Element {
  std::string name, type, kind;  ///< kind: LIST, MAP, …
  bool repeated = false;
  int64_t children = 0;
};

/// The shape of a schema around its INT96s, as a type of DuckDB's.
class Int96 {
 public:
  explicit Int96(const std::vector<Element>& elements) : elements_(elements) {}

  /// Empty where there is none.
  std::string columns() { return elements_.empty() ? std::string() : group(elements_[at_++]); }

 private:
  std::string next() {
    if (at_ >= elements_.size()) return {};
    const Element& element = elements_[at_++];
    std::string type = !element.type.empty() ? leaf(element) : nested(element);
    return element.repeated ? list_of(type) : type;
  }

  static std::string leaf(const Element& element) {
    return element.type == "INT96" ? "TIMESTAMP WITH TIME ZONE" : "";
  }
  static std::string list_of(const std::string& type) { return type.empty() ? type : type + "[]"; }

  std::string group(const Element& element) {
    std::string fields;
    for (int64_t i = 0; i < element.children && at_ < elements_.size(); ++i) {
      const std::string name = elements_[at_].name, type = next();
      if (!type.empty()) fields += (fields.empty() ? "" : ", ") + quote_name(name) + " " + type;
    }
    return fields.empty() ? fields : "STRUCT(" + fields + ")";
  }

  std::string nested(const Element& element) {
    const bool around = element.children == 1 && at_ < elements_.size() && elements_[at_].repeated;
    if (!around || (element.kind != "LIST" && element.kind != "MAP")) return group(element);
    const Element& inner = elements_[at_];
    if (element.kind == "MAP" && inner.children == 2) {
      ++at_;
      // What the other one of the two is does not matter: it is left as it is.
      const auto key = next(), value = next();
      const auto or_any = [](const std::string& type) { return type.empty() ? "BIGINT" : type; };
      return key.empty() && value.empty() ? "" : "MAP(" + or_any(key) + ", " + or_any(value) + ")";
    }
    if (inner.children == 1) {  // list { element }
      ++at_;
      return list_of(next());
    }
    return next();  // a list of what is repeated
  }

  const std::vector<Element>& elements_;
  size_t at_ = 0;
};

/// By path, of those files that have an INT96: what to say of their columns.
std::map<std::string, std::string> moments_of(const std::vector<FoundFile>& files,
                                              lake::DuckRows& session) {
  std::map<std::string, std::vector<Element>> schemas;
  const std::string schema = "parquet_schema(" + path_list(files) + ")";
  for (const auto& row :
       session
           .query("SELECT file_name, name, coalesce(type, ''), coalesce(converted_type, "
                  "regexp_extract(upper(logical_type), '^(LIST|MAP)TYPE', 1), ''), "
                  "coalesce(repetition_type = 'REPEATED', false), coalesce(num_children, 0) FROM " +
                  schema + " WHERE file_name IN (SELECT file_name FROM " + schema +
                  " WHERE type = 'INT96') ORDER BY file_name, column_id")
           .rows) {
    auto kind = cell_text(row[3]);
    if (kind == "MAP_KEY_VALUE") kind = "MAP";
    schemas[cell_text(row[0])].push_back({cell_text(row[1]), cell_text(row[2]), kind,
                                          std::get<bool>(row[4]), std::get<int64_t>(row[5])});
  }
  std::map<std::string, std::string> out;
  for (const auto& [path, elements] : schemas) out.emplace(path, Int96(elements).columns());
  return out;
}

constexpr const char* kOptions =
    ", union_by_name = true, hive_partitioning = false, filename = 'windrow filename'";

/// The reader's own column of a row's number in its file, from 0; one of the files' own hides it.
constexpr const char* kRowNumber = "file_row_number";

std::string numbered(const std::string& reader) {
  return std::string("(SELECT *, ") + kRowNumber + " + 1 AS " + quote_name(kLineColumn) + " FROM " +
         reader + ")";
}

void check_numbered(const std::vector<Column>& columns, const project::Source& source) {
  for (const auto& column : columns) {
    if (lower(column.name) != kRowNumber) continue;
    throw Error(Code::unsupported,
                "\"" + source.name + "\" asks for $line, and its files have a column \"" +
                    column.name + "\", which hides the number of the row",
                "take $line out", source.place);
  }
}

/// All rows with the columns of all files, and `windrow filename`; with `windrow line` where it is
/// asked for.
std::string relation(const std::vector<FoundFile>& files, const project::Source& source,
                     lake::DuckRows& session) {
  const bool lines = places_asked(source).line;
  const std::string reader = "read_parquet(" + path_list(files) + kOptions + ")";
  const std::string plain = lines ? numbered(reader) : reader;
  const auto columns = session.describe("SELECT * FROM " + reader);
  if (lines) check_numbered(columns, source);
  if (std::none_of(columns.begin(), columns.end(), [](const auto& column) {
        return column.type.find("TIMESTAMP") != std::string::npos;
      }))
    return plain;
  const auto moments = moments_of(files, session);
  if (moments.empty()) return plain;
  std::vector<std::pair<std::string, std::vector<FoundFile>>> groups;
  for (const auto& file : files) {
    const auto found = moments.find(file.path);
    const std::string type = found == moments.end() ? "" : found->second;
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& each) { return each.first == type; });
    if (group == groups.end()) group = groups.insert(groups.end(), {type, {}});
    group->second.push_back(file);
  }
  std::string out;
  for (const auto& [type, of] : groups) {
    const std::string guided = duck::kGuidedParquet + ("(" + path_list(of)) + kOptions +
                               (type.empty() ? "" : ", moments = " + duck::quote_text(type)) + ")";
    out += (out.empty() ? "(" : " UNION ALL BY NAME ") + std::string("SELECT * FROM ") +
           (lines ? numbered(guided) : guided);
  }
  return out + ")";
}

std::string without_zones(std::string type) {
  const std::string zone = " WITH TIME ZONE";
  for (size_t at; (at = type.find(zone)) != std::string::npos;) type.erase(at, zone.size());
  return type;
}

/// A time that is a moment in the file and local in the table, or the other way round, becomes
/// what the table has.
std::string with_zones_of(const KnownTypes& known, const std::vector<Column>& columns) {
  std::string casts;
  for (const auto& column : columns) {
    const auto found = known.find(column.name);
    if (found == known.end() || found->second == column.type ||
        without_zones(found->second) != without_zones(column.type))
      continue;
    const std::string name = quote_name(column.name);
    casts +=
        (casts.empty() ? "" : ", ") + ("CAST(" + name + " AS " + found->second) + ") AS " + name;
  }
  return casts.empty() ? casts : " REPLACE (" + casts + ")";
}

}  // namespace

Records parquet_records(const std::vector<FoundFile>& files, const project::Source& source,
                        lake::DuckRows& session, const KnownTypes& known) {
  if (!source.raw.empty()) {
    throw Error(Code::configuration,
                "\"raw\" is for records of JSON; \"" + source.name + "\" reads Parquet", "",
                source.place);
  }
  const std::string reader = relation(files, source, session);
  const std::string own = "SELECT * EXCLUDE (\"windrow filename\"" + line_column(source) + ")";
  const auto columns = session.describe(own + " FROM " + reader);
  std::vector<std::string> names;
  bool clash = false;
  for (const auto& column : columns) {
    names.push_back(column.name);
    clash = clash || column.name == "filename";
  }
  Records out;
  const std::string inner =
      "SELECT * EXCLUDE (\"windrow filename\")" + with_zones_of(known, columns) +
      (clash ? "" : ", " + name_sql(files, "\"windrow filename\"") + " AS filename") +
      file_column(source, files, "\"windrow filename\"") + " FROM " + reader;
  const auto footers = session.query("SELECT file_name, num_rows FROM parquet_file_metadata(" +
                                     path_list(files) + ")");
  for (const auto& row : footers.rows) {
    const auto file = std::find_if(files.begin(), files.end(), [&](const auto& each) {
      return each.path == cell_text(row[0]);
    });
    if (file != files.end()) out.held[file->name] = {std::get<int64_t>(row[1]), 0};
  }
  out.rows_by_origin = rows_by_file(files, reader, "\"windrow filename\"");
  out.sql = "SELECT " + typed_columns(source, columns) + " FROM (" + inner + ") AS record";
  return out;
}

}  // namespace windrow::sources
