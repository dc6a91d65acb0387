#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "storage/aws_profile.h"
#include "storage/retry.h"

namespace windrow::storage {

struct WebHdfsOptions {
  /// The HTTP addresses of a cluster's name nodes, `http://host:port`, by what paths call the
  /// cluster: `host:8020` or a name service. Under the empty name: of every other cluster.
  std::map<std::string, std::vector<std::string>> name_nodes;
  std::string default_cluster;   ///< of `hdfs:///path`; empty: there is none
  std::string user;              ///< as whom, where the cluster believes it
  std::string delegation_token;  ///< instead of a user
  bool kerberos = false;         ///< SPNEGO, with the ticket that `kinit` got
  std::string ca_file;           ///< PEM, for https; empty: the system's
  int replication = 0;           ///< of what is written; 0: the cluster's
  uint64_t block_bytes = 0;      ///< of what is written; 0: the cluster's
  /// Data nodes flush a block to disk before they say that it is written. Without it a power cut
  /// of all of them at once may lose what was just written.
  bool sync_blocks = true;
  uint64_t append_bytes = 16 << 20;  ///< of a file that is written piece by piece, in memory
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::seconds stall_timeout{30};
  RetryPolicy retry;
};

/// From core-site.xml and hdfs-site.xml in HADOOP_CONF_DIR (name services and the addresses of
/// their name nodes, fs.defaultFS, hadoop.security.authentication, dfs.replication, dfs.blocksize),
/// and before these from HADOOP_USER_NAME, WINDROW_HDFS_HTTP (addresses, with commas between),
/// WINDROW_HDFS_TOKEN, WINDROW_HDFS_KERBEROS, WINDROW_HDFS_CA, WINDROW_HDFS_REPLICATION,
/// WINDROW_HDFS_BLOCK_SIZE. The user is else the one of this process.
WebHdfsOptions webhdfs_options(const Environment& environment);

/// `scheme://cluster/path`. Throws Error(usage) where it is none, or climbs by `..`.
struct WebHdfsPath {
  std::string scheme, cluster;
  std::string path;  ///< begins with `/`
  std::string text() const { return scheme + "://" + cluster + path; }
  bool operator==(const WebHdfsPath&) const = default;
};
WebHdfsPath parse_webhdfs_path(const std::string& path);

/// Where the name nodes of a path's cluster answer: as configured; else the hosts of the path
/// itself, several with commas between, at the port that `webhdfs://` or `swebhdfs://` (https) give
/// or Hadoop's own one.
std::vector<std::string> name_nodes_of(const WebHdfsOptions& options, const WebHdfsPath& path);

}  // namespace windrow::storage
