#include "lake/fates.h"

#include <algorithm>
#include <map>

#include "lake/protocol.h"
#include "lake/statistics.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

constexpr const char* kFeature = "deletionVectors";
constexpr const char* kEnabled = "delta.enableDeletionVectors";

bool has_feature(const Protocol& protocol) {
  const auto& features = protocol.writer_features;
  return std::find(features.begin(), features.end(), kFeature) != features.end();
}

/// A vector over so many rows is cheaper than what stays of the file.
bool may_thin(const Add& add, int64_t live, int64_t gone, const VectorRule& rule) {
  const int64_t hidden = add.deletion_vector ? add.deletion_vector->cardinality : 0;
  return double(hidden + gone) <= rule.share_most * double(hidden + live);
}

}  // namespace

std::vector<Add> Fates::gone() const {
  auto out = whole;
  out.insert(out.end(), rewritten.begin(), rewritten.end());
  return out;
}

std::vector<Add> Fates::all() const {
  auto out = gone();
  out.insert(out.end(), thinned.begin(), thinned.end());
  return out;
}

Fates fates_of(const Snapshot& table, const Rows& hits, const VectorRule& given) {
  std::map<std::string, int64_t> rows;
  for (const auto& row : hits.rows) rows[cell_text(row[0])] = std::get<int64_t>(row[1]);
  const bool vectors = given.allowed && takes_vectors(table);
  VectorRule rule = given;
  const auto chosen = table.metadata.configuration.find(kVectorsWhenCheaper);
  if (chosen != table.metadata.configuration.end() && chosen->second == "always") {
    rule.share_most = 1;
    rule.spared_bytes_least = 0;
  }
  Fates out;
  double spared = 0;  // bytes that need not be written
  for (const auto& add : table.files) {
    const auto hit = rows.find(table.file_path(add));
    if (hit == rows.end() || hit->second == 0) continue;
    // A vector's file must say how many rows it has (PROTOCOL.md, "Deletion Vectors").
    const auto live = rows_of(add);
    if (live && *live == hit->second) {
      out.whole.push_back(add);
    } else if (vectors && live && may_thin(add, *live, hit->second, rule)) {
      spared += double(add.size) * (1 - double(hit->second) / double(*live));
      out.thinned.push_back(add);
    } else {
      out.rewritten.push_back(add);
    }
  }
  if (spared < double(rule.spared_bytes_least)) {
    out.rewritten.insert(out.rewritten.end(), out.thinned.begin(), out.thinned.end());
    out.thinned.clear();
  }
  return out;
}

bool takes_vectors(const Snapshot& table) {
  // Places of rows cannot be told where a column has the name of theirs (scan.cc).
  Schema in_files = table.schema;
  for (auto& field : in_files.fields) field.name = field.in_files();
  if (in_files.find_any_case("file_row_number")) return false;
  const auto& properties = table.metadata.configuration;
  if (properties.contains(kEnabled))
    return switched_on(table.metadata, kEnabled) && has_feature(table.protocol);
  const auto chosen = properties.find(kVectorsWhenCheaper);
  return chosen != properties.end() && (chosen->second == "true" || chosen->second == "always");
}

bool differ_in_vectors_alone(const Metadata& one, const Metadata& other) {
  const auto rest = [](const Metadata& metadata) {
    auto out = metadata.configuration;
    out.erase(kEnabled);
    return out;
  };
  return one.schema_string == other.schema_string &&
         one.partition_columns == other.partition_columns && rest(one) == rest(other);
}

bool switch_vectors_on(Protocol& protocol, Metadata& metadata) {
  if (has_feature(protocol) && switched_on(metadata, kEnabled)) return false;
  protocol = with_feature(protocol, kFeature, true);
  metadata.configuration[kEnabled] = "true";
  return true;
}

Add with_vector(Add add, DeletionVector vector) {
  add.deletion_vector = std::move(vector);
  add.stats = loose_stats(add.stats);
  add.data_change = true;
  return add;
}

}  // namespace windrow::lake
