#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "app/kinds.h"
#include "app/work.h"
#include "base/clock.h"
#include "base/text.h"
#include "duck/quoting.h"
#include "lake/row_work.h"
#include "project/names.h"
#include "sources/files/kind.h"

/// A look at files that no source reads yet: what their rows are, and the source that would read
/// them.
namespace windrow::app {

namespace {

using duck::quote_name;

/// `data/orders-2025-*.csv.gz` → `orders`
std::string name_from(const std::string& place) {
  std::string path = place.substr(0, place.find_first_of("?#"));
  if (place.find("://") == std::string::npos) path = place;
  const auto parts = std::filesystem::path(path);
  for (auto part = parts.end(); part != parts.begin();) {
    std::string word = (--part)->string();
    word.resize(std::min(word.find_first_of("*?[.0123456789"), word.size()));
    std::string out;
    for (const char c : word) {
      const bool good = std::isalnum(static_cast<unsigned char>(c));
      if (good) out += char(std::tolower(static_cast<unsigned char>(c)));
      if (!good && !out.empty() && out.back() != '_') out += '_';
    }
    while (!out.empty() && out.back() == '_') out.pop_back();
    if (!out.empty()) return out;
  }
  return "data";
}

/// A text as YAML reads it back.
std::string yaml_text(const std::string& text) {
  static const std::set<std::string> odd = {"y",   "n",    "yes",   "no",  "on",
                                            "off", "true", "false", "null"};
  const bool plain = !text.empty() &&
                     text.find_first_not_of(
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "_0123456789") == std::string::npos &&
                     !std::isdigit(static_cast<unsigned char>(text[0])) &&
                     !odd.contains(lower(text));
  if (plain) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", int(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// As a source declares it. Nested types have names of fields in them, whose letters stay as they
/// are.
std::string declared_type(const std::string& type) {
  const bool nested = type.find('(') != std::string::npos && !type.starts_with("DECIMAL(");
  if (type == "TIMESTAMP WITH TIME ZONE") return "timestamptz";
  return nested ? type : lower(type);
}

/// What the texts of a column all stand for; empty: texts. Written again they must be what they
/// were: a code with a leading zero is no number.
struct Guess {
  const char* type;
  const char* holds;  ///< SQL over {}
};
constexpr Guess kGuesses[] = {
    {"bigint", "CAST(try_cast({0} AS BIGINT) AS VARCHAR) = {0}"},
    {"double",
     "try_cast({0} AS DOUBLE) IS NOT NULL AND regexp_full_match({0}, "
     "'-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?')"},
    {"boolean", "{0} IN ('true', 'false')"},
    {"date", "CAST(try_cast({0} AS DATE) AS VARCHAR) = {0}"},
    {"timestamp",
     "try_cast({0} AS TIMESTAMP) IS NOT NULL AND regexp_full_match({0}, "
     "'[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9.]+)?')"},
    {"timestamptz",
     "try_cast({0} AS TIMESTAMPTZ) IS NOT NULL AND regexp_full_match({0}, "
     "'[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9.]+)?(Z|[+-]["
     "0-9]{{2}}(:?[0-9]{{2}})?)')"}};

int64_t whole(const Cell& cell) {
  const auto* number = std::get_if<int64_t>(&cell);
  return number ? *number : 0;
}

/// Filled cells, an example of each column, and better types for texts.
void look_at_columns(lake::RowWork& session, const std::string& rows, const Parameters& parameters,
                     TriedSource& out) {
  std::string list = "count(*)";
  for (const auto& column : out.columns) {
    const std::string name = quote_name(column.name);
    list += ", count(" + name + "), left(CAST(any_value(" + name + ") AS VARCHAR), 200)";
    if (column.type != "varchar") continue;
    for (const auto& guess : kGuesses)
      list += ", count(*) FILTER (" + fmt::format(fmt::runtime(guess.holds), name) + ")";
  }
  const auto found = session.query("SELECT " + list + " FROM (\n" + rows + "\n)", parameters);
  const auto& row = found.rows.at(0);
  size_t at = 0;
  out.rows = whole(row[at++]);
  for (auto& column : out.columns) {
    column.filled = whole(row[at++]);
    column.example = std::holds_alternative<std::monostate>(row[at]) ? "" : cell_text(row[at]);
    ++at;
    if (column.type != "varchar") continue;
    for (const auto& guess : kGuesses) {
      if (whole(row[at++]) == column.filled && column.filled > 0 && column.type == "varchar")
        column.type = guess.type;
    }
  }
}

std::string yaml_of(const TriedSource& tried, const std::string& place, const std::string& format) {
  std::string out = "source: " + tried.name + "\nfrom: {files: " + yaml_text(place) + "}\n";
  if (!format.empty()) out += "format: " + format + "\n";
  if (tried.columns.empty()) return out;
  out += "columns:\n";
  for (const auto& column : tried.columns)
    out += "  " + yaml_text(column.name) + ": " + yaml_text(column.type) + "\n";
  return out;
}

}  // namespace

TriedSource Work::try_source(const TryOptions& options) {
  TriedSource out;
  out.name = options.name;
  if (out.name.empty()) {
    const auto& layers = project_.layers;
    const bool bronze =
        layers.empty() ||
        std::any_of(layers.begin(), layers.end(), [](const auto& l) { return l.name == "bronze"; });
    out.name = (bronze ? "bronze" : layers[0].name) + "." + name_from(options.place);
  }
  if (!project::is_table_name(out.name)) {
    throw Error(Code::usage, "\"" + out.name + "\" is no name of a table",
                "LAYER.TABLE, such as bronze.orders");
  }
  out.file = "sources/" + out.name.substr(out.name.find('.') + 1) + ".yaml";
  if (options.fresh && (project_.source(out.name) != nullptr ||
                        std::filesystem::exists(std::filesystem::path(project_.root) / out.file))) {
    throw Error(Code::usage,
                "there is a source \"" + out.name + "\", or a file " + out.file + ", already",
                "--name LAYER.TABLE calls it otherwise; nothing was written");
  }
  project::Source source;
  source.name = out.name;
  source.kind = "files";
  source.format = options.format;
  sources::FilesFrom from;
  from.files = {options.place};
  source.own = from;
  const auto session = inside().open_inside({}, cancel_, {}, nullptr);
  const auto open = [&] {
    return sources::files_reader(
        source, {project_, project_.root, clock_.now(), files_, &cancel_, &shared_});
  };
  auto reader = open();
  auto batch = reader->next({}, *session);
  if (!batch) {
    throw Error(Code::not_found, "\"" + options.place + "\": there is no row in it",
                "a glob stands in quotes, so that the shell does not take it apart");
  }
  out.what = batch->what;
  for (const auto& column : session->describe(batch->select, batch->parameters))
    out.columns.push_back({column.name, declared_type(column.type), 0, ""});
  look_at_columns(*session, batch->select, batch->parameters, out);
  if (!batch->rejected_select.empty()) {
    const auto rejected = session->query(
        "SELECT count(*), first(origin || ', record ' || position || ': ' || error) FROM (\n" +
            batch->rejected_select + "\n)",
        batch->parameters);
    out.set_aside = whole(rejected.rows.at(0).at(0));
    if (out.set_aside > 0) out.fault = cell_text(rejected.rows.at(0).at(1));
  }
  // Once more as the file will say it: what a type does not fit would be set aside.
  for (const auto& column : out.columns) {
    project::ColumnDeclaration declared;
    declared.name = column.name;
    declared.type = column.type;
    source.columns.push_back(std::move(declared));
  }
  reader = open();
  batch = reader->next({}, *session);
  const int64_t rows =
      batch ? whole(session->value("SELECT count(*) FROM (\n" + batch->select + "\n)",
                                   batch->parameters))
            : 0;
  if (rows != out.rows) {
    throw Error(Code::conflict,
                fmt::format("\"{}\": there were {} rows, and then {} of the types that were found",
                            options.place, out.rows, rows),
                "it changes while it is looked at: try again, or look at a copy");
  }
  out.yaml = yaml_of(out, options.place, options.format);
  return out;
}

}  // namespace windrow::app
