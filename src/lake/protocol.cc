#include "lake/protocol.h"

#include <algorithm>

#include "base/id.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

constexpr int kReaderVersion = 3, kWriterVersion = 7;  // the versions that list features by name
constexpr std::string_view kReaderFeatures[] = {
    "timestampNtz", "columnMapping",        "deletionVectors",    "v2Checkpoint",
    "typeWidening", "typeWidening-preview", "vacuumProtocolCheck"};
// Features that ask nothing of a writer while nothing uses them; `unenforced` finds the uses.
constexpr std::string_view kWriterFeatures[] = {
    "timestampNtz",         "appendOnly",          "invariants",        "checkConstraints",
    "changeDataFeed",       "generatedColumns",    "identityColumns",   "domainMetadata",
    "columnMapping",        "deletionVectors",     "v2Checkpoint",      "typeWidening",
    "typeWidening-preview", "vacuumProtocolCheck", "inCommitTimestamp", "rowTracking",
    "clustering",           "allowColumnDefaults"};

bool any_field(const std::vector<Field>& fields, const auto& test) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& f) { return test(f) || any_field(f.type.fields, test); });
}

bool uses_ntz(const Schema& schema) {
  return any_field(schema.fields,
                   [](const Field& f) { return f.type.kind == Type::Kind::timestamp_ntz; });
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// Rules of the table that every writer has to enforce, and that this program does not.
std::vector<std::string> unenforced(const Metadata& metadata, const Schema& schema) {
  std::vector<std::string> out;
  const auto marked = [&](std::string_view key) {
    return any_field(schema.fields,
                     [&](const Field& f) { return f.metadata.find(key) != std::string::npos; });
  };
  if (marked("\"delta.identity.")) out.emplace_back("identityColumns");
  for (const auto* compatible : {"delta.enableIcebergCompatV1", "delta.enableIcebergCompatV2"}) {
    if (switched_on(metadata, compatible)) out.emplace_back(compatible + 12);
  }
  return out;
}

[[noreturn]] void refuse(const std::string& doing, const std::vector<std::string>& features) {
  throw Error(Code::unsupported, "the table cannot be " + doing + ": it uses " + joined(features),
              "this version of windrow does not know that; use the program that made the table");
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

bool switched_on(const Metadata& metadata, const std::string& property) {
  const auto found = metadata.configuration.find(property);
  return found != metadata.configuration.end() && found->second == "true";
}

ColumnMapping column_mapping(const Metadata& metadata) {
  const auto mode = metadata.configuration.find("delta.columnMapping.mode");
  if (mode == metadata.configuration.end() || mode->second == "none") return ColumnMapping::none;
  if (mode->second == "name") return ColumnMapping::by_name;
  if (mode->second == "id") return ColumnMapping::by_id;
  throw Error(Code::unsupported, "the table's columns are mapped by \"" + mode->second +
                                     "\", which is not known (name and id are)");
}

Schema schema_of(const Metadata& metadata) {
  if (metadata.schema_string.empty()) return {};  // a table whose columns come later
  return schema_from_json(metadata.schema_string, column_mapping(metadata));
}

void check_readable(const Protocol& protocol, const Metadata& metadata) {
  column_mapping(metadata);  // refuses a mode that is not known
  std::vector<std::string> unknown;
  if (protocol.min_reader_version > kReaderVersion) {
    unknown.push_back("reader version " + std::to_string(protocol.min_reader_version));
  }
  for (const auto& feature : protocol.reader_features) {
    if (std::find(std::begin(kReaderFeatures), std::end(kReaderFeatures), feature) ==
        std::end(kReaderFeatures)) {
      add_once(unknown, feature);
    }
  }
  if (!unknown.empty()) refuse("read", unknown);
}

void check_writable(const Protocol& protocol, const Metadata& metadata, const Schema& schema) {
  check_readable(protocol, metadata);
  std::vector<std::string> unknown = unenforced(metadata, schema);
  if (protocol.min_writer_version > kWriterVersion) {
    unknown.push_back("writer version " + std::to_string(protocol.min_writer_version));
  }
  for (const auto& feature : protocol.writer_features) {
    if (std::find(std::begin(kWriterFeatures), std::end(kWriterFeatures), feature) ==
        std::end(kWriterFeatures)) {
      add_once(unknown, feature);
    }
  }
  if (!unknown.empty()) refuse("written", unknown);
}

Protocol protocol_for(const Schema& schema) {
  const Protocol plain{1, 2, {}, {}};
  return upgraded_for(plain, schema).value_or(plain);
}

Protocol with_feature(const Protocol& protocol, const std::string& feature, bool reader_too) {
  Protocol next = protocol;
  // The step from numbered versions to named features names what the numbers meant (PROTOCOL.md,
  // "Table Features for New and Existing Tables").
  if (protocol.min_writer_version < kWriterVersion) {
    constexpr std::pair<int, std::string_view> kLegacy[] = {
        {2, "appendOnly"},     {2, "invariants"},       {3, "checkConstraints"},
        {4, "changeDataFeed"}, {4, "generatedColumns"}, {5, "columnMapping"},
        {6, "identityColumns"}};
    for (const auto& [version, name] : kLegacy) {
      if (protocol.min_writer_version >= version) add_once(next.writer_features, std::string(name));
    }
  }
  next.min_writer_version = kWriterVersion;
  add_once(next.writer_features, feature);
  if (reader_too) {
    if (protocol.min_reader_version == 2) add_once(next.reader_features, "columnMapping");
    next.min_reader_version = kReaderVersion;
    add_once(next.reader_features, feature);
  }
  return next;
}

std::optional<Protocol> upgraded_for(const Protocol& protocol, const Schema& schema) {
  const auto& known = protocol.writer_features;
  if (!uses_ntz(schema) || std::find(known.begin(), known.end(), "timestampNtz") != known.end())
    return {};
  return with_feature(protocol, "timestampNtz", true);
}

std::pair<Protocol, Metadata> create_actions(const NewTable& table, Time now) {
  Metadata metadata;
  metadata.id = new_uuid();
  metadata.name = table.name;
  metadata.description = table.description;
  metadata.schema_string = to_json(table.schema);
  metadata.partition_columns = table.partition_by;
  metadata.created_time = micros(now) / 1000;
  // Log clean-up by others would delete the provenance in the commits: only log_cleaning.h may do
  // it.
  metadata.configuration["delta.enableExpiredLogCleanup"] = "false";
  if (table.append_only) metadata.configuration["delta.appendOnly"] = "true";
  if (table.deletion_vectors) metadata.configuration[kVectorsWhenCheaper] = "true";

  Problems problems;
  for (const auto& column : table.partition_by) {
    const Field* field = table.schema.find(column);
    using Kind = Type::Kind;
    if (field == nullptr) {
      problems.add(Code::data, "partition column \"" + column + "\" is not a column of the table");
    } else if (field->type.kind == Kind::struct_ || field->type.kind == Kind::array ||
               field->type.kind == Kind::map || field->type.kind == Kind::binary) {
      problems.add(Code::data, "a table cannot be partitioned by \"" + column + "\", which is " +
                                   field->type.text());
    }
  }
  if (!table.partition_by.empty() && table.partition_by.size() >= table.schema.fields.size()) {
    problems.add(Code::data, "every column is a partition column",
                 "leave at least one column in the files");
  }
  problems.raise();
  return {protocol_for(table.schema), std::move(metadata)};
}

}  // namespace windrow::lake
