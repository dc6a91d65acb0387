#include "clients/cassandra/cluster.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <thread>

#include "clients/cassandra/messages.h"

namespace windrow::clients::cassandra {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int32_t kUnprepared = 0x2500;
constexpr const char* kLocal = "SELECT * FROM system.local";
constexpr size_t kFlushBytes = 1 << 15;
constexpr milliseconds kFirstPause{50}, kLongestPause{1000};
constexpr milliseconds kLook{100};   // how long a wait lasts before it looks around
constexpr milliseconds kAgain{500};  // before a node that was down is tried again

/// What may pass: the node did not do it, or nobody knows whether it did.
bool may_pass(int32_t code) {
  return code == 0x1000 || code == 0x1001 || code == 0x1002 || code == 0x1100 || code == 0x1200 ||
         code == 0x1300 || code == 0x1500 || code == kUnprepared;
}

constexpr std::array<std::pair<std::string_view, Consistency>, 8> kConsistencies = {
    {{"one", Consistency::one},
     {"two", Consistency::two},
     {"three", Consistency::three},
     {"quorum", Consistency::quorum},
     {"all", Consistency::all},
     {"local_quorum", Consistency::local_quorum},
     {"each_quorum", Consistency::each_quorum},
     {"local_one", Consistency::local_one}}};

}  // namespace

Consistency parse_consistency(std::string_view name) {
  std::string names;
  for (const auto& [known, consistency] : kConsistencies) {
    if (known == name) return consistency;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw Error(Code::configuration, "unknown consistency \"" + std::string(name) + "\"",
              "it is one of " + names);
}

bool Rows::applied() const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == "[applied]")
      return !rows.empty() && rows[0][i] && !rows[0][i]->empty() && (*rows[0][i])[0] != 0;
  }
  return true;
}

std::optional<std::string> Rows::text(size_t row, std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column && rows[row][i]) return to_text(columns[i].type, *rows[row][i]);
  }
  return {};
}

struct Cluster::Node {
  Address address;
  std::unique_ptr<Connection> connection;
  Steady::time_point again;  ///< not to be tried before
  bool local = true;         ///< of our data centre
  std::string generation;    ///< of its process: each start has another; empty: never asked
};

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {
  if (options_.contacts.empty())
    throw Error(Code::configuration, "a connection to cassandra has no hosts", "hosts: HOST:PORT");
  options_.in_flight = std::min(options_.in_flight, Connection::kStreams);
  open_first();
}

Cluster::~Cluster() = default;

std::string Cluster::address() const {
  std::string out;
  for (const auto& contact : options_.contacts) out += (out.empty() ? "" : ",") + contact.text();
  return out;
}

std::vector<Address> Cluster::nodes() const {
  std::vector<Address> out;
  for (const auto& node : nodes_) out.push_back(node->address);
  return out;
}

void Cluster::open_first() {
  std::optional<Error> why;
  for (const auto& contact : options_.contacts) {
    nodes_.clear();
    nodes_.push_back(std::make_unique<Node>());
    nodes_[0]->address = contact;
    for (int version = options_.connection.version; version >= 4; --version) {
      options_.connection.version = version;
      try {
        nodes_[0]->connection = std::make_unique<Connection>(contact, options_.connection);
        read_ring(*nodes_[0]);
        return;
      } catch (const Error& error) {
        why = error;
        if (error.code() != Code::unsupported) break;  // else an older version may do
      }
    }
  }
  throw *why;
}

Rows Cluster::rows_of(Node* at, const std::string& cql) {
  auto request = query_request(cql, {}, {}, Consistency::one);
  const auto result = ask(std::move(request), at);
  if (result.opcode == Opcode::error) raise_error(result, "cassandra at " + address());
  return read_rows(result);
}

void Cluster::read_ring(Node& contact) {
  const auto local = rows_of(&contact, kLocal);
  const auto tokens_of = [](const Rows& rows, size_t row) {
    std::vector<int64_t> out;
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      if (rows.columns[i].name != "tokens" || !rows.rows[row][i]) continue;
      WireReader in(*rows.rows[row][i]);
      for (auto left = in.number<int32_t>(); left > 0; --left)
        out.push_back(std::stoll(std::string(in.long_string())));
    }
    return out;
  };
  contact.generation = local.text(0, "gossip_generation").value_or("");
  release_ = local.text(0, "release_version").value_or("");
  name_ = local.text(0, "cluster_name").value_or("");
  if (options_.data_center.empty())
    options_.data_center = local.text(0, "data_center").value_or("");
  contact.local = local.text(0, "data_center") == options_.data_center;
  ring_.clear();
  if (contact.local)
    for (const auto token : tokens_of(local, 0)) ring_.add(token, 0);
  const bool has_ports = std::atoi(release_.c_str()) >= 4;
  const auto peers = rows_of(
      &contact, has_ports
                    ? "SELECT native_address, native_port, data_center, tokens FROM system.peers_v2"
                    : "SELECT rpc_address, data_center, tokens FROM system.peers");
  for (size_t row = 0; row < peers.rows.size(); ++row) {
    const auto host = peers.text(row, has_ports ? "native_address" : "rpc_address");
    if (!host || peers.text(row, "data_center") != options_.data_center) continue;
    auto node = std::make_unique<Node>();
    node->address = {*host, has_ports ? std::stoi(peers.text(row, "native_port").value_or("9042"))
                                      : contact.address.port};
    for (const auto token : tokens_of(peers, row)) ring_.add(token, nodes_.size());
    nodes_.push_back(std::move(node));
  }
  ring_.sort();
}

bool Cluster::open(Node& node) {
  if (node.connection) return true;
  if (Steady::now() < node.again) return false;
  try {
    node.connection = std::make_unique<Connection>(node.address, options_.connection);
    identify(node);
    prepare_at(node);
    return node.connection != nullptr;
  } catch (const Error& error) {
    if (error.code() == Code::permission || error.code() == Code::canceled) throw;
    node.connection.reset();
    node.again = Steady::now() + kAgain;
    failed_at_ = error.problem().message;
    return false;
  }
}

/// Looks whether it is the process that it was.
void Cluster::identify(Node& node) {
  const auto generation = rows_of(&node, kLocal).text(0, "gossip_generation").value_or("");
  if (!node.generation.empty() && node.generation != generation) restarted_ = &node;
  node.generation = generation;
}

Cluster::Node* Cluster::choose(const Request& request) {
  std::vector<size_t> order;
  if (request.token && !ring_.empty()) {
    auto& owner = *nodes_[ring_.owner(*request.token)];
    if (owner.connection) return &owner;  // as nearly always
    order = ring_.from(*request.token);
  } else {
    for (size_t i = 0; i < nodes_.size(); ++i) order.push_back((next_ + i) % nodes_.size());
    ++next_;
  }
  for (const size_t index : order)
    if (nodes_[index]->local && open(*nodes_[index])) return nodes_[index].get();
  return nullptr;
}

void Cluster::submit(std::unique_ptr<Request> request) {
  ++under_way_;
  place(std::move(request));
}

void Cluster::place(std::unique_ptr<Request> request) {
  for (;;) {
    Node* node = choose(*request);
    if (node == nullptr) {
      if (try_again(request)) return;
      --under_way_;
      throw Error(Code::unavailable, "no node of cassandra at " + address() + " answers" +
                                         (failed_at_.empty() ? "" : ": " + failed_at_));
    }
    if (node->connection->in_flight() < options_.in_flight) {
      ++sent_[node->address.text()];
      node->connection->send(std::move(request));
      if (node->connection->buffered() > kFlushBytes) {
        try {
          node->connection->flush();
        } catch (const Error& error) {
          fail_over(*node, error.problem().message);
        }
      }
      return;
    }
    turn(kLook);
  }
}

/// Puts it among those that wait, where it may be done once more.
bool Cluster::try_again(std::unique_ptr<Request>& request) {
  if (request->begun == Steady::time_point()) request->begun = Steady::now();
  if (!request->idempotent && request->attempts > 0) return false;  // nobody knows what it did
  if (Steady::now() - request->begun > options_.retry_for) return false;
  const auto pause = kFirstPause * (1 << std::min(request->attempts, 10));
  request->not_before = Steady::now() + std::min<milliseconds>(pause, kLongestPause);
  waiting_.push_back(std::move(request));
  return true;
}

void Cluster::fail(const Request& request, const Envelope& envelope) {
  --under_way_;
  if (request.answered) {
    request.answered(envelope);
  } else if (!failure_) {
    failure_ = envelope;
  }
}

void Cluster::fail_over(Node& node, const std::string& why) {
  auto lost = node.connection->take_unanswered();
  node.connection.reset();
  node.again = Steady::now() + kFirstPause;
  failed_at_ = why;
  for (auto& request : lost) {
    if (try_again(request)) continue;
    Envelope envelope;  // as a node would say it
    put_big_endian(envelope.body, int32_t(0x1000));
    put_string(envelope.body, why);
    fail(*request, envelope);
  }
}

void Cluster::answered(Node& node, std::unique_ptr<Request> request, const Envelope& envelope) {
  const auto code = error_code(envelope);
  if (code == kUnprepared) {
    forgetful_.push_back(&node);
    request->attempts = 0;  // it was not done
  }
  if (may_pass(code) && try_again(request)) return;
  if (code >= 0) return fail(*request, envelope);
  --under_way_;
  if (request->answered) request->answered(envelope);
}

/// One look at all connections.
void Cluster::turn(milliseconds longest) {
  if (cancel_) cancel_->check();
  std::vector<pollfd> polled;
  std::vector<Node*> of;
  for (auto& node : nodes_) {
    if (!node->connection) continue;
    try {
      node->connection->flush();
    } catch (const Error& error) {
      fail_over(*node, error.problem().message);
      continue;
    }
    polled.push_back({node->connection->descriptor(), node->connection->events(), 0});
    of.push_back(node.get());
  }
  if (!waiting_.empty()) longest = std::min(longest, kFirstPause);
  if (polled.empty()) {
    std::this_thread::sleep_for(longest);
  } else {
    ::poll(polled.data(), polled.size(), int(longest.count()));
  }
  for (size_t i = 0; i < of.size(); ++i) {
    if (polled[i].revents == 0 || !of[i]->connection) continue;
    try {
      of[i]->connection->work([&](std::unique_ptr<Request> request, const Envelope& envelope) {
        answered(*of[i], std::move(request), envelope);
      });
    } catch (const Error& error) {
      fail_over(*of[i], error.problem().message);
    }
  }
  expire();
}

/// Connections that leave a request unanswered are given up; what waits is sent again.
void Cluster::expire() {
  const auto now = Steady::now();
  if (now - looked_ > 2 * kLook) {
    looked_ = now;
    for (auto& node : nodes_) {
      const auto deadline = node->connection ? node->connection->deadline() : std::nullopt;
      if (deadline && *deadline < now)
        fail_over(*node, "cassandra at " + node->address.text() + " did not answer in time");
    }
  }
  auto forgetful = std::move(forgetful_);
  forgetful_.clear();
  std::sort(forgetful.begin(), forgetful.end());
  forgetful.erase(std::unique(forgetful.begin(), forgetful.end()), forgetful.end());
  for (auto* node : forgetful)
    if (node->connection) prepare_at(*node);
  for (size_t i = 0; i < waiting_.size();) {
    if (waiting_[i]->not_before > now) {
      ++i;
      continue;
    }
    auto request = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + long(i));
    place(std::move(request));
  }
}

Envelope Cluster::ask(std::unique_ptr<Request> request, Node* at) {
  auto answer = std::make_shared<std::optional<Envelope>>();
  request->answered = [answer](const Envelope& envelope) { *answer = envelope; };
  if (at != nullptr) {
    ++under_way_;
    at->connection->send(std::move(request));
  } else {
    submit(std::move(request));
  }
  while (!*answer) turn(kLook);
  return std::move(**answer);
}

std::unique_ptr<Request> Cluster::query_request(const std::string& cql, const Values& values,
                                                const std::string& page,
                                                Consistency consistency) const {
  auto request = std::make_unique<Request>();
  Parameters with{consistency, &values, options_.page_rows, page, false, {}};
  put_query(request->body, options_.connection.version, cql, with);
  request->timeout = options_.request_timeout;
  return request;
}

Rows Cluster::query(const std::string& cql, const Values& values, bool idempotent,
                    const std::string& page, std::optional<Consistency> consistency) {
  auto request = query_request(cql, values, page, consistency.value_or(options_.consistency));
  request->idempotent = idempotent;
  const auto result = ask(std::move(request));
  if (result.opcode == Opcode::error) raise_error(result, "cassandra at " + address());
  return read_rows(result);
}

Rows Cluster::conditional(const std::string& cql, const Values& values) {
  auto request = std::make_unique<Request>();
  put_query(request->body, options_.connection.version, cql,
            {options_.consistency, &values, 0, {}, true, {}});
  request->timeout = options_.request_timeout;
  const auto result = ask(std::move(request));
  if (result.opcode == Opcode::error) raise_error(result, "cassandra at " + address());
  return read_rows(result);
}

void Cluster::stream(const std::string& cql, const std::function<void(const Rows&)>& page) {
  std::string next;
  do {
    const auto rows = query(cql, {}, true, next);
    page(rows);
    next = rows.page;
  } while (!next.empty());
}

void Cluster::change(const std::string& cql) {
  auto request = query_request(cql, {}, {}, options_.consistency);
  request->timeout = options_.schema_timeout;
  const auto result = ask(std::move(request));
  if (result.opcode == Opcode::error) raise_error(result, "cassandra at " + address());
  agree(Steady::now() + options_.schema_timeout);
}

void Cluster::agree(Steady::time_point until) {
  for (;;) {
    Node* node = nullptr;
    for (auto& each : nodes_)
      if (each->connection) node = each.get();
    if (node == nullptr || nodes_.size() == 1) return;
    std::vector<std::string> versions;
    for (const char* table : {"system.local", "system.peers"}) {
      const auto rows = rows_of(node, std::string("SELECT schema_version FROM ") + table);
      for (size_t row = 0; row < rows.rows.size(); ++row)
        versions.push_back(rows.text(row, "schema_version").value_or(""));
    }
    if (std::all_of(versions.begin(), versions.end(),
                    [&](const auto& version) { return version == versions[0]; }))
      return;
    if (Steady::now() > until) {
      throw Error(Code::unavailable,
                  "the nodes of cassandra at " + address() + " do not agree upon a schema",
                  "nodetool describecluster says which node is behind");
    }
    turn(kLook);
    std::this_thread::sleep_for(kLook);
  }
}

std::shared_ptr<const Statement> Cluster::prepare(const std::string& cql) {
  auto statement = std::make_shared<Statement>();
  statement->cql = cql;
  const auto result = ask(prepare_request(cql));
  if (result.opcode == Opcode::error) raise_error(result, "cassandra at " + address());
  read_prepared(result, options_.connection.version, *statement);
  for (auto& node : nodes_)  // one of them knows it already
    if (nodes_.size() > 1 && node->connection) ask(prepare_request(cql), node.get());
  prepared_[cql] = statement;
  return statement;
}

std::unique_ptr<Request> Cluster::prepare_request(const std::string& cql) const {
  auto request = std::make_unique<Request>();
  request->opcode = Opcode::prepare;
  request->idempotent = true;
  request->timeout = options_.request_timeout;
  put_prepare(request->body, options_.connection.version, cql);
  return request;
}

/// A node that was away, or has thrown statements out, learns them again: ids are the same on all.
void Cluster::prepare_at(Node& node) {
  for (const auto& [cql, statement] : prepared_)
    if (node.connection) ask(prepare_request(cql), &node);
}

void Cluster::write(const Statement& statement, const Values& values, int64_t timestamp) {
  auto request = std::make_unique<Request>();
  request->opcode = Opcode::execute;
  request->idempotent = true;
  request->timeout = options_.request_timeout;
  request->body.reserve(values.wire().size() + 64);
  put_execute(request->body, options_.connection.version, statement,
              {options_.consistency, &values, 0, {}, false, timestamp});
  if (nodes_.size() > 1 && !statement.partition.empty()) {
    std::string key;
    put_routing_key(key, values, statement.partition);
    request->token = murmur3_token(key);
  }
  submit(std::move(request));
  if (failure_) finish();
}

void Cluster::write_batch(const Statement& statement, const std::vector<Values>& rows, size_t count,
                          int64_t timestamp) {
  if (count == 1) return write(statement, rows[0], timestamp);
  auto request = std::make_unique<Request>();
  request->opcode = Opcode::batch;
  request->idempotent = true;
  request->timeout = options_.request_timeout;
  put_batch(request->body, options_.connection.version, statement, rows, count,
            options_.consistency, timestamp);
  if (nodes_.size() > 1 && !statement.partition.empty()) {
    std::string key;
    put_routing_key(key, rows[0], statement.partition);
    request->token = murmur3_token(key);
  }
  submit(std::move(request));
  if (failure_) finish();
}

void Cluster::finish() {
  while (under_way_ > 0) turn(kLook);
  if (failure_) {
    const auto envelope = std::move(*failure_);
    failure_.reset();
    raise_error(envelope, "cassandra at " + address());
  }
  turn(milliseconds(0));  // a connection that has died meanwhile is seen
  for (auto& node : nodes_)
    if (!node->generation.empty() && !open(*node)) restarted_ = node.get();
  if (restarted_ == nullptr) return;
  throw Error(Code::unavailable,
              "cassandra at " + restarted_->address.text() +
                  " went away while rows were written: " +
                  "what it acknowledged last may not be in its log",
              "publish again: each row is sent once more");
}

}  // namespace windrow::clients::cassandra
