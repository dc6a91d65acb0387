#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "clients/cassandra/cluster.h"
#include "publish/cassandra/schema.h"
#include "publish/store.h"

/// The batch before the present one, in a table beside (`windrow_former_<view>`), for a rollback;
/// its manifest in `windrow_former_publications`. The manifest is there only while the table holds
/// the whole batch.
namespace windrow::publish {

inline constexpr size_t kKeysBytes = 64 << 20;  ///< of keys that are there, held at once

class CassandraFormer {
 public:
  /// `keep_alive` is called now and then while rows go.
  CassandraFormer(clients::cassandra::Cluster& cluster, const CassandraPlace& place,
                  std::function<void()> keep_alive)
      : cluster_(cluster), place_(place), keep_alive_(std::move(keep_alive)) {}

  /// Of views whose former batch is there whole.
  std::map<std::string, Manifest> all();
  /// Copies the view's table, which holds the batch of this manifest whole.
  void keep(const Manifest& present, int64_t timestamp);
  /// Makes the view's table what the copy is. Columns that came since become NULL.
  void bring_back(const std::string& view, int64_t timestamp);
  void forget(const std::string& view);

  static std::string table_of(const std::string& view);

 private:
  struct Shape;
  Shape shape_of(const std::string& table);
  bool there(const std::string& table);
  void forget_manifest(const std::string& view);
  void copy(const std::string& from, const std::string& to, const Shape& shape, int64_t timestamp);
  void remove_others(const std::string& in, const std::string& but, const Shape& shape,
                     int64_t timestamp);

  clients::cassandra::Cluster& cluster_;
  CassandraPlace place_;
  std::function<void()> keep_alive_;
};

}  // namespace windrow::publish
