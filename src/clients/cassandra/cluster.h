#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/rows.h"
#include "clients/cassandra/connection.h"
#include "clients/cassandra/ring.h"
#include "clients/cassandra/values.h"

/// A small client of Cassandra's native protocol, versions 4 and 5: what publishing needs.
namespace windrow::clients::cassandra {

enum class Consistency : uint16_t {
  any = 0,
  one = 1,
  two = 2,
  three = 3,
  quorum = 4,
  all = 5,
  local_quorum = 6,
  each_quorum = 7,
  serial = 8,
  local_serial = 9,
  local_one = 10
};
/// `local_quorum`; Error(configuration) where there is none of the name.
Consistency parse_consistency(std::string_view name);

struct ClusterOptions {
  std::vector<Address> contacts;  ///< one that answers is enough: it names the others
  ConnectionOptions connection;
  Consistency consistency = Consistency::local_quorum;
  std::string data_center;  ///< nodes of others are not asked; empty: the first contact's
  size_t in_flight = 512;   ///< requests at once on a connection
  int page_rows = 5000;
  std::chrono::milliseconds request_timeout{12000}, schema_timeout{60000};
  /// How long an idempotent statement is tried again, on other nodes or the same one.
  std::chrono::milliseconds retry_for{20000};
};

struct Rows {
  std::vector<Column> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  ///< bytes of the values
  std::string page;  ///< where the next one begins; empty: none
  /// Of a statement with IF.
  bool applied() const;
  /// A value of the first row in words; nothing where it is null.
  std::optional<std::string> text(size_t row, std::string_view column) const;
};

struct Statement {
  std::string cql, id, result_id;
  std::vector<Column> columns;      ///< of its markers
  std::vector<uint16_t> partition;  ///< which markers make up the partition key, in its order
};

/// Connections to the nodes of a cluster. One thread at a time, except that a Cancel may come from
/// any. A statement is sent to the first replica of its partition; where that is down, to the next
/// node. What is not known to have been done is tried again only if it is idempotent.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// One statement with texts as they are for its markers (`Values`); its first page.
  Rows query(const std::string& cql, const Values& values = {}, bool idempotent = true,
             const std::string& page = {}, std::optional<Consistency> consistency = {});
  /// A statement with IF; not tried again, as nobody would know what it has found.
  Rows conditional(const std::string& cql, const Values& values);
  /// All pages.
  void stream(const std::string& cql, const std::function<void(const Rows&)>& page);
  /// A change of the schema; waits until all nodes that are up have the same one.
  void change(const std::string& cql);

  std::shared_ptr<const Statement> prepare(const std::string& cql);
  /// Sends a statement that is safe to repeat and goes on; waits only while too many are under way.
  /// What fails is thrown by a later `write` or by `finish`. `timestamp`: microseconds, of all
  /// cells.
  void write(const Statement& statement, const Values& values, int64_t timestamp);
  /// Rows of one partition, as one unlogged batch: one mutation.
  void write_batch(const Statement& statement, const std::vector<Values>& rows, size_t count,
                   int64_t timestamp);
  /// Waits until every write is answered. Error(unavailable) where a node that was written to is
  /// gone, or has come back as another process: it answers before its log is on the disk
  /// (`commitlog_sync: periodic`), so what it had acknowledged must be written anew.
  void finish();

  /// While it is set, whoever waits throws Error(canceled) as soon as it is asked for.
  void stop_on(const Cancel* cancel) { cancel_ = cancel; }
  std::string version() const { return release_; }
  std::string name() const { return name_; }
  /// Of the nodes that are asked.
  const std::string& data_center() const { return options_.data_center; }
  int protocol() const { return options_.connection.version; }
  std::vector<Address> nodes() const;
  /// Requests that each node was sent, for tests and for the curious.
  const std::map<std::string, int64_t>& sent() const { return sent_; }
  /// Hosts that were named, for messages.
  std::string address() const;

 private:
  struct Node;
  void discover();
  void open_first();
  void read_ring(Node& contact);
  Node* choose(const Request& request);
  bool open(Node& node);
  void identify(Node& node);
  void submit(std::unique_ptr<Request> request);
  void place(std::unique_ptr<Request> request);
  void fail_over(Node& node, const std::string& why);
  void answered(Node& node, std::unique_ptr<Request> request, const Envelope& envelope);
  bool try_again(std::unique_ptr<Request>& request);
  void fail(const Request& request, const Envelope& envelope);
  void turn(std::chrono::milliseconds longest);
  void expire();
  Envelope ask(std::unique_ptr<Request> request, Node* at = nullptr);
  std::unique_ptr<Request> prepare_request(const std::string& cql) const;
  void prepare_at(Node& node);
  void agree(std::chrono::steady_clock::time_point until);
  Rows rows_of(Node* at, const std::string& cql);
  std::unique_ptr<Request> query_request(const std::string& cql, const Values& values,
                                         const std::string& page, Consistency consistency) const;

  ClusterOptions options_;
  std::string release_, name_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Ring ring_;
  size_t next_ = 0;  ///< of those that any node may answer
  std::map<std::string, std::shared_ptr<Statement>> prepared_;
  std::vector<std::unique_ptr<Request>> waiting_;  ///< to be tried again
  size_t under_way_ = 0;
  std::optional<Envelope> failure_;  ///< of a write
  std::string failed_at_;
  Node* restarted_ = nullptr;     ///< what it acknowledged is in doubt
  std::vector<Node*> forgetful_;  ///< that no longer know a prepared statement
  std::map<std::string, int64_t> sent_;
  std::chrono::steady_clock::time_point looked_;
  const Cancel* cancel_ = nullptr;
};

}  // namespace windrow::clients::cassandra
