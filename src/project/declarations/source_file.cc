#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/names.h"

namespace windrow::project {
namespace {

/// `from:` of one kind; what it holds stays a Value.
struct Settings {};
using From = Keys<Settings>;

template <class M>
void setting(From& from, bool required, const std::string& key, Type<M> type,
             std::string default_value, std::string sentence) {
  from.bound(required, key, std::move(type), std::move(default_value), std::move(sentence),
             [](Settings&, M&&, const Node&, Reading&) {});
}

void record_bytes_max(From& from) {
  setting(from, false, "record_bytes_max", size_type(), "64MB",
          "A longer record is set aside, with its beginning.");
}

struct Kind {
  std::string name;
  From keys;
};

/// Keys of the parts are held by the source itself, when it is opened.
From rest_keys() {
  From rest("rest");
  setting(rest, true, "rest", text_type(), "", "The connection (type rest), or the server's URL.");
  setting(rest, true, "resources", mapping_type("mapping of resource to path or mapping"), "",
          "What is asked for: name → path, or a mapping with path, params, records, primary_key, "
          "total, paginate, missing, conditional, incremental.");
  setting(rest, false, "every", duration_type(), "each run",
          "Asks again only where the last complete extraction began so long ago.");
  setting(rest, false, "passes", integer_type(1), "3",
          "A list that moved while it was read, or fell short, is read at most so often.");
  setting(rest, false, "incomplete", word_type({"warn", "fail"}), "warn",
          "What becomes of a list that stays shorter than the server promised.");
  setting(rest, false, "keep", word_type({"records", "responses"}), "records",
          "A row is a record, or a whole response.");
  record_bytes_max(rest);
  return rest;
}

std::vector<Kind> make_kinds() {
  std::vector<Kind> kinds;
  From files("files");
  setting(files, true, "files", one_or_list_type(text_type()), "",
          "A path or a glob, relative to the project, on `s3://` or `hdfs://`; or an http(s) URL. "
          "Also several.");
  setting(files, false, "changed", word_type({"append", "ignore", "error"}), "append",
          "What becomes of a file that has changed since it was read: its rows come again, it is "
          "passed over, or "
          "it is an error.");
  setting(files, false, "batch_files", integer_type(1), "500",
          "At most so many files in one commit.");
  setting(files, false, "corrupt", word_type({"set_aside", "fail"}), "set_aside",
          "What becomes of a file that cannot be read at all.");
  setting(
      files, false, "missing_column", word_type({"null", "set_aside", "fail"}), "set_aside",
      "Of csv, parquet, avro and excel: what becomes of a file without a column that is declared "
      "and has no `value`: its rows have NULL there, the file is set aside, or the run stops.");
  setting(files, false, "unpacked_bytes_max", size_type(), "1 GiB, or 200 times its size",
          "Of one file, where it is packed or converted (gzip, Zstandard, Avro, Excel): a longer "
          "one is set aside.");
  setting(
      files, false, "csv", mapping_type(), "found by looking at each file",
      "Of CSV: delimiter, quote, escape, header, names, skip, nulls, comment, decimal, encoding, "
      "date_format, timestamp_format, strict.");
  setting(files, false, "pattern", text_type(), "",
          "Of text: a regular expression with named groups, which become columns; `common` and "
          "`combined` are the logs of web servers.");
  setting(files, false, "fixed", mapping_type("mapping of column to positions"), "",
          "Of text: the positions of each column, such as `{id: 1-8, name: 9-40}`.");
  setting(files, false, "nulls", text_type(), "empty, `-` in logs",
          "Of text: what stands for NULL.");
  setting(files, false, "skip", integer_type(0), "0",
          "Of text and excel: so many lines or rows come before the first.");
  setting(files, false, "sheet", text_type(), "the first", "Of excel: the sheet.");
  record_bytes_max(files);
  kinds.push_back({"files", files});

  From kafka("kafka");
  setting(kafka, true, "kafka", text_type(), "", "The connection.");
  setting(kafka, true, "topic", one_or_list_type(text_type()), "", "The topic, or several.");
  setting(kafka, false, "group", text_type(), "windrow-PROJECT",
          "The consumer group: copies of `ingest` share the partitions in it, lag monitors see it. "
          "What it has committed decides nothing.");
  setting(kafka, false, "start", anything_type("`earliest`, `latest`, a time, or offsets"),
          "earliest",
          "Where a partition begins that the table knows nothing of: `earliest`, `latest`, a time, "
          "or `{PARTITION: OFFSET}` (others: earliest).");
  setting(kafka, false, "lost", word_type({"stop", "skip"}), "stop",
          "What happens where the topic's retention has removed messages before they were read.");
  setting(kafka, false, "assignment", word_type({"cooperative", "eager"}), "cooperative",
          "How partitions are dealt out among copies.");
  record_bytes_max(kafka);
  kinds.push_back({"kafka", kafka});

  kinds.push_back({"rest", rest_keys()});

  From database("database");
  setting(database, true, "database", text_type(), "", "The connection: postgres or sqlite.");
  setting(database, false, "table", text_type(), "",
          "The table, with its schema where it needs one.");
  setting(database, false, "query", text_type(), "", "A SELECT instead of a table.");
  setting(database, false, "mode", word_type({"append", "replace"}), "append",
          "Without a cursor: each reading's rows come beside the former ones, or instead of them.");
  setting(database, false, "cursor", text_type(), "none: everything is read",
          "A column that grows: only rows behind its last value are read.");
  setting(database, false, "overlap", scalar_type(), "none",
          "With a cursor: so far before the last value is read again; a duration or a number.");
  setting(database, false, "chunk", integer_type(1), "500000",
          "With a cursor: about so many rows in one commit.");
  setting(database, false, "every", duration_type(), "each run",
          "Reads again only where the last reading began so long ago.");
  kinds.push_back({"database", database});

  From sse("sse");
  setting(sse, true, "sse", text_type(), "", "The connection (type rest), or the stream's URL.");
  setting(sse, false, "path", text_type(), "", "The stream's path on the connection.");
  setting(sse, false, "events", one_or_list_type(text_type()), "all",
          "Types of events that are kept.");
  setting(sse, false, "for", duration_type(), "1m", "A run listens at most so long.");
  setting(sse, false, "idle", duration_type(), "5s", "A run ends where nothing comes for so long.");
  record_bytes_max(sse);
  kinds.push_back({"sse", sse});
  return kinds;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = make_kinds();
  return all;
}

Value* at(Value& map, std::string_view key) {
  auto* entries = std::get_if<Value::Map>(&map.data);
  if (!entries) return nullptr;
  for (auto& [name, value] : *entries)
    if (name.value == key) return &value;
  return nullptr;
}

/// What is put into a path is percent-encoded, as in a whole URL.
void encode_path(const Node* written, Value* path, Reading& reading) {
  if (!written || !path || written->text.find("${") == std::string::npos) return;
  const std::string host = written->text.starts_with('/') ? "http://h" : "http://h/";
  Node whole = *written;
  whole.text = host + written->text;
  if (auto text = reading.text(whole, "a path")) path->data = text->substr(host.size());
}

/// Paths of a REST source's resources, and of an event stream.
void encode_paths(const Node& node, Value& from, Reading& reading) {
  encode_path(node.find("path"), at(from, "path"), reading);
  const Node* resources = node.find("resources");
  Value* all = at(from, "resources");
  if (!resources || !all) return;
  for (const auto& [key, written] : resources->entries) {
    Value* resource = at(*all, key.text);
    if (written.kind == Node::Kind::scalar)
      encode_path(&written, resource, reading);
    else if (resource)
      encode_path(written.find("path"), at(*resource, "path"), reading);
  }
}

Type<Value> from_type() {
  Type<Value> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = "mapping";
  out.shape.expected = "a mapping such as {files: \"data/*.json\"}";
  for (const auto& kind : kinds()) out.shape.parts.push_back(kind.keys.type().shape);
  out.read = [expected = out.shape.expected](const Node& node, Reading& reading, Value& value) {
    if (node.kind != Node::Kind::map || node.entries.empty()) {
      reading.expected(node, expected);
      return false;
    }
    const Node& first = node.entries.front().key;
    for (const auto& kind : kinds()) {
      if (kind.name != first.text) continue;
      Settings settings;
      kind.keys.read(node, reading, settings);
      const size_t wrong = reading.problems.all().size();
      value = reading.settings(node);
      if (reading.problems.all().size() == wrong) encode_paths(node, value, reading);
      return true;
    }
    std::vector<std::string> names;
    for (const auto& kind : kinds()) names.push_back(kind.name);
    std::string hint = did_you_mean(first.text, names);
    reading.problem(
        first, "unknown kind of source " + in_quotes(first.text),
        hint.empty() ? "the first key says the kind: files, kafka, rest, database or sse" : hint);
    return false;
  };
  return out;
}

struct Flush {
  int rows = 0;
  uint64_t bytes = 0;
  Duration every{};
};
struct Files {
  std::string name, folder, compression;
};

Keys<Source> make() {
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
      .bound(true, "from", from_type(), "",
             "Where the rows come from; the first key says the kind.",
             [](Source& source, Value&& from, const Node&, Reading&) {
               source.kind = std::get<Value::Map>(from.data).front().first.value;
               source.from = std::move(from);
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
      .optional("flush", &Source::flush, kept_type(flush), "",
                "When a stream's rows are committed: whichever comes first.")
      .optional("files", &Source::files, kept_type(files), "", "Of streams: names of the files.")
      .then([](const Node&, Reading&, Source& source) {
        if (source.kind != "rest" && source.kind != "sse") return;
        if (source.raw.empty()) source.raw = "raw";
        if (source.partition_by.empty()) {
          source.partition_by = {
              {"extracted_date", "CAST(extracted_at AT TIME ZONE 'UTC' AS DATE)"},
              {"extracted_hour", "hour(extracted_at AT TIME ZONE 'UTC')"}};
        }
      });
  return keys;
}

}  // namespace

const Keys<Source>& source_file() {
  static const Keys<Source> keys = make();
  return keys;
}

}  // namespace windrow::project
