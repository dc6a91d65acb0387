#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

/// The actions of the Delta transaction log (PROTOCOL.md, "Actions"), named as there. Plain values:
/// reading and writing them is action_json.h, replaying them is replay.h.
namespace windrow::lake {

using PartitionValues = std::map<std::string, std::optional<std::string>>;

/// Which rows of a file are deleted (PROTOCOL.md, "Deletion Vectors"): where their bitmap lies.
struct DeletionVector {
  std::string storage_type;    ///< `u`: a file named by a UUID, `i`: inline, `p`: absolute path
  std::string path_or_inline;  ///< by storage type: prefix and UUID, the data, or the path
  std::optional<int64_t> offset;
  int64_t size_in_bytes = 0;
  int64_t cardinality = 0;  ///< rows that are deleted
  bool operator==(const DeletionVector&) const = default;

  /// Two entries of one file with different vectors are different logical files.
  std::string unique_id() const;
};

struct Add {
  std::string path;  ///< as in the log: relative to the table and URL-encoded, or absolute
  PartitionValues partition_values;
  int64_t size = 0;
  int64_t modification_time = 0;  ///< milliseconds
  bool data_change = true;
  std::string stats;  ///< JSON text; empty where there are none
  std::string tags;   ///< JSON text; empty where there are none
  std::optional<DeletionVector> deletion_vector;
  std::optional<int64_t> base_row_id, default_row_commit_version;  ///< row tracking
  std::string clustering_provider;
  bool operator==(const Add&) const = default;
};

struct Remove {
  std::string path;
  int64_t deletion_timestamp = 0;  ///< milliseconds
  bool data_change = true;
  bool extended_file_metadata = true;
  PartitionValues partition_values;
  int64_t size = 0;
  std::optional<DeletionVector> deletion_vector;
  std::optional<int64_t> base_row_id, default_row_commit_version;
  bool operator==(const Remove&) const = default;
};

/// A file of changed rows (PROTOCOL.md, "Add CDC File"): beside the data, for change data feed.
struct Cdc {
  std::string path;
  PartitionValues partition_values;
  int64_t size = 0;
  bool operator==(const Cdc&) const = default;
};

struct Metadata {
  std::string id;
  std::string name;
  std::string description;
  std::string schema_string;
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> configuration;
  int64_t created_time = 0;  ///< milliseconds
  bool operator==(const Metadata&) const = default;
};

struct Protocol {
  int min_reader_version = 1;
  int min_writer_version = 2;
  std::vector<std::string> reader_features, writer_features;
  bool operator==(const Protocol&) const = default;
};

struct Txn {
  std::string app_id;
  int64_t version = 0;
  int64_t last_updated = 0;
  bool operator==(const Txn&) const = default;
};

struct DomainMetadata {
  std::string domain, configuration;
  bool removed = false;
  bool operator==(const DomainMetadata&) const = default;
};

/// commitInfo: kept as JSON text, for it is free-form; the fields everybody needs are read out.
struct CommitInfo {
  int64_t timestamp = 0;            ///< milliseconds
  int64_t in_commit_timestamp = 0;  ///< milliseconds; 0: the table does not keep them
  std::string operation;
  std::string txn_id;
  std::string engine_info;
  std::string json;  ///< the whole object
};

/// Everything one version's file holds.
struct Commit {
  int64_t version = -1;
  std::optional<CommitInfo> info;
  std::optional<Protocol> protocol;
  std::optional<Metadata> metadata;
  std::vector<Add> adds;
  std::vector<Remove> removes;
  std::vector<Txn> txns;
  std::vector<DomainMetadata> domains;
  std::vector<Cdc> cdcs;
  std::vector<std::string> sidecars;  ///< of a V2 checkpoint: more files with its actions

  bool changes_data() const;
};

}  // namespace windrow::lake
