#include "lake/alter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "duck/duck.h"
#include "duck/sandbox.h"
#include "lake/constraints.h"
#include "lake/json_text.h"
#include "lake/maintenance.h"
#include "lake/physical.h"
#include "lake/protocol.h"
#include "lake/relation.h"
#include "lake/row_tracking.h"
#include "lake/statistics.h"

namespace windrow::lake {
namespace {

using Kind = Type::Kind;

/// `a."b.c".d` → a, b.c, d
std::vector<std::string> path_of(const std::string& text) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

Error wrong(const std::string& what, std::string hint = {}) {
  return Error(Code::usage, what, std::move(hint));
}

class Alterer {
 public:
  Alterer(const Snapshot& snapshot, duck::Connection& connection)
      : snapshot_(snapshot),
        connection_(connection),
        schema_(snapshot.schema),
        metadata_(snapshot.metadata),
        protocol_(snapshot.protocol) {}

  void apply(const AddColumn& add) {
    auto path = path_of(add.column);
    const std::string name = path.back();
    path.pop_back();
    auto& into = path.empty() ? schema_.fields : structure(path);
    for (const auto& field : into) {
      if (Schema{{field}}.find_any_case(name))
        throw wrong("there is a column \"" + field.name + "\" already");
    }
    into.push_back({name, type(name, add.duck_type)});
  }

  void apply(const RenameColumn& rename) {
    map_by_name();
    auto [fields, at] = find(rename.column);
    for (const auto& field : *fields) {
      if (&field != &(*fields)[at] && Schema{{field}}.find_any_case(rename.to))
        throw wrong("there is a column \"" + field.name + "\" already");
    }
    const std::string old = (*fields)[at].name;
    (*fields)[at].name = rename.to;
    if (fields == &schema_.fields)
      std::replace(metadata_.partition_columns.begin(), metadata_.partition_columns.end(), old,
                   rename.to);
  }

  void apply(const DropColumn& drop) {
    map_by_name();
    auto [fields, at] = find(drop.column);
    const auto& partitions = metadata_.partition_columns;
    if (fields == &schema_.fields &&
        std::find(partitions.begin(), partitions.end(), (*fields)[at].name) != partitions.end())
      throw wrong("column \"" + drop.column + "\" is a partition column and cannot be dropped");
    if (fields->size() == 1) throw wrong("\"" + drop.column + "\" is the only column");
    fields->erase(fields->begin() + int64_t(at));
  }

  void apply(const WidenColumn& widen) {
    auto [fields, at] = find(widen.column);
    Field& field = (*fields)[at];
    const Type to = type(widen.column, widen.duck_type);
    if (to == field.type) return;
    if (!widens(field.type, to)) {
      throw wrong("column \"" + widen.column + "\" is " + field.type.text() +
                      " and cannot become " + to.text(),
                  "types that hold every value of the old one: byte → short → integer → long or "
                  "double or decimal, float → double, a wider decimal, date → timestamp_ntz");
    }
    need_feature("typeWidening", true);
    metadata_.configuration["delta.enableTypeWidening"] = "true";
    auto metadata = nlohmann::json::parse(field.metadata);
    metadata["delta.typeChanges"].push_back(
        {{"fromType", field.type.text()}, {"toType", to.text()}});
    field.metadata = metadata.dump();
    field.type = to;
  }

  void apply(const SetNotNull& set) {
    auto [fields, at] = find(set.column);
    (*fields)[at].nullable = !set.not_null;
    if (set.not_null) {
      need_feature("invariants", false);
      check_rows_ = true;
    }
  }

  void apply(const AddConstraint& add) {
    const std::string key = "delta.constraints." + add.name;
    if (metadata_.configuration.contains(key))
      throw wrong("there is a constraint \"" + add.name + "\" already");
    need_feature("checkConstraints", false);
    metadata_.configuration[key] = add.expression;
    check_rows_ = true;
  }

  void apply(const DropConstraint& drop) {
    if (metadata_.configuration.erase("delta.constraints." + drop.name) == 0)
      throw wrong("there is no constraint \"" + drop.name + "\"");
  }

  void apply(const SetProperty& set) {
    if (is_row_tracking_name(set.key))
      throw wrong("property " + set.key + " cannot be set: it says where rows carry their ids");
    if (!set.value) {
      metadata_.configuration.erase(set.key);
      return;
    }
    if (set.key == "delta.columnMapping.mode") {
      if (*set.value != "name") throw wrong("an existing table can only be mapped by name");
      map_by_name();
      return;
    }
    struct Needs {
      std::string_view key, value, feature;
      bool reader;
    };
    constexpr Needs kNeeds[] = {
        {"delta.appendOnly", "true", "appendOnly", false},
        {"delta.enableChangeDataFeed", "true", "changeDataFeed", false},
        {"delta.enableDeletionVectors", "true", "deletionVectors", true},
        {"delta.checkpointPolicy", "v2", "v2Checkpoint", true},
        {"delta.enableTypeWidening", "true", "typeWidening", true},
        {"delta.enableInCommitTimestamps", "true", "inCommitTimestamp", false},
        {kEnableRowTracking, "true", "domainMetadata", false},
        {kEnableRowTracking, "true", kRowTrackingFeature, false},
    };
    for (const auto& needs : kNeeds) {
      if (set.key == needs.key && *set.value == needs.value)
        need_feature(std::string(needs.feature), needs.reader);
    }
    if (set.key == "delta.enableInCommitTimestamps" && *set.value == "true" &&
        !switched_on(metadata_, set.key)) {
      // From here on: older versions have the times that they have.
      metadata_.configuration["delta.inCommitTimestampEnablementVersion"] =
          std::to_string(snapshot_.version + 1);
      enabling_timestamps_ = true;
    }
    metadata_.configuration[set.key] = *set.value;
    if (switched_on(metadata_, kEnableRowTracking)) give_row_tracking_names(metadata_);
  }

  CommitRequest request(Time now) {
    if (check_rows_) check_rows();
    map_new_columns(schema_, metadata_);
    metadata_.schema_string = to_json(schema_);
    if (enabling_timestamps_) {
      metadata_.configuration["delta.inCommitTimestampEnablementTimestamp"] =
          std::to_string(std::max(micros(now), micros(snapshot_.timestamp) + 1000) / 1000);
    }
    CommitRequest request = maintenance_request(snapshot_, "ALTER TABLE");
    request.reads = Reads::whole_table;  // rows that came meanwhile may break a new rule
    if (switched_on(metadata_, kEnableRowTracking)) request.adds = files_without_ids();
    request.metadata = std::move(metadata_);
    if (auto upgraded = upgraded_for(protocol_, schema_)) protocol_ = std::move(*upgraded);
    if (!(protocol_ == snapshot_.protocol)) request.protocol = std::move(protocol_);
    return request;
  }

 private:
  static bool widens(const Type& from, const Type& to) {
    const auto rank = [](Kind kind) {
      return kind == Kind::byte      ? 1
             : kind == Kind::short_  ? 2
             : kind == Kind::integer ? 3
             : kind == Kind::long_   ? 4
                                     : 0;
    };
    const int whole = rank(from.kind);
    if (whole > 0 && rank(to.kind) > 0) return whole < rank(to.kind);
    if (whole > 0 && whole <= 3 && to.kind == Kind::double_) return true;
    if (whole > 0 && to.kind == Kind::decimal)
      return to.precision - to.scale >= (whole == 4 ? 20 : 10);
    if (from.kind == Kind::float_) return to.kind == Kind::double_;
    if (from.kind == Kind::date) return to.kind == Kind::timestamp_ntz;
    return from.kind == Kind::decimal && to.kind == Kind::decimal && to.scale >= from.scale &&
           to.precision - to.scale >= from.precision - from.scale;
  }

  Type type(const std::string& column, const std::string& text) {
    if (const auto breach = duck::breach_of_type(text))
      throw wrong("column \"" + column + "\": " + breach->message, breach->hint);
    try {
      return type_from_duck(column,
                            connection_.describe("SELECT CAST(NULL AS " + text + ")")[0].type);
    } catch (const SqlError& error) {
      throw wrong("column \"" + column + "\": \"" + text +
                  "\" is not a type: " + error.problem().message);
    }
  }

  std::vector<Field>& structure(const std::vector<std::string>& path) {
    auto* fields = &schema_.fields;
    for (const auto& name : path) {
      const auto found = std::find_if(fields->begin(), fields->end(),
                                      [&](const Field& f) { return f.name == name; });
      if (found == fields->end() || found->type.fields.empty())
        throw wrong("there is no structure \"" + name + "\"");
      fields = &found->type.fields;
    }
    return *fields;
  }

  std::pair<std::vector<Field>*, size_t> find(const std::string& column) {
    auto path = path_of(column);
    const std::string name = path.back();
    path.pop_back();
    auto& fields = path.empty() ? schema_.fields : structure(path);
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name == name) return {&fields, i};
    }
    throw wrong("there is no column \"" + column + "\"");
  }

  void need_feature(const std::string& feature, bool reader) {
    protocol_ = with_feature(protocol_, feature, reader);
  }

  /// Existing columns keep their names in the files (PROTOCOL.md, "Writer Requirements for Column
  /// Mapping").
  void map_by_name() {
    if (column_mapping(metadata_) != ColumnMapping::none) return;
    need_feature("columnMapping", true);
    metadata_.configuration["delta.columnMapping.mode"] = "name";
    keep_names(schema_.fields, true);
    map_new_columns(schema_, metadata_);
  }

  void keep_names(std::vector<Field>& fields, bool named) {
    for (auto& field : fields) {
      if (named) {
        field.physical = field.name;
        field.id = ++last_id_;
        auto metadata = nlohmann::json::parse(field.metadata);
        metadata["delta.columnMapping.id"] = field.id;
        metadata["delta.columnMapping.physicalName"] = field.physical;
        field.metadata = metadata.dump();
      }
      keep_names(field.type.fields, field.type.kind == Kind::struct_);
    }
  }

  /// Once a table keeps row ids every file of it has some: the commit gives them to those that
  /// come again.
  std::vector<Add> files_without_ids() {
    std::vector<Add> out;
    for (Add add : snapshot_.files) {
      if (add.base_row_id) continue;
      add.data_change = false;
      if (!rows_of(add)) {
        Add whole = add;
        whole.deletion_vector.reset();
        const auto rows =
            connection_.value("SELECT count(*) FROM (" + duck_sql(scan(snapshot_, {whole})) + ")");
        add.stats = JsonWriter()
                        .begin_object()
                        .field("numRecords", std::get<int64_t>(rows))
                        .end_object()
                        .take();
      }
      out.push_back(std::move(add));
    }
    return out;
  }

  /// New rules must hold for the rows that are there.
  void check_rows() {
    Snapshot after = snapshot_;
    after.schema = schema_;
    DuckRows engine(connection_);
    try {
      engine.query("SELECT count(*) FROM (" +
                   enforced(engine, scan(std::move(after)), schema_, metadata_) + ")");
    } catch (const SqlError& error) {
      if (error.code() != Code::data) throw;
      throw Error(Code::data, error.problem().message, "mend or delete such rows first");
    }
  }

  const Snapshot& snapshot_;
  duck::Connection& connection_;
  Schema schema_;
  Metadata metadata_;
  Protocol protocol_;
  int64_t last_id_ = 0;
  bool check_rows_ = false, enabling_timestamps_ = false;
};

}  // namespace

int64_t alter(storage::FileSystem& files, const std::string& table_path,
              duck::Connection& connection, const std::vector<Alteration>& alterations,
              const Clock& clock) {
  const Table table(files, table_path);
  const Snapshot snapshot = table.snapshot({}, &connection);
  check_writable(snapshot.protocol, snapshot.metadata, snapshot.schema);
  Alterer alterer(snapshot, connection);
  Problems problems;
  for (const auto& alteration : alterations) {
    try {
      std::visit([&](const auto& each) { alterer.apply(each); }, alteration);
    } catch (const Error& error) {
      problems.add(error);
    }
  }
  problems.raise();
  return committed_version(table.commit(alterer.request(clock.now()), clock), table_path);
}

}  // namespace windrow::lake
