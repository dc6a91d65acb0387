#include "app/why_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "app/json.h"
#include "lake/history_archive.h"
#include "lake/maintenance.h"
#include "lake/relation.h"
#include "lake/statistics.h"
#include "lake/table.h"

namespace windrow::app {

namespace {

constexpr int64_t kLookedBack = 1'000;  // commits, for the build before

std::optional<int64_t> metric(const lake::HistoryEntry& entry, const char* name) {
  const Json metrics = parsed(entry.metrics_json);
  if (!metrics.is_object() || !metrics.contains(name)) return {};
  const auto& value = metrics[name];
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_string()) return {};
  return std::strtoll(value.get<std::string>().c_str(), nullptr, 10);
}

/// What a commit does to files. A file that only gets another deletion vector is neither added nor
/// removed: it has fewer rows, or more again.
struct CommitFiles {
  std::vector<lake::Add> added, removed;
  int64_t hidden = 0, shown = 0;  ///< rows of files that stay

  explicit CommitFiles(const lake::Commit& commit) {
    for (const auto& add : commit.adds) {
      if (add.data_change) added.push_back(add);
    }
    for (const auto& remove : commit.removes) {
      if (remove.data_change) removed.push_back(lake::add_of(remove));
    }
    const auto count = [](const lake::Add& add) {
      return add.deletion_vector ? add.deletion_vector->cardinality : 0;
    };
    for (const auto& [then, now] : lake::same_files(removed, added)) {
      hidden += std::max<int64_t>(0, count(now) - count(then));
      shown += std::max<int64_t>(0, count(then) - count(now));
    }
  }
};

/// Rows of files that a commit removed: their statistics stand where they were added last.
std::optional<int64_t> rows_removed(lake::CommitLog& log, int64_t version) {
  std::map<std::string, bool> wanted;
  const CommitFiles files(log.at(version));
  for (const auto& remove : files.removed) wanted.emplace(remove.path, false);
  int64_t rows = files.hidden;
  size_t found = 0;
  const int64_t oldest = std::max(log.first(), version - kLookedBack);
  for (int64_t before = version - 1; found < wanted.size(); --before) {
    if (before < oldest) return {};
    for (const auto& add : log.at(before).adds) {
      const auto it = wanted.find(add.path);
      if (it == wanted.end() || it->second) continue;
      const auto there = lake::rows_of(add);
      if (!there) return {};
      it->second = true;
      ++found;
      rows += *there;
    }
  }
  return rows;
}

void count_rows(WhyVersion& out, lake::CommitLog& log, const lake::HistoryEntry& entry) {
  const auto inserted = metric(entry, "numTargetRowsInserted"),
             updated = metric(entry, "numTargetRowsUpdated"),
             deleted = metric(entry, "numTargetRowsDeleted");
  if (inserted && updated && deleted) {
    out.rows_added = *inserted + *updated;
    out.rows_removed = *deleted + *updated;
    return;
  }
  if (entry.version < log.first()) {
    out.rows_added = metric(entry, "numOutputRows");
    return;
  }
  const CommitFiles files(log.at(entry.version));
  out.rows_added = files.shown;
  for (const auto& add : files.added) {
    const auto rows = lake::rows_of(add);
    out.rows_added = rows && out.rows_added ? std::optional(*out.rows_added + *rows) : std::nullopt;
  }
  out.rows_removed = rows_removed(log, entry.version);
}

/// `files/bronze.events/a.ndjson` is the file that was read; of others the position that the
/// source came to.
std::string read_text(const lake::Txn& txn, const std::string& asset) {
  const std::string files = "files/" + asset + "/";
  if (txn.app_id.starts_with(files)) return txn.app_id.substr(files.size());
  return fmt::format("{} up to {}", txn.app_id, txn.version);
}

void look_at_files(WhyVersion& out, const lake::Commit& commit, const std::string& asset) {
  const CommitFiles files(commit);
  for (const auto& add : files.added) {
    ++out.files_added;
    out.bytes_added += add.size;
    out.files.push_back(add.path);
  }
  out.files_removed += int64_t(files.removed.size());
  if (out.kind != "source" && out.kind != lake::kReload) return;
  for (const auto& txn : commit.txns) {
    // Beside each file what it holds, so that it is known under another name.
    if (!txn.app_id.starts_with("content/")) out.read.push_back(read_text(txn, asset));
  }
}

std::string maintenance_text(const lake::HistoryEntry& entry) {
  const Json parameters = parsed(entry.parameters_json);
  if (parameters.is_object() && parameters.contains(lake::kRetentionParameter)) {
    const auto& value = parameters[std::string(lake::kRetentionParameter)];
    return "retention: rows " + (value.is_string() ? value.get<std::string>() : value.dump()) +
           " went";
  }
  return entry.operation == "DELETE" ? "erased on request" : "maintenance: " + entry.operation;
}

std::string restored_text(const lake::HistoryEntry& entry) {
  const Json parameters = parsed(entry.parameters_json);
  const auto text = [&](const char* key) {
    if (!parameters.is_object() || !parameters.contains(key) || parameters[key].is_null())
      return std::string();
    const auto& value = parameters[key];
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  if (const auto version = text("version"); !version.empty()) return "restored version " + version;
  return "restored the version of " + text("timestamp");
}

void add_inputs(WhyVersion& out, const lake::Provenance& record,
                const std::optional<lake::Provenance>& before) {
  for (const auto& [name, input] : record.inputs) {
    WhyInput one;
    one.name = name;
    one.to = input.version;
    if (before) {
      const auto found = before->inputs.find(name);
      if (found == before->inputs.end()) {
        out.reasons.push_back("new input " + name);
      } else if (found->second.table_id != input.table_id) {
        one.replaced = true;
        out.reasons.push_back("input " + name + " was replaced by another table");
      } else {
        one.from = found->second.version;
        if (one.from != one.to)
          out.reasons.push_back(fmt::format("input {} {} → {}", name, one.from, one.to));
      }
    }
    out.inputs.push_back(std::move(one));
  }
  if (!before) return;
  for (const auto& [name, input] : before->inputs) {
    if (!record.inputs.contains(name)) out.reasons.push_back("input " + name + " is gone");
  }
}

void compare_definitions(WhyVersion& out, const lake::Provenance& record,
                         const lake::Provenance& before, const lake::Lake* lake) {
  if (record.definition == before.definition || record.definition.empty()) return;
  if (record.kind == "seed") {
    out.reasons.emplace_back("its file changed");
    return;
  }
  const auto text = [&](const lake::Provenance& of) {
    return lake && !of.text_hash.empty() ? lake->definition(of.text_hash).value_or("")
                                         : std::string();
  };
  out.definition = WhyDefinition{text(before), text(record)};
  out.reasons.emplace_back(record.text_hash == before.text_hash && !record.text_hash.empty()
                               ? "new definition: the same text, but its settings, variables or "
                                 "the columns of its inputs are others"
                               : "new definition");
}

void explain_build(WhyVersion& out, lake::CommitLog& log, const lake::Provenance& record,
                   const lake::Lake* lake) {
  const auto before = built_before(log, out.version, record);
  if (!before) {
    const bool of_source = record.kind == "source" || record.kind == "rejected";
    out.reasons.emplace_back(of_source                  ? "first read"
                             : record.intervals.empty() ? "first build"
                                                        : "first build of these intervals");
  } else {
    compare_definitions(out, record, *before, lake);
  }
  add_inputs(out, record, before);
  if (record.kind == lake::kReload) {
    out.reasons.emplace_back("read anew");
  } else if (record.kind == "source" && before && out.reasons.empty()) {
    out.reasons.emplace_back("new records");
  }
  if (out.reasons.empty()) out.reasons.emplace_back("built again from the same inputs");
}

}  // namespace

std::optional<lake::Provenance> built_before(lake::CommitLog& log, int64_t version,
                                             const lake::Provenance& record) {
  const int64_t oldest = std::max<int64_t>(0, version - kLookedBack);
  for (int64_t before = version - 1; before >= oldest; --before) {
    auto entry = log.entry(before);
    if (!entry || !entry->provenance || entry->provenance->kind == lake::kMaintenanceKind) continue;
    if (record.intervals.empty() || !(entry->provenance->complete & record.intervals).empty())
      return std::move(entry->provenance);
  }
  return {};
}

WhyVersion told_of(lake::CommitLog& log, const lake::HistoryEntry& entry, const lake::Lake* lake) {
  WhyVersion out;
  out.version = entry.version;
  out.time = entry.timestamp;
  out.operation = entry.operation;
  out.engine = entry.engine_info;
  const auto& record = entry.provenance;
  if (record) {
    out.kind = record->kind;
    out.run = record->run;
    out.intervals = record->intervals.parts();
  }
  out.in_log = entry.version >= log.first();
  if (out.in_log) look_at_files(out, log.at(entry.version), record ? record->asset : std::string());
  count_rows(out, log, entry);
  if (!record) {
    out.reasons.push_back("changed outside of runs: " + entry.operation);
  } else if (entry.operation == "RESTORE") {
    out.reasons.push_back(restored_text(entry));
  } else if (record->kind == lake::kMaintenanceKind) {
    out.reasons.push_back(maintenance_text(entry));
  } else {
    explain_build(out, log, *record, lake);
  }
  return out;
}

}  // namespace windrow::app
