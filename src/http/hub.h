#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/url.h"
#include "http/lanes.h"
#include "http/rates.h"
#include "http/server.h"

/// Private to http/.
namespace windrow::http {

/// A connection, whatever it goes through.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void wake() = 0;  ///< there may be something for its stream
  virtual void beat() = 0;  ///< it shows its client that it lives
  virtual void end() = 0;   ///< the server stops
};

/// What connections share.
struct Hub {
  Hub(Options given, Server::Ways functions)
      : options(std::move(given)),
        ways(std::move(functions)),
        rates(options.limits.requests_a_second, options.limits.requests_at_once),
        quick(options.limits.quick_threads, options.limits.waiting),
        slow(options.limits.slow_threads, options.limits.waiting) {}

  using Known = std::map<Connection*, std::weak_ptr<Connection>>;
  void add(const std::shared_ptr<Connection>& connection, Known Hub::*where) {
    std::lock_guard lock(mutex);
    (this->*where)[connection.get()] = connection;
  }
  void remove(Connection* connection, const std::string& peer) {
    std::lock_guard lock(mutex);
    all.erase(connection);
    streams.erase(connection);
    if (const auto found = by_peer.find(peer); found != by_peer.end() && --found->second == 0)
      by_peer.erase(found);
    gone.notify_all();
  }
  std::vector<std::shared_ptr<Connection>> living(Known Hub::*where) {
    std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<Connection>> out;
    for (const auto& [key, each] : this->*where)
      if (auto held = each.lock()) out.push_back(std::move(held));
    return out;
  }
  /// A place for one more connection; `remove` gives it back.
  bool take(const std::string& peer) {
    std::lock_guard lock(mutex);
    const bool full = all.size() >= options.limits.connections;
    const auto found = by_peer.find(peer);
    const size_t has = found == by_peer.end() ? 0 : found->second;
    if (full || (!is_loopback(peer) && has >= options.limits.connections_each)) return false;
    ++by_peer[peer];
    return true;
  }

  const Options options;
  const Server::Ways ways;
  Rates rates;
  std::mutex mutex;
  std::condition_variable gone;
  Known all, streams;
  std::map<std::string, size_t> by_peer;
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> accepted{0}, refused{0}, dropped{0};
  Lane quick, slow;
};

}  // namespace windrow::http
