#include "lake/fuzz/readers.h"

#include "base/error.h"
#include "lake/action_json.h"
#include "lake/deletion_vector.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/provenance.h"
#include "lake/replay.h"
#include "lake/schema.h"
#include "lake/statistics.h"

namespace windrow::lake::fuzz {
namespace {

/// A schema with a column of every kind that statistics and partition values know, named by it.
const Schema& every_kind() {
  static const Schema schema = [] {
    Schema made;
    for (const auto& [name, type] :
         std::initializer_list<std::pair<const char*, const char*>>{{"long", "BIGINT"},
                                                                    {"double", "DOUBLE"},
                                                                    {"decimal", "DECIMAL(38,10)"},
                                                                    {"string", "VARCHAR"},
                                                                    {"date", "DATE"},
                                                                    {"timestamp", "TIMESTAMPTZ"},
                                                                    {"local", "TIMESTAMP"},
                                                                    {"boolean", "BOOLEAN"},
                                                                    {"binary", "BLOB"}})
      made.fields.push_back({name, type_from_duck(name, type)});
    return made;
  }();
  return schema;
}

void look_at(const Add& add) {
  rows_of(add);
  for (const auto& field : every_kind().fields) {
    column_range(add, field);
    may_overlap(add, field, "2025-01-01", "2025-01-02");
    may_overlap(add, field, "1", "2");
    lies_inside(add, field, "2025-01-01", "2025-01-02");
    may_hold(add, {field, {}, {}, false, true});
  }
  const auto box = partition_box(every_kind(), add.partition_values);
  for (const auto& condition : box) may_hold(add, condition);
}

/// A log: its lines, replayed, and all that is read of single files.
void read_log(std::string_view text) {
  Commit commit = commit_from_json(text, 0, "fuzzed");
  for (const auto& add : commit.adds) {
    look_at(add);
    if (add.deletion_vector) vector_key("/table", *add.deletion_vector);
    resolved_path("/table", add.path);
    for (const auto& field : every_kind().fields) {
      const auto value = add.partition_values.find(field.name);
      if (value != add.partition_values.end()) partition_literal(field.type, value->second);
    }
  }
  for (const auto& remove : commit.removes) uri_decoded(remove.path);
  if (commit.info) provenance_of(*commit.info);
  // What was read can be written, and reads as the same again.
  const std::string again = to_json_lines(commit);
  if (to_json_lines(commit_from_json(again, 0, "written")) != again)
    throw std::logic_error("a commit changes by being written");
  Replay replay("/table");
  replay.apply(std::move(commit));
  replay.done(0, {});
}

void read_schema(std::string_view text) {
  const Schema schema = schema_from_json(text);
  if (!(schema_from_json(to_json(schema)) == schema))
    throw std::logic_error("a schema changes by being written");
  for (const auto& field : schema.fields) duck_type(field.type);
  schema_from_json(text, ColumnMapping::by_id);
}

}  // namespace

void read(std::string_view bytes) {
  if (bytes.empty()) return;
  const char which = bytes.front();
  bytes.remove_prefix(1);
  try {
    switch (which) {
      case 'c': return read_log(bytes);
      case 's': return read_schema(bytes);
      case 'd': {
        const auto set = parse_row_set(bytes, 3);
        for (const uint64_t row : {0ull, 1ull, 5ull, 70'000ull, 1ull << 33, ~0ull})
          set->contains(row);
        return;
      }
      case 'v': {
        Add add;
        add.stats = bytes;
        return look_at(add);
      }
      case 'p': {
        for (const auto& field : every_kind().fields) {
          const std::string value(bytes);
          partition_literal(field.type, value);
          partition_value_for_log(field.type, value);
          Add add;
          add.partition_values[field.name] = value;
          look_at(add);
        }
        uri_decoded(bytes);
        return;
      }
      case 'k': {
        DeletionVector vector;
        vector.storage_type = "u";
        vector.path_or_inline = bytes;
        vector_key("/table", vector);
        return;
      }
      default: return;
    }
  } catch (const Error&) {
    // What a broken log is answered with.
  }
}

}  // namespace windrow::lake::fuzz
