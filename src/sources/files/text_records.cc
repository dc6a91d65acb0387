#include <algorithm>

#include "duck/quoting.h"
#include "sources/files/census.h"
#include "sources/files/json_columns.h"
#include "sources/files/kind.h"
#include "sources/files/places.h"
#include "sources/files/records.h"
#include "sources/settings.h"

/// Text files with a record a line: by a regular expression with named groups, or by the columns
/// that each field takes.
namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;

/// The formats that web servers write (Apache's and nginx's own names for them).
constexpr const char* kCommon =
    R"re(^(?P<host>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes>\d+|-))re";
constexpr const char* kCombined =
    R"re( "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")re";

struct Field {
  std::string name, sql, type;
};

/// Names of the groups that capture, in order; those without a name are not columns. The pattern
/// comes back without names, which the engine's matcher does not take beside a list of them.
std::vector<std::string> take_groups(std::string& pattern) {
  std::vector<std::string> names;
  std::string out;
  bool set = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      out += c;
      out += pattern[++i];
      continue;
    }
    if (c == '[') set = true;
    if (c == ']') set = false;
    out += c;
    if (c != '(' || set) continue;
    const bool plain = pattern.compare(i, 2, "(?") != 0;
    const size_t name = pattern.compare(i, 4, "(?P<") == 0  ? i + 4
                        : pattern.compare(i, 3, "(?<") == 0 ? i + 3
                                                            : std::string::npos;
    if (plain) {
      names.push_back({});
    } else if (name != std::string::npos) {
      const size_t end = std::min(pattern.find('>', name), pattern.size());
      names.push_back(pattern.substr(name, end - name));
      i = end;
    }
  }
  pattern = out;
  return names;
}

std::string declared_type(const project::Source& source, const std::string& name,
                          const std::string& otherwise) {
  for (const auto& column : source.columns) {
    if (column.name == name && column.value.empty() && !column.type.empty()) return column.type;
  }
  return otherwise;
}

struct Layout {
  std::vector<Field> fields;
  std::string good;   ///< SQL: the line has the form
  std::string extra;  ///< more columns of the line, for `fields`
  std::string wrong;  ///< words for a line that has not
};

Layout by_pattern(const project::Source& source, const FilesFrom& from) {
  std::string pattern = *from.pattern;
  const bool preset = pattern == "combined" || pattern == "common";
  if (preset) pattern = std::string(kCommon) + (pattern == "combined" ? kCombined : "");
  const std::string nothing = from.nulls.value_or(preset ? "-" : "");
  auto groups = take_groups(pattern);
  Layout out;
  std::vector<std::string> names;
  for (size_t i = 0; i < groups.size(); ++i)
    names.push_back(groups[i].empty() ? "windrow " + std::to_string(i) : groups[i]);
  for (const auto& name : groups) {
    if (name.empty()) continue;
    std::string value = "nullif(s." + quote_name(name) + ", " + quote_text(nothing) + ")";
    std::string type = declared_type(source, name, "VARCHAR");
    if (preset && name == "time") {
      value = "try_strptime(" + value + ", '%d/%b/%Y:%H:%M:%S %z')";
      type = declared_type(source, name, "TIMESTAMP WITH TIME ZONE");
    } else if (preset && (name == "status" || name == "bytes")) {
      type = declared_type(source, name, "BIGINT");
    }
    out.fields.push_back({name, value, type});
  }
  if (out.fields.empty()) {
    Settings(source.from)
        .wrong("pattern",
               "a regular expression with named groups such as (?P<host>\\S+), combined or common");
  }
  const std::string quoted = quote_text(pattern);
  out.good = "regexp_matches(raw, " + quoted + ")";
  out.extra = "regexp_extract(raw, " + quoted + ", " + duck::quote_list(names) + ") AS s";
  out.wrong = "the line does not match the pattern";
  return out;
}

Layout by_width(const project::Source& source, const FilesFrom& from) {
  const Settings written(source.from);
  Layout out;
  int64_t least = 0;
  for (const auto& [key, value] : std::get<project::Value::Map>(from.fixed.data)) {
    const std::string& name = key.value;
    const std::string range = value.text();
    const size_t dash = range.find('-');
    const int64_t first = std::strtoll(range.c_str(), nullptr, 10);
    const int64_t last =
        dash == std::string::npos ? first : std::strtoll(range.c_str() + dash + 1, nullptr, 10);
    if (first < 1 || last < first)
      written.wrong("fixed", "columns such as {id: 1-8}, counted from 1");
    out.fields.push_back({name,
                          "nullif(trim(substr(raw, " + std::to_string(first) + ", " +
                              std::to_string(last - first + 1) + ")), " +
                              quote_text(from.nulls.value_or("")) + ")",
                          declared_type(source, name, "VARCHAR")});
    least = std::max(least, first);
  }
  if (out.fields.empty()) written.wrong("fixed", "columns such as {id: 1-8}");
  out.good = "length(raw) >= " + std::to_string(least);
  out.extra = "NULL AS s";
  out.wrong = "the line is too short";
  return out;
}

}  // namespace

Records text_records(const std::vector<FoundFile>& all, const project::Source& source,
                     lake::DuckRows& session, const Outside& outside) {
  const auto& from = project::own_or_default<FilesFrom>(source);
  const bool fixed = !from.fixed.is_null();
  if (!from.pattern && !fixed) {
    throw Error(
        Code::configuration, "source \"" + source.name + "\" reads text and says not how",
        "say `pattern:` with a regular expression, or `fixed:` with the columns of each field",
        source.from.place);
  }
  const Layout layout = fixed ? by_width(source, from) : by_pattern(source, from);
  const int64_t skip = from.skip;
  const bool numbered = places_asked(source).line;
  Records out;
  const auto census = std::make_shared<Census>(outside, session, numbered);
  std::vector<FoundFile> files;
  uint64_t longest = 0;
  for (const auto& file : all) {
    const auto counted = census->text(file, skip);
    out.held[file.name] = {counted.records, counted.passed_over};
    longest = std::max(longest, counted.longest);
    files.push_back(counted.readable);
  }
  out.kept = census;
  out.rejected = census->rejected();
  const auto lines = [&](const std::vector<FoundFile>& of) {
    return "(SELECT raw, filename" + line_column(source) + ", " + layout.good + " AS good, " +
           layout.extra + " FROM " + text_lines(of, longest, numbered) + ")";
  };
  std::string select, misfit, types;
  std::vector<std::string> names;
  for (const auto& field : layout.fields) {
    const bool text = field.type == "VARCHAR";
    const std::string cast = text ? field.sql : "TRY_CAST(" + field.sql + " AS " + field.type + ")";
    select += ", " + cast + " AS " + quote_name(field.name);
    names.push_back(field.name);
    if (text) continue;
    misfit += (misfit.empty() ? "" : " OR ") + ("(" + field.sql + " IS NOT NULL AND " + cast) +
              " IS NULL)";
    types += (types.empty() ? "" : ", ") + field.name + " " + field.type;
  }
  const std::string bad =
      "(NOT good" + (misfit.empty() ? "" : " OR coalesce(" + misfit + ", false)") + ")";
  std::string record =
      "SELECT raw AS " + quote_name(source.raw.empty() ? "windrow raw" : source.raw);
  if (std::find(names.begin(), names.end(), "filename") == names.end())
    record += ", " + name_sql(files) + " AS filename";
  record += file_column(source, files) + line_column(source);
  out.sql = "SELECT " + table_columns(source, names) + " FROM (" + record + select + " FROM " +
            lines(files) + " WHERE NOT " + bad + ") AS record";
  out.rows_by_origin =
      rows_by_file(files, "(SELECT * FROM " + lines(files) + " WHERE NOT " + bad + ")");
  for (const auto& file : files) {
    const auto skipped = std::to_string(out.held[file.name].passed_over);
    out.misfits += (out.misfits.empty() ? "" : "\nUNION ALL\n") +
                   ("SELECT " + quote_text(file.name) + " AS origin, position + " + skipped +
                    " AS position, CASE WHEN NOT good THEN " + quote_text(layout.wrong) + " ELSE " +
                    quote_text("a value does not fit the type of its column (" + types + ")") +
                    " END AS error, raw AS content FROM (SELECT *, row_number() OVER () AS "
                    "position FROM " +
                    lines({file}) + ") WHERE " + bad);
  }
  out.misfits = census->with_all_positions(out.misfits);
  return out;
}

}  // namespace windrow::sources
