#include "lake/row_tracking.h"

#include <algorithm>

#include "base/error.h"
#include "base/id.h"
#include "duck/quoting.h"
#include "lake/protocol.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

struct Name {
  const char *property, *prefix;
};
constexpr Name kIdName = {"delta.rowTracking.materializedRowIdColumnName", "_row-id-col-"};
constexpr Name kVersionName = {"delta.rowTracking.materializedRowCommitVersionColumnName",
                               "_row-commit-version-col-"};

const std::string& name_in(const Metadata& metadata, const Name& name) {
  const auto found = metadata.configuration.find(name.property);
  if (found == metadata.configuration.end() || found->second.empty()) {
    throw Error(
        Code::corrupt,
        std::string("the table keeps row ids (") + kEnableRowTracking +
            "), but does not say in which column: it has no property " + name.property,
        std::string("'windrow table alter --set ") + kEnableRowTracking + "=true' gives it one");
  }
  return found->second;
}

}  // namespace

std::optional<RowTracking> row_tracking(const Protocol& protocol, const Metadata& metadata) {
  const auto& features = protocol.writer_features;
  if (std::find(features.begin(), features.end(), kRowTrackingFeature) == features.end() ||
      !switched_on(metadata, kEnableRowTracking))
    return {};
  return RowTracking{name_in(metadata, kIdName), name_in(metadata, kVersionName)};
}

void check_row_tracking(const Protocol& protocol, const Metadata& metadata, const Schema& schema) {
  const auto names = row_tracking(protocol, metadata);
  if (!names) return;
  if (switched_on(metadata, kRowTrackingSuspended)) {
    throw Error(Code::unsupported,
                std::string("the table keeps row ids (") + kEnableRowTracking +
                    ") and gives none (" + kRowTrackingSuspended + ")",
                "switch one of the two off");
  }
  if (names->id == names->commit_version) {
    throw Error(Code::corrupt,
                "the table keeps row ids and their versions in one column, \"" + names->id + "\"");
  }
  Schema in_files = schema;  // both names of a column count
  for (auto& field : in_files.fields) field.name = field.in_files();
  for (const auto* name : {&names->id, &names->commit_version}) {
    if (!schema.find_any_case(*name) && !in_files.find_any_case(*name)) continue;
    throw Error(Code::data,
                "a column cannot be called \"" + *name + "\": the table keeps row ids in there",
                "give the column another name");
  }
}

void give_row_tracking_names(Metadata& metadata) {
  for (const auto& name : {kIdName, kVersionName}) {
    auto& given = metadata.configuration[name.property];
    if (given.empty()) given = name.prefix + new_uuid();
  }
}

void take_row_tracking_names(const Metadata& from, Metadata& metadata) {
  for (const auto& name : {kIdName, kVersionName}) {
    metadata.configuration.erase(name.property);
    const auto found = from.configuration.find(name.property);
    if (found != from.configuration.end()) metadata.configuration.insert(*found);
  }
}

bool is_row_tracking_name(const std::string& property) {
  return property == kIdName.property || property == kVersionName.property;
}

std::string row_id_columns(const Snapshot& snapshot) {
  if (!row_tracking(snapshot.protocol, snapshot.metadata)) return {};
  return ", " + duck::quote_name(kRowId) + ", " + duck::quote_name(kRowCommitVersion);
}

std::string row_id_columns_of_changed(const Snapshot& snapshot, const std::string& changed) {
  if (!row_tracking(snapshot.protocol, snapshot.metadata)) return {};
  const std::string version = duck::quote_name(kRowCommitVersion);
  return ", " + duck::quote_name(kRowId) + ", CASE WHEN (" + changed + ") THEN NULL::BIGINT ELSE " +
         version + " END AS " + version;
}

Schema schema_with_row_ids(const Snapshot& snapshot) {
  Schema out = snapshot.schema;
  if (const auto names = row_tracking(snapshot.protocol, snapshot.metadata)) {
    for (const auto& [name, physical] :
         {std::pair{kRowId, names->id}, std::pair{kRowCommitVersion, names->commit_version}}) {
      Field field{name, Type{Type::Kind::long_}};
      field.physical = physical;
      out.fields.push_back(std::move(field));
    }
  }
  return out;
}

}  // namespace windrow::lake
