#include "lake/physical.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/id.h"
#include "duck/quoting.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/row_tracking.h"
#include "lake/schema_tag.h"
#include "lake/statistics.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

using Kind = Type::Kind;

bool renames(const Type& type) {
  return std::any_of(type.fields.begin(), type.fields.end(), [](const Field& field) {
    return field.in_files() != field.name || renames(field.type);
  });
}

enum class To { table, files };

/// `value` with the other names, level by level.
std::string renamed(const std::string& value, const Type& type, To to, int depth = 0) {
  if (!renames(type)) return "CAST(" + value + " AS " + duck_type(type) + ")";
  const std::string item = "v" + std::to_string(depth);
  if (type.kind == Kind::array) {
    return "list_transform(" + value + ", lambda " + item + ": " +
           renamed(item, type.fields[0].type, to, depth + 1) + ")";
  }
  if (type.kind == Kind::map) {
    return "map_from_entries(list_transform(map_entries(" + value + "), lambda " + item +
           ": struct_pack(k := " + renamed(item + ".key", type.fields[0].type, to, depth + 1) +
           ", v := " + renamed(item + ".value", type.fields[1].type, to, depth + 1) + ")))";
  }
  std::string fields;
  for (const auto& field : type.fields) {
    const std::string& old = to == To::table ? field.in_files() : field.name;
    const std::string& fresh = to == To::table ? field.name : field.in_files();
    fields += (fields.empty() ? "" : ", ") + duck::quote_name(fresh) + " := " +
              renamed("struct_extract(" + value + ", " + duck::quote_text(old) + ")", field.type,
                      to, depth);
  }
  return "CASE WHEN " + value + " IS NOT NULL THEN struct_pack(" + fields + ") END";
}

bool maps(const Schema& schema) {
  return std::any_of(schema.fields.begin(), schema.fields.end(),
                     [](const Field& field) { return !field.physical.empty(); });
}

Relation in_names_of_files(const Relation& rows, const Schema& schema) {
  if (!maps(schema)) return rows;
  std::string list;
  for (const auto& field : schema.fields) {
    list += (list.empty() ? "" : ", ") +
            renamed(duck::quote_name(field.name), field.type, To::files) + " AS " +
            duck::quote_name(field.in_files());
  }
  return "SELECT " + list + " FROM (" + rows + ")";
}

/// DuckDB's FIELD_IDS: `"a": 1, "s": {__duckdb_field_id: 2, "x": 3}`.
std::string field_ids(const std::vector<Field>& fields, const std::vector<std::string>& without) {
  std::string out;
  for (const auto& field : fields) {
    if (std::find(without.begin(), without.end(), field.name) != without.end()) continue;
    std::string inner;
    if (field.type.kind == Kind::struct_) inner = field_ids(field.type.fields, {});
    const std::string id = std::to_string(field.id);
    if (field.id == 0 && inner.empty()) continue;
    out += (out.empty() ? "" : ", ") + duck::quote_name(field.in_files()) + ": " +
           (inner.empty()
                ? id
                : "{" + (field.id == 0 ? "" : "__duckdb_field_id: " + id + ", ") + inner + "}");
  }
  return out;
}

int64_t greatest_id(const std::vector<Field>& fields) {
  int64_t most = 0;
  for (const auto& field : fields)
    most = std::max({most, field.id, greatest_id(field.type.fields)});
  return most;
}

void map_fields(std::vector<Field>& fields, bool named, int64_t& last_id) {
  for (auto& field : fields) {
    if (named && field.physical.empty()) {
      field.physical = "col-" + new_uuid();
      field.id = ++last_id;
      auto metadata = nlohmann::json::parse(field.metadata);
      metadata["delta.columnMapping.id"] = field.id;
      metadata["delta.columnMapping.physicalName"] = field.physical;
      field.metadata = metadata.dump();
    }
    // Elements of lists and maps have no name of their own; fields inside of them do.
    map_fields(field.type.fields, field.type.kind == Kind::struct_, last_id);
  }
}

std::string tags_of(const Schema& in_files, const std::vector<std::string>& partition_by) {
  return "{" + json_quoted(kSchemaTag) + ":" + json_quoted(schema_tag(in_files, partition_by)) +
         "}";
}

/// `in_files` are the table's columns, and what the files alone know besides.
std::vector<Add> write_as(RowWork& engine, const Snapshot& table, const Schema& in_files,
                          const Relation& rows, const Parameters& parameters,
                          columns::WriteOptions options, Time now, const ProgressSink& progress) {
  const auto& partition_by = table.metadata.partition_columns;
  if (options.folder.empty()) options.folder = table.table_path;
  for (const auto& name : partition_by) {
    const Field* field = table.schema.find(name);
    WINDROW_INVARIANT(field != nullptr);
    options.partition_by.push_back(field->in_files());
  }
  if (maps(table.schema)) options.field_ids = field_ids(table.schema.fields, partition_by);
  const auto files = engine.write(in_names_of_files(rows, in_files), parameters, options, progress);
  auto adds = adds_from_written(table.table_path, table.schema, files, now);
  if (in_files == table.schema) return adds;  // tagged already
  const std::string tags = tags_of(in_files, partition_by);
  for (auto& add : adds) add.tags = tags;
  return adds;
}

}  // namespace

std::string type_in_files(const Type& type) {
  if (!renames(type)) return duck_type(type);
  Type out = type;
  const auto rename = [](auto& self, Type& t) -> void {
    for (auto& field : t.fields) {
      field.name = field.in_files();
      self(self, field.type);
    }
  };
  rename(rename, out);
  return duck_type(out);
}

std::string from_files(const std::string& value, const Type& type) {
  return renamed(value, type, To::table);
}

void map_new_columns(Schema& schema, Metadata& metadata) {
  if (column_mapping(metadata) == ColumnMapping::none) return;
  auto& kept = metadata.configuration["delta.columnMapping.maxColumnId"];
  int64_t last_id = std::max<int64_t>(std::atoll(kept.c_str()), greatest_id(schema.fields));
  map_fields(schema.fields, true, last_id);
  kept = std::to_string(last_id);
}

std::vector<Add> write_rows(RowWork& engine, const Snapshot& table, const Relation& rows,
                            const Parameters& parameters, columns::WriteOptions options, Time now,
                            const ProgressSink& progress) {
  return write_as(engine, table, table.schema, rows, parameters, std::move(options), now, progress);
}

std::vector<Add> write_rows_with_ids(RowWork& engine, const Snapshot& table, const Relation& rows,
                                     columns::WriteOptions options, Time now,
                                     const ProgressSink& progress) {
  return write_as(engine, table, schema_with_row_ids(table), rows, {}, std::move(options), now,
                  progress);
}

std::vector<Add> adds_from_written(const std::string& table_path, const Schema& schema,
                                   const std::vector<columns::WrittenFile>& files, Time now) {
  std::vector<Add> out;
  out.reserve(files.size());
  for (const auto& file : files) {
    WINDROW_INVARIANT(file.path.starts_with(table_path + "/"));
    Add add;
    add.path = uri_encoded(std::string_view(file.path).substr(table_path.size() + 1));
    std::vector<std::string> partition_by;
    for (const auto& [name, text] : file.partition_values) {
      const auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                                      [&](const Field& f) { return f.in_files() == name; });
      WINDROW_INVARIANT(field != schema.fields.end());
      add.partition_values[name] = partition_value_for_log(field->type, text);
      partition_by.push_back(field->name);
    }
    add.size = file.bytes;
    add.modification_time = micros(now) / 1000;
    add.stats = stats_json(schema, file);
    add.tags = tags_of(schema, partition_by);
    out.push_back(std::move(add));
  }
  return out;
}

}  // namespace windrow::lake
