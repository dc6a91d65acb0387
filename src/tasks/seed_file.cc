#include "tasks/seed_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "duck/quoting.h"
#include "project/names.h"
#include "sources/files/found_file.h"
#include "sources/files/kind.h"
#include "sources/source_kind.h"

namespace windrow::tasks {

namespace {

using duck::quote_name;
using duck::quote_text;

constexpr const char* kLine = "windrow line";

/// The file alone, whatever its path has that globs mean something by.
std::string csv_of(const project::Seed& seed, const std::string& more) {
  return "read_csv(" + quote_text(sources::escape_glob(seed.path)) + more + ")";
}

/// A declared file begins with the names of its columns: where all are texts that cannot be seen.
const char* header_of(const project::Seed& seed) {
  return seed.declared_in.empty() ? "" : ", header = true";
}

/// All of it is looked at: a column of moments would have NULL for what is none.
constexpr const char* kWhole = ", sample_size = -1";

std::string texts_of(const std::vector<SeedColumn>& columns) {
  std::string out;
  for (const auto& each : columns) {
    if (each.declared)
      out += (out.empty() ? "" : ", ") + quote_text(each.column.name) + ": 'VARCHAR'";
  }
  return out.empty() ? out : ", types = {" + out + "}";
}

bool is_whole(const std::string& type) {
  for (const char* name : {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
                           "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"})
    if (type == name) return true;
  return false;
}

/// Digits behind the point that the type keeps; nothing where it is no number of fixed ones.
std::optional<int> scale_of(const std::string& type) {
  if (is_whole(type)) return 0;
  const size_t comma = type.find(',');
  if (!type.starts_with("DECIMAL(") || comma == std::string::npos) return {};
  return std::stoi(type.substr(comma + 1));
}

/// What DuckDB casts without a word and makes another value of.
std::string loss_of(const std::string& text, const std::string& type) {
  const std::string cast = "TRY_CAST(" + text + " AS " + type + ")";
  if (const auto scale = scale_of(type)) {
    const std::string power = "contains(lower(" + text + "), 'e')";
    return fmt::format(
        "(NOT {0} AND regexp_matches({1}, '\\.[0-9]{{{2}}}[0-9]*[1-9]')) OR ({0} AND "
        "TRY_CAST({1} AS DOUBLE) <> CAST({3} AS DOUBLE))",
        power, text, *scale, cast);
  }
  if (type == "DATE")
    return "TRY_CAST(" + text + " AS TIMESTAMP) <> CAST(" + cast + " AS TIMESTAMP)";
  if (type == "TIMESTAMP")  // an offset would be passed over
    return "regexp_matches(" + text + ", ':[0-9.]+ ?[+-][0-9]{1,2}(:?[0-9]{2})?\\s*$')";
  return "false";
}

std::string misfit_of(const SeedColumn& each, const std::string& type) {
  const std::string text = quote_name(each.column.name);
  return text + " IS NOT NULL AND (TRY_CAST(" + text + " AS " + type + ") IS NULL OR " +
         loss_of(text, type) + ")";
}

/// The type's name as DuckDB writes it.
std::string type_in_full(const project::ColumnDeclaration& declared, lake::RowWork& rows) {
  try {
    return rows.describe("SELECT CAST(NULL AS " + declared.type + ")").at(0).type;
  } catch (const Error& error) {
    Problem problem = error.problem();
    problem.code = Code::configuration;
    problem.place = declared.place;
    throw Error(std::move(problem));
  }
}

/// The rows once more, as texts behind the lines in which they begin, by the reader of sources,
/// which knows those.
class NumberedRows {
 public:
  NumberedRows(const Context& context, const project::Seed& seed,
               const std::vector<SeedColumn>& columns, lake::DuckRows& rows, Cancel& cancel) {
    source_.name = seed.name;
    source_.kind = "files";
    source_.format = "csv";
    sources::FilesFrom from;
    from.files = {sources::escape_glob(seed.path)};
    project::Value header;
    header.data = true;
    from.csv.data = project::Value::Map{{project::Text{"header", {}, {}}, header}};
    source_.own = std::move(from);
    for (const auto& each : columns) declare(each.column.name, "VARCHAR", "");
    declare(kLine, "BIGINT", "$line");
    const sources::Context outside{
        context.project, context.project.root, context.choices.now, &context.files,
        &cancel,         context.shared};
    reader_ = context.sources->of(source_).open(source_, outside);
    batch_ = reader_->next({}, rows);
  }
  NumberedRows(const NumberedRows&) = delete;
  NumberedRows& operator=(const NumberedRows&) = delete;

  /// Nothing where it finds no row.
  const std::optional<sources::Batch>& batch() const { return batch_; }

 private:
  void declare(const std::string& name, const char* type, const char* value) {
    project::ColumnDeclaration column;
    column.name = name;
    column.type = type;
    column.value = value;
    source_.columns.push_back(std::move(column));
  }

  project::Source source_;
  std::unique_ptr<sources::Reader> reader_;
  std::optional<sources::Batch> batch_;
};

/// A line for each of the misfits that SELECTs of line, name and text find among the file's rows.
struct Told {
  std::string lines;
  int64_t count = 0;
  Place first;
};

Told told(const project::Seed& seed, const std::vector<SeedColumn>& columns,
          const std::string& misfits, const sources::Batch& batch, lake::RowWork& rows) {
  Told out;
  const auto found = rows.query(
      fmt::format("WITH found AS ({}) SELECT line, name, text FROM ({}) ORDER BY line, name "
                  "LIMIT {}",
                  batch.select, misfits, kMisfitsTold),
      batch.parameters);
  for (const auto& row : found.rows) {
    const auto each = std::find_if(columns.begin(), columns.end(), [&](const SeedColumn& column) {
      return column.column.name == cell_text(row[1]);
    });
    const auto& type = each->declared->type;
    const std::string text = cell_text(row[2]);
    const Cell kept =
        rows.value("SELECT CAST(TRY_CAST(" + quote_text(text) + " AS " + type + ") AS VARCHAR)");
    const bool none = std::holds_alternative<std::monostate>(kept);
    out.lines +=
        fmt::format("\n  line {}, column \"{}\": {} {}", cell_text(row[0]), cell_text(row[1]),
                    project::in_quotes(text),
                    none ? "is no " + type : "would become " + cell_text(kept) + " as " + type);
    if (out.count++ == 0) out.first = {seed.file, int(std::get<int64_t>(row[0])), 0};
  }
  return out;
}

}  // namespace

std::vector<SeedColumn> columns_of(const project::Seed& seed, lake::RowWork& rows,
                                   Problems& problems) {
  std::vector<SeedColumn> out;
  if (seed.declared_in.empty()) {
    for (auto& column : rows.describe("SELECT * FROM " + csv_of(seed, kWhole)))
      out.push_back({std::move(column)});
    return out;
  }
  std::vector<std::string> names;
  for (const auto& column :
       rows.describe("SELECT * FROM " + csv_of(seed, ", header = true, all_varchar = true"))) {
    names.push_back(column.name);
    out.push_back({column});
  }
  for (const auto& declared : seed.columns) {
    const auto found = std::find_if(out.begin(), out.end(), [&](const SeedColumn& each) {
      return each.column.name == declared.name;
    });
    if (found == out.end()) {
      std::string hint = did_you_mean(declared.name, names);
      if (hint.empty()) hint = fmt::format("its columns: {}", fmt::join(names, ", "));
      problems.add(Code::configuration,
                   fmt::format("\"{}\" has no column \"{}\"", seed.file, declared.name), hint,
                   declared.place);
    } else if (!declared.type.empty()) {
      found->declared = &declared;
    }
  }
  const auto typed = rows.describe("SELECT * FROM " + seed_relation(seed, out));
  for (size_t i = 0; i < out.size() && i < typed.size(); ++i) out[i].column = typed[i];
  return out;
}

std::string seed_relation(const project::Seed& seed, const std::vector<SeedColumn>& columns) {
  return csv_of(seed, header_of(seed) + std::string(kWhole) + texts_of(columns));
}

void check_values(const Context& context, const project::Seed& seed,
                  const std::vector<SeedColumn>& columns, lake::DuckRows& rows, Cancel& cancel) {
  std::string counts, list;
  for (const auto& each : columns) {
    if (!each.declared) continue;
    const std::string misfit = misfit_of(each, type_in_full(*each.declared, rows));
    const std::string name = quote_name(each.column.name);
    counts += (counts.empty() ? "" : " + ") + ("count(*) FILTER (" + misfit + ")");
    list += (list.empty() ? "" : " UNION ALL ") +
            fmt::format(
                "SELECT {} AS line, {} AS name, CAST({} AS VARCHAR) AS text FROM found "
                "WHERE {}",
                quote_name(kLine), quote_text(each.column.name), name, misfit);
  }
  if (counts.empty()) return;
  const auto sum =
      rows.value("SELECT CAST(" + counts + " AS BIGINT) FROM " + seed_relation(seed, columns));
  const int64_t misfits = std::get<int64_t>(sum);
  if (misfits == 0) return;
  const NumberedRows lines(context, seed, columns, rows, cancel);
  Told found;
  if (lines.batch()) found = told(seed, columns, list, *lines.batch(), rows);
  const int64_t more = misfits - found.count;
  if (found.count > 0 && more > 0) found.lines += fmt::format("\n  and {} more", more);
  if (!found.first.known()) found.first = {seed.file, 0, 0};
  throw Error(Code::data,
              fmt::format("{} of \"{}\" {} not what \"{}\" declares{}",
                          misfits == 1 ? "a value" : fmt::format("{} values", misfits), seed.file,
                          misfits == 1 ? "is" : "are", seed.declared_in, found.lines),
              "correct " + std::string(misfits == 1 ? "it, or the type" : "them, or the types") +
                  "; the table stays as it is",
              found.first);
}

}  // namespace windrow::tasks
