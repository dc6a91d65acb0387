#include "lake/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "base/id.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "duck/vectors.h"
#include "lake/action_json.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/table.h"

// DuckDB reads and writes the Parquet. Between it and us the actions travel as the JSON lines that
// commits are made of, so there is one reader and one writer of actions; only adds, of which there
// may be many, are read column by column. Checkpoints of other
// writers may lack columns and fields, or have more: only what is there and known is selected.

namespace windrow::lake {
namespace {

/// The columns of a checkpoint with the fields that are read and written, as DuckDB types.
struct ActionColumn {
  std::string_view name;
  std::string_view type;
};
#define WINDROW_VECTOR                                                                      \
  "deletionVector STRUCT(storageType VARCHAR, pathOrInlineDv VARCHAR, \"offset\" INTEGER, " \
  "sizeInBytes INTEGER, cardinality BIGINT), "
#define WINDROW_ROW_IDS "baseRowId BIGINT, defaultRowCommitVersion BIGINT"
constexpr ActionColumn kColumns[] = {
    {"protocol",
     "STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], "
     "writerFeatures VARCHAR[])"},
    {"metaData",
     "STRUCT(id VARCHAR, \"name\" VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, "
     "options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, partitionColumns VARCHAR[], "
     "configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)"},
    {"txn", "STRUCT(appId VARCHAR, \"version\" BIGINT, lastUpdated BIGINT)"},
    {"domainMetadata", "STRUCT(\"domain\" VARCHAR, configuration VARCHAR, removed BOOLEAN)"},
    {"add",
     "STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime "
     "BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR), " WINDROW_VECTOR
         WINDROW_ROW_IDS ", clusteringProvider VARCHAR)"},
    {"remove",
     "STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata "
     "BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, " WINDROW_VECTOR WINDROW_ROW_IDS
     ")"},
    {"checkpointMetadata", "STRUCT(\"version\" BIGINT)"},
    {"sidecar", "STRUCT(path VARCHAR, sizeInBytes BIGINT, modificationTime BIGINT)"},
};
#undef WINDROW_VECTOR
#undef WINDROW_ROW_IDS

/// `{'add': {'path': "add".path, …}}` over the fields that this file has.
std::string action_json_sql(const std::string& name, const Type& known,
                            const std::vector<std::string>& there) {
  std::string fields;
  const auto has = [&](std::string_view field) {
    return std::find(there.begin(), there.end(), field) != there.end();
  };
  const auto put = [&](const std::string& key, const std::string& from) {
    fields += (fields.empty() ? "" : ", ") + duck::quote_name(key) + " := struct_extract(" +
              duck::quote_name(name) + ", " + duck::quote_text(from) + ")";
  };
  for (const auto& field : known.fields) {
    if (has(field.name)) {
      put(field.name, field.name);
    }
  }
  return "to_json(struct_pack(" + duck::quote_name(name) + " := struct_pack(" + fields + ")))";
}

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// One line of JSON per action that is not an add.
std::string lines_sql(const std::string& scan, const std::vector<Column>& columns) {
  std::string cases;
  for (const auto& [name, type] : kColumns) {
    if (name == "add") continue;
    const auto there =
        std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
    if (there == columns.end()) continue;
    const std::string quoted = duck::quote_name(name);
    cases += " WHEN " + quoted + " IS NOT NULL THEN " +
             action_json_sql(std::string(name), type_from_duck(name, type),
                             struct_field_names(there->type));
  }
  if (cases.empty()) return {};
  const auto add = std::find_if(columns.begin(), columns.end(),
                                [](const auto& column) { return column.name == "add"; });
  const bool paths = add != columns.end() && has_name(struct_field_names(add->type), "path");
  return "SELECT line FROM (SELECT CAST(CASE" + cases + " END AS VARCHAR) AS line FROM " + scan +
         (paths ? " WHERE \"add\".path IS NULL" : "") + ") WHERE line IS NOT NULL";
}

/// As the log has them: names in files.
std::vector<std::string> partition_names(const Metadata& metadata) {
  const Schema schema = schema_of(metadata);
  std::vector<std::string> out;
  for (const auto& name : metadata.partition_columns) {
    const Field* field = schema.find(name);
    out.push_back(field == nullptr ? name : field->in_files());
  }
  return out;
}

/// Adds are many: their columns are read as they are, without JSON between.
void read_adds(const std::string& scan, const std::vector<Column>& columns,
               duck::Connection& connection, ActionReader& reader, std::string_view where,
               Commit& out) {
  const auto add = std::find_if(columns.begin(), columns.end(),
                                [](const auto& column) { return column.name == "add"; });
  if (add == columns.end()) return;
  const auto fields = struct_field_names(add->type);
  const auto field = [&](std::string_view name, const std::string& type) {
    const bool there = std::find(fields.begin(), fields.end(), name) != fields.end();
    return there ? "CAST(\"add\"." + duck::quote_name(name) + " AS " + type + ")"
                 : "CAST(NULL AS " + type + ")";
  };
  const auto json = [&](std::string_view name) {
    const bool there = std::find(fields.begin(), fields.end(), name) != fields.end();
    const std::string value = "\"add\"." + duck::quote_name(name);
    return there ? "CASE WHEN " + value + " IS NOT NULL THEN CAST(to_json(" + value +
                       ") AS VARCHAR) END"
                 : std::string("CAST(NULL AS VARCHAR)");
  };
  // delta.checkpoint.writeStatsAsJson = false leaves the parsed form alone.
  std::string stats = field("stats", "VARCHAR");
  if (std::find(fields.begin(), fields.end(), "stats_parsed") != fields.end())
    stats = "coalesce(" + stats + ", " + json("stats_parsed") + ")";
  // Partition values are a map; the metadata, which came before, says what its keys are.
  std::vector<std::string> partitions;
  std::string values;
  for (const auto& name : out.metadata ? partition_names(*out.metadata) : partitions) {
    partitions.push_back(name);
    values += ", \"add\".partitionValues[" + duck::quote_text(name) + "]";
  }
  const auto count = connection.value("SELECT count(*) FROM " + scan);
  out.adds.reserve(out.adds.size() + size_t(std::get<int64_t>(count)));
  enum { kPath, kSize, kModified, kStats, kTags, kVector, kRowId, kRowVersion, kProvider, kValues };
  const std::string select =
      "SELECT " + field("path", "VARCHAR") + ", " + field("size", "BIGINT") + ", " +
      field("modificationTime", "BIGINT") + ", " + stats + ", " + json("tags") + ", " +
      json("deletionVector") + ", " + field("baseRowId", "BIGINT") + ", " +
      field("defaultRowCommitVersion", "BIGINT") + ", " + field("clusteringProvider", "VARCHAR") +
      values + " FROM " + scan + " WHERE \"add\" IS NOT NULL";
  const auto take = [&](size_t rows, const std::vector<duck::Vector>& vectors) {
    const auto text = [&](size_t column, size_t row) {
      return vectors[column].null(row) ? std::string_view() : vectors[column].text(row);
    };
    const auto integer = [&](size_t column, size_t row) -> std::optional<int64_t> {
      if (vectors[column].null(row)) return {};
      return vectors[column].at<int64_t>(row);
    };
    for (size_t row = 0; row < rows; ++row) {
      if (vectors[kPath].null(row))
        throw Error(Code::corrupt, std::string(where) + " has a file without a path");
      Add& file = out.adds.emplace_back();
      file.path = vectors[kPath].text(row);
      for (size_t i = 0; i < partitions.size(); ++i) {
        // An empty text and null mean the same (PROTOCOL.md, "Partition Value Serialization").
        const std::string_view value = text(kValues + i, row);
        file.partition_values[partitions[i]] =
            value.empty() ? std::nullopt : std::optional<std::string>(value);
      }
      file.size = integer(kSize, row).value_or(0);
      file.modification_time = integer(kModified, row).value_or(0);
      file.data_change = false;
      file.stats = text(kStats, row);
      file.tags = text(kTags, row);
      if (!vectors[kVector].null(row))
        file.deletion_vector = reader.deletion_vector(std::string(text(kVector, row)), where);
      file.base_row_id = integer(kRowId, row);
      file.default_row_commit_version = integer(kRowVersion, row);
      file.clustering_provider = text(kProvider, row);
    }
    return true;
  };
  duck::stream_vectors(connection, select, take);
}

/// Two files in the system's folder for temporary files: what DuckDB reads and what it writes.
class Scratch {
 public:
  Scratch() { std::filesystem::create_directories(folder_); }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string actions() const { return folder_ + "/actions.json"; }
  std::string parquet() const { return folder_ + "/checkpoint.parquet"; }

 private:
  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow-checkpoint-" + new_uuid())).string();
};

struct Written {
  int64_t actions = 0, adds = 0;
  size_t longest = 0;
};

/// `delta.deletedFileRetentionDuration` is written `interval 1 week`; what is not understood counts
/// as the default.
int64_t retention_ms(const Metadata& metadata) {
  constexpr int64_t kDay = 24 * 3600 * 1000;
  const auto found = metadata.configuration.find("delta.deletedFileRetentionDuration");
  if (found == metadata.configuration.end()) return 7 * kDay;
  std::string_view text = found->second;
  if (text.starts_with("interval ")) text.remove_prefix(9);
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit =
      error == std::errc() ? text.substr(size_t(end - text.data())) : std::string_view();
  if (unit.starts_with(" week")) return count * 7 * kDay;
  if (unit.starts_with(" day")) return count * kDay;
  if (unit.starts_with(" hour")) return count * kDay / 24;
  if (unit.starts_with(" minute")) return count * 60'000;
  return 7 * kDay;
}

/// `delta.checkpointPolicy` = v2
bool wants_v2(const Snapshot& snapshot) {
  const auto policy = snapshot.metadata.configuration.find("delta.checkpointPolicy");
  return policy != snapshot.metadata.configuration.end() && policy->second == "v2";
}

Written write_actions(const Snapshot& snapshot, Time now, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  Written written;
  const auto line = [&](const std::string& json) {
    out << json << '\n';
    ++written.actions;
    written.longest = std::max(written.longest, json.size());
  };
  if (wants_v2(snapshot))
    line("{\"checkpointMetadata\":{\"version\":" + std::to_string(snapshot.version) + "}}");
  line(to_json(snapshot.protocol));
  line(to_json(snapshot.metadata));
  for (const auto& [app, txn] : snapshot.txns) line(to_json(txn));
  for (const auto& [name, domain] : snapshot.domains) line(to_json(domain));
  const int64_t expired = micros(now) / 1000 - retention_ms(snapshot.metadata);
  for (const auto& tombstone : snapshot.tombstones) {
    if (tombstone.deletion_timestamp <= expired) continue;
    Remove remove = tombstone;
    remove.data_change = false;
    line(to_json(remove));
  }
  for (const auto& file : snapshot.files) {
    Add add = file;
    add.data_change = false;
    line(to_json(add));
    ++written.adds;
  }
  out.close();
  if (!out) throw system_error(errno, "write", path);
  return written;
}

/// Columns that nothing of the table needs are left out: older readers never have to pass over
/// them.
std::vector<ActionColumn> columns_for(const Snapshot& snapshot) {
  std::vector<ActionColumn> out;
  for (const auto& column : kColumns) {
    if (column.name == "sidecar") continue;
    if (column.name == "domainMetadata" && snapshot.domains.empty()) continue;
    if (column.name == "checkpointMetadata" && !wants_v2(snapshot)) continue;
    out.push_back(column);
  }
  return out;
}

std::string copy_sql(const Scratch& scratch, const Written& written, const Snapshot& snapshot) {
  std::string columns, list;
  for (const auto& [name, type] : columns_for(snapshot)) {
    columns +=
        (columns.empty() ? "" : ", ") + duck::quote_text(name) + ": " + duck::quote_text(type);
    list += (list.empty() ? "" : ", ") + duck::quote_name(name);
  }
  // One thread reads lines of any length in order; the buffer has to hold the longest.
  return "COPY (SELECT " + list + " FROM read_json(" + duck::quote_text(scratch.actions()) +
         ", format = 'newline_delimited', maximum_object_size = " +
         std::to_string(std::max<size_t>(written.longest + 1024, 16 << 20)) + ", columns = {" +
         columns + "})) TO " + duck::quote_text(scratch.parquet()) +
         " (FORMAT parquet, COMPRESSION snappy)";
}

}  // namespace

namespace {

std::string scan_of(const std::vector<std::string>& paths) {
  return "read_parquet(" + duck::quote_list(paths) +
         ", union_by_name = true, hive_partitioning = false)";
}

/// What does not read is told as a broken checkpoint.
template <typename Work>
void reading_checkpoint(const std::string& where, Work work) {
  try {
    work();
  } catch (const SqlError& error) {
    if (error.kind() == "Out of Memory" || retryable(error.code()) ||
        error.code() == Code::permission) {
      throw;
    }
    throw Error(Code::corrupt, where + " does not read: " + error.problem().message);
  }
}

void read_parquet_actions(const std::vector<std::string>& paths, duck::Connection& connection,
                          ActionReader& reader, Commit& out) {
  const std::string where = "checkpoint \"" + paths.front() + "\"";
  const std::string scan = scan_of(paths);
  reading_checkpoint(where, [&] {
    const auto columns = connection.describe("SELECT * FROM " + scan);
    if (const std::string lines = lines_sql(scan, columns); !lines.empty()) {
      for (const auto& row : connection.query(lines).rows)
        reader.read(std::get<std::string>(row.at(0)), out, where);
    }
    read_adds(scan, columns, connection, reader, where, out);
  });
}

}  // namespace

Commit read_checkpoint(storage::FileSystem& files, const CheckpointFiles& checkpoint,
                       duck::Connection& connection) {
  Commit out;
  ActionReader reader;
  const std::string& first = checkpoint.paths.front();
  if (first.ends_with(".json")) {
    out = commit_from_json(files.read(first), checkpoint.version, "\"" + first + "\"");
  } else {
    read_parquet_actions(checkpoint.paths, connection, reader, out);
  }
  out.version = checkpoint.version;
  if (out.sidecars.empty()) return out;
  std::vector<std::string> paths;
  for (const auto& name : out.sidecars) {
    const std::string path = uri_decoded(name);
    if (path.find('/') != std::string::npos)
      throw Error(Code::corrupt,
                  "\"" + first + "\" names a sidecar outside of its folder: " + path);
    paths.push_back(first.substr(0, first.find_last_of('/')) + "/_sidecars/" + path);
  }
  read_parquet_actions(paths, connection, reader, out);
  return out;
}

Commit read_checkpoint_head(const CheckpointFiles& checkpoint, duck::Connection& connection) {
  Commit out;
  if (checkpoint.paths.front().ends_with(".json")) return out;
  const std::string where = "checkpoint \"" + checkpoint.paths.front() + "\"";
  reading_checkpoint(where, [&] {
    // Not described before, which would open the files once more: both columns are always there.
    const auto lines = connection.query(
        "SELECT CAST(CASE WHEN protocol IS NOT NULL THEN to_json(struct_pack(protocol := "
        "protocol)) "
        "ELSE to_json(struct_pack(\"metaData\" := \"metaData\")) END AS VARCHAR) FROM " +
        scan_of(checkpoint.paths) + " WHERE protocol IS NOT NULL OR \"metaData\" IS NOT NULL");
    ActionReader reader;
    for (const auto& row : lines.rows) reader.read(std::get<std::string>(row.at(0)), out, where);
  });
  return out;
}

void write_checkpoint(storage::FileSystem& files, const Snapshot& snapshot, Time now,
                      duck::Connection& connection) {
  const Scratch scratch;
  const Written written = write_actions(snapshot, now, scratch.actions());
  connection.execute(copy_sql(scratch, written, snapshot));
  const std::string bytes = storage::local_file_system()->read(scratch.parquet());
  const std::string folder = log_folder(snapshot.table_path) + "/";
  files.put(folder + version_text(snapshot.version) + ".checkpoint.parquet", bytes);

  JsonWriter hint;
  hint.begin_object().field("version", snapshot.version).field("size", written.actions);
  hint.field("sizeInBytes", bytes.size()).field("numOfAddFiles", written.adds).end_object();
  files.put(folder + "_last_checkpoint", hint.text());
}

bool checkpoint_due(int64_t version, const Metadata& metadata) {
  int64_t interval = 10;
  if (const auto found = metadata.configuration.find("delta.checkpointInterval");
      found != metadata.configuration.end()) {
    int64_t set = 0;
    const auto& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), set);
    if (error == std::errc() && end == text.data() + text.size() && set > 0) interval = set;
  }
  return version > 0 && version % interval == 0;
}

}  // namespace windrow::lake
