#include "base/nearest.h"
#include "base/text.h"
#include "project/declarations/files.h"
#include "project/names.h"
#include "project/source.h"
#include "sql/parameters.h"

namespace windrow::project {
namespace {

/// `from:` of a source.
struct From {
  std::string kind;
  Value written;
  std::any own;
};

Type<From> from_type(const Kinds& kinds) {
  Type<From> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = "mapping";
  out.shape.expected = "a mapping such as {files: \"data/*.json\"}";
  for (const auto& kind : kinds.sources) out.shape.parts.push_back(kind.from.shape);
  out.read = [&kinds, expected = out.shape.expected](const Node& node, Reading& reading,
                                                     From& from) {
    if (node.kind != Node::Kind::map || node.entries.empty()) {
      reading.expected(node, expected);
      return false;
    }
    const Node& first = node.entries.front().key;
    if (const auto* kind = kinds.source(first.text)) {
      from.kind = kind->name;
      kind->from.read(node, reading, from.own);
      from.written = reading.settings(node);
      return true;
    }
    std::vector<std::string> names;
    for (const auto& kind : kinds.sources) names.push_back(kind.name);
    std::string hint = did_you_mean(first.text, names);
    if (hint.empty()) hint = "the first key says the kind: " + listed(names, " or ");
    reading.problem(first, "unknown kind of source " + in_quotes(first.text), hint);
    return false;
  };
  return out;
}

/// What a record's expressions may ask for is known before any record is read.
void check_parameters(const ColumnDeclaration& column, const Source& source, const SourceKind& kind,
                      Reading& reading) {
  for (const auto& [name, at] : sql::parameters_in(column.value)) {
    const std::string asked = lower(name);
    const bool of_files = asked == "file" || asked == "line";
    if (asked == "extracted_at" || (of_files && kind.in_files)) continue;
    const std::string column_name = "column " + in_quotes(column.name) + ": ";
    if (of_files) {
      reading.problems.add(Code::configuration,
                           column_name + "$" + asked + " is of records in files, and " +
                               in_quotes(source.name) + " reads from " + kind.name,
                           kind.origin, column.value_place);
    } else {
      reading.problems.add(Code::configuration, column_name + "unknown parameter $" + name,
                           kind.in_files ? "a value may ask for $extracted_at, $file and $line"
                                         : "a value may ask for $extracted_at",
                           column.value_place);
    }
  }
}

struct Flush {
  int rows = 0;
  uint64_t bytes = 0;
  Duration every{};
};
struct Files {
  std::string name, folder, compression;
};

}  // namespace

Keys<Source> source_file(const Kinds& kinds) {
  const auto flush =
      Keys<Flush>("flush")
          .optional("rows", &Flush::rows, integer_type(1), "100000", "So many rows make a commit.")
          .optional("every", &Flush::every, duration_type(), "60s",
                    "A commit is made after so long, where anything came.")
          .optional("bytes", &Flush::bytes, size_type(), "64MB",
                    "So many bytes of messages make a commit.")
          .type();
  const auto files =
      Keys<Files>("files")
          .optional("name", &Files::name, text_type(), "`part-{id}`",
                    "How files are called: `{utc}`, `{utc:%Y%m%d_%H%M%S}`, `{n}` (counts the "
                    "commits of a process), `{id}`; without `{id}` a short id is added.")
          .optional("folder", &Files::folder, text_type(), "",
                    "A folder in the table's, above those of partitions; the same patterns.")
          .optional("compression", &Files::compression, word_type({"snappy", "zstd"}), "snappy",
                    "How Parquet files are compressed.")
          .type();
  Keys<Source> keys("source");
  keys.bound(true, "source", table_name_type(), "", "The table that the rows come into.",
             [](Source& source, std::string&& name, const Node& node, Reading& reading) {
               source.name = std::move(name);
               source.place = reading.place(node);
             })
      .bound(true, "from", from_type(kinds), "",
             "Where the rows come from; the first key says the kind.",
             [](Source& source, From&& from, const Node&, Reading&) {
               source.kind = std::move(from.kind);
               source.from = std::move(from.written);
               source.own = std::move(from.own);
             })
      .include(common_keys(), &Source::common)
      .optional("format", &Source::format,
                word_type({"json", "csv", "parquet", "avro", "excel", "text", "bytes"}),
                "by the file's ending",
                "The format of the records: of files json (arrays and lines), csv, parquet, avro, "
                "excel, or text by a pattern or by positions; of Kafka messages json, csv, avro "
                "and bytes.")
      .optional("raw", &Source::raw, text_type(), "",
                "The column that keeps each record's text as it came.")
      .optional("columns", &Source::columns, columns_type(true), "all fields, types inferred",
                "The table's columns.")
      .optional("checks", &Source::checks, list_type(check_type(false)), "",
                "Checks of the whole table.")
      .optional("on_new_column", &Source::on_new_column,
                word_type({"add", "ignore", "reject", "stop"}), "add",
                "What happens when records have a field that the table has not: a column more, "
                "nothing, the record is set aside (of files: an error), an error.")
      .optional("on_bad_value", &Source::on_bad_value, word_type({"reject", "null", "stop"}),
                "reject",
                "Of streams: what happens to a record with a value that its column does not take: "
                "it is set aside, the value is NULL, an error.")
      .optional("explode", &Source::explode, text_type(), "",
                "Of streams: a list in each record, such as `participants` or `info.participants`: "
                "one row for each of its elements.")
      .optional("partition_by", &Source::partition_by, partition_by_type(), "",
                "Columns whose values lie in folders of their own, each with a SQL expression or "
                "as it is.")
      .optional("retention_column", &Source::retention_column, text_type(), "what partitions say",
                "The time column that the layer's retention counts by.")
      .optional("ingest", &Source::ingest, word_type({"run", "always"}), "run",
                "Of streams: who reads it. Runs alone, up to what is there when they begin; or "
                "always, `windrow serve` for as long as it lives.")
      .optional("flush", &Source::flush, kept_type(flush), "",
                "When a stream's rows are committed: whichever comes first.")
      .optional("files", &Source::files, kept_type(files), "", "Of streams: names of the files.")
      .then([&kinds](const Node&, Reading& reading, Source& source) {
        const auto* kind = kinds.source(source.kind);
        if (!kind) return;
        if (kind->settle) kind->settle(source);
        for (const auto& column : source.columns) check_parameters(column, source, *kind, reading);
      });
  return keys;
}

}  // namespace windrow::project
