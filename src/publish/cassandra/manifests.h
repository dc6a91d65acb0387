#pragma once

#include <map>
#include <string>

#include "clients/cassandra/cluster.h"
#include "publish/cassandra/schema.h"
#include "publish/store.h"

/// The manifest rows, and who may write a view. All changes are conditional on the one row of the
/// view, so they happen one after the other.
///
/// A publication takes the view (`writer`, which vanishes by itself where it is not renewed), marks
/// it as being changed (`changing`), sends rows, and at last writes what the batch is and takes
/// both marks away, in one step. Where it dies, `changing` stays: until a batch is whole again the
/// table may hold rows of two.
namespace windrow::publish {

class CassandraManifests {
 public:
  CassandraManifests(clients::cassandra::Cluster& cluster, const CassandraPlace& place,
                     const char* table = "windrow_publications")
      : cluster_(cluster), table_(place.qualified(table)) {}

  static std::string create(const CassandraPlace& place,
                            const char* table = "windrow_publications");
  /// Gives a table of an earlier version of this program the columns that it lacks.
  static void evolve(clients::cassandra::Cluster& cluster, const CassandraPlace& place);
  /// By view. A `replace` that was not finished is shown as made from nothing, so that it is due.
  std::map<std::string, Manifest> all();

  /// That rows of it were sent at some time.
  bool begun(const std::string& view) { return !row(view).rows.empty(); }

  /// The timestamp of the newest rows; 0 where there are none.
  int64_t stamp(const std::string& view) {
    const auto there = row(view);
    const auto text = there.rows.empty() ? std::nullopt : there.text(0, "stamp");
    return text ? std::stoll(*text) : 0;
  }

  /// One publication of one view, from taking it to the end.
  struct Turn {
    std::string view, writer;
    int64_t timestamp = 0;  ///< of the rows: later than that of all who came before
    bool first = false;     ///< nobody has written rows of it before
    bool whole = false;     ///< what the table held when it was taken is one batch
    std::chrono::steady_clock::time_point renewed;
  };
  /// Waits while another one that lives has the view. Error(conflict) where the batch that is there
  /// by then is not `after`.
  Turn take(const ViewBatch& view, Time now, Cancel& cancel);
  /// Now and then while rows are sent. Error(conflict) where it was lost.
  void renew(Turn& turn);
  void finish(const Turn& turn, const Manifest& manifest);
  void put(const Manifest& manifest);  ///< without a turn: of a table that nobody else writes to
  void release(const Turn& turn);      ///< without an end; never throws
  void move_boundary(const std::string& view, Time boundary);

 private:
  std::map<std::string, Manifest> read_all();
  clients::cassandra::Rows row(const std::string& view);
  bool apply(const std::string& cql, const clients::cassandra::Values& values);
  clients::cassandra::Cluster& cluster_;
  std::string table_;
};

/// Who we are: host, process and when that began.
std::string cassandra_writer();
/// That a writer was a process of this host that is no more.
bool cassandra_writer_is_dead(const std::string& writer);

}  // namespace windrow::publish
