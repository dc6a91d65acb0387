#include "lake/conflict.h"

#include <algorithm>
#include <unordered_set>

#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/statistics.h"

namespace windrow::lake {
namespace {

std::string at(const Commit& commit) { return "version " + std::to_string(commit.version) + " "; }

/// Whatever was read, a file cannot be removed twice. Nor may the same file come in twice with rows
/// deleted from it by two: that shows as removes of one path, whatever the deletion vectors.
std::optional<std::string> removed_ours(const CommitRequest& request, const Commit& other) {
  if (request.removes.empty() || other.removes.empty()) return {};
  std::unordered_set<std::string> ours;
  for (const auto& remove : request.removes) ours.insert(uri_decoded(remove.path));
  for (const auto& remove : other.removes) {
    if (ours.contains(uri_decoded(remove.path)))
      return at(other) + "has removed a file that this commit replaces";
  }
  return {};
}

bool holds(const Add& add, const ReadScope::Box& box) {
  return std::all_of(box.begin(), box.end(),
                     [&](const auto& condition) { return may_hold(add, condition); });
}

/// Rewrites that change no row (`dataChange` false) are no matter: what they move was looked at
/// where it came in.
std::optional<std::string> moved_in_scope(const CommitRequest& request, const Commit& other) {
  if (request.reads != Reads::scope) return {};
  for (const auto& add : other.adds) {
    if (!add.data_change) continue;
    for (const auto& box : request.scope.boxes) {
      if (holds(add, box)) return at(other) + "has added rows among those that this commit read";
    }
  }
  if (request.scope.kept_files.empty() || other.removes.empty()) return {};
  std::unordered_set<std::string> kept;
  for (const auto& path : request.scope.kept_files) kept.insert(uri_decoded(path));
  for (const auto& remove : other.removes) {
    if (remove.data_change && kept.contains(uri_decoded(remove.path)))
      return at(other) + "has removed rows among those that this commit read";
  }
  return {};
}

/// Files of the former schema and partitioning can be read with the new one: columns only came to
/// it.
bool only_adds_columns(const CommitRequest& request) {
  if (!request.base ||
      request.base->metadata.partition_columns != request.metadata->partition_columns)
    return false;
  const Schema after = schema_of(*request.metadata);
  for (const auto& field : schema_of(request.base->metadata).fields) {
    const Field* same = after.find(field.name);
    if (same == nullptr || !(*same == field)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> broken_expectation(const CommitRequest& request,
                                              const std::map<std::string, Txn>& txns) {
  for (const auto& [app, expected] : request.expect_txn) {
    const auto found = txns.find(app);
    const bool there = found != txns.end();
    if (there == expected.has_value() && (!there || found->second.version == *expected)) continue;
    return "application \"" + app + "\" is at " +
           (there ? std::to_string(found->second.version) : "no version") + ", expected " +
           (expected ? std::to_string(*expected) : "none");
  }
  return {};
}

std::optional<std::string> conflict_with(const CommitRequest& request, const Commit& other) {
  if (other.protocol) return at(other) + "has changed the protocol";
  if (other.metadata) return at(other) + "has changed the schema or the properties";
  if (request.reads == Reads::whole_table && other.changes_data())
    return at(other) + "has changed rows";
  if (request.metadata && !other.adds.empty() && !only_adds_columns(request)) {
    return at(other) + "has added files of the schema that this commit replaces";
  }
  if (auto reason = removed_ours(request, other)) return reason;
  if (auto reason = moved_in_scope(request, other)) return reason;
  for (const auto& txn : other.txns) {
    for (const auto& own : request.txns) {
      if (own.app_id == txn.app_id)
        return at(other) + "has moved application \"" + txn.app_id + "\"";
    }
    const auto expected = request.expect_txn.find(txn.app_id);
    if (expected != request.expect_txn.end() && expected->second != std::optional(txn.version)) {
      return at(other) + "has moved application \"" + txn.app_id + "\" to " +
             std::to_string(txn.version);
    }
  }
  for (const auto& domain : other.domains) {
    if (domain.domain == "delta.rowTracking") continue;  // computed anew for each version
    for (const auto& own : request.domains) {
      if (own.domain == domain.domain)
        return at(other) + "has changed domain \"" + domain.domain + "\"";
    }
  }
  return {};
}

ReadScope::Box partition_box(const Schema& schema, const PartitionValues& values) {
  ReadScope::Box box;
  for (const auto& field : schema.fields) {
    const auto found = values.find(field.in_files());
    if (found == values.end()) continue;
    const bool null = !found->second || found->second->empty();
    box.push_back({field, null ? std::nullopt : found->second, null ? std::nullopt : found->second,
                   false, null});
  }
  return box;
}

}  // namespace windrow::lake
