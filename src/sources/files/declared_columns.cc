#include "sources/files/declared_columns.h"

#include <strings.h>

#include <algorithm>

#include "base/error.h"
#include "duck/quoting.h"
#include "sources/files/kind.h"

namespace windrow::sources {

namespace {

std::vector<const project::ColumnDeclaration*> missing(const project::Source& source,
                                                       const std::vector<std::string>& columns) {
  std::vector<const project::ColumnDeclaration*> out;
  for (const auto& declared : source.columns) {
    if (!declared.value.empty() || same_name(declared.name, source.raw)) continue;
    const bool there = std::any_of(columns.begin(), columns.end(), [&](const auto& column) {
      return same_name(column, declared.name);
    });
    if (!there) out.push_back(&declared);
  }
  return out;
}

}  // namespace

bool same_name(const std::string& one, const std::string& other) {
  return one.size() == other.size() && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

void check_columns(const project::Source& source, const std::string& file,
                   const std::vector<std::string>& columns, std::vector<std::string>& warnings) {
  if (columns.empty()) return;
  const auto lacks = missing(source, columns);
  if (lacks.empty()) return;
  std::string names;
  for (const auto* column : lacks)
    names += (names.empty() ? "" : ", ") + ("\"" + column->name + "\"");
  const std::string what = (lacks.size() == 1 ? "no column " : "no columns ") + names;
  const auto& rule = project::own_or_default<FilesFrom>(source).missing_column;
  if (rule == "null") {
    warnings.push_back("\"" + file + "\" has " + what + ": NULL in its rows");
    return;
  }
  const char* hint =
      "it is declared without a value, so it is expected in each file; `missing_column: null` "
      "under "
      "`from` takes files without it";
  if (rule == "fail")
    throw Error(Code::data,
                "file \"" + file + "\" has " + what + ", which \"" + source.name + "\" declares",
                hint, lacks[0]->place);
  throw Error(Code::corrupt, "it has " + what + ", which \"" + source.name + "\" declares", hint,
              lacks[0]->place);
}

std::string missing_columns(const project::Source& source,
                            const std::vector<std::string>& columns) {
  std::string out;
  for (const auto* column : missing(source, columns))
    out += ", NULL::" + (column->type.empty() ? std::string("VARCHAR") : column->type) + " AS " +
           duck::quote_name(column->name);
  return out;
}

}  // namespace windrow::sources
