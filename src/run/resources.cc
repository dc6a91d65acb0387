#include "run/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <tuple>

namespace windrow::run {

using std::chrono::microseconds;

namespace {

constexpr microseconds kLongestWait = std::chrono::minutes(10);

}  // namespace

struct Resources::Waiting {
  uint64_t number;
  Request request;
  Told told;
  std::string key;
  Rank rank;
  bool granted = false;
};

struct Resources::Connection {
  ConnectionRules rules;
  int in_use = 0;
  BreakerState state;
  microseconds wait{};
  uint64_t trial = 0;  ///< request that tries it
};

Resources::Resources(const Clock& clock)
    : clock_(clock), alarm_(clock, [this] {
        std::lock_guard lock(mutex_);
        pump();
      }) {}

Resources::~Resources() = default;

void Resources::set_pool(const std::string& name, const Pool& pool) {
  std::lock_guard lock(mutex_);
  pools_[name].size = pool;
  pump();
}

void Resources::set_connection(const std::string& name, const ConnectionRules& rules) {
  std::lock_guard lock(mutex_);
  auto& connection = connections_[name];
  connection.rules = rules;
  connection.state.connection = name;
  pump();
}

void Resources::drop_pool(const std::string& name) {
  std::lock_guard lock(mutex_);
  pools_.erase(name);
}

uint64_t Resources::ask(Request request, Told told) {
  std::lock_guard lock(mutex_);
  auto waiting = std::make_shared<Waiting>();
  waiting->number = next_++;
  for (const auto& share : request.shares) {
    waiting->key += fmt::format("{}\n{} {}\n", share.pool, share.slots, share.memory);
    pools_.try_emplace(share.pool);
  }
  for (const auto& name : request.connections) {
    waiting->key += "\f" + name;
    connections_[name].state.connection = name;
  }
  const auto since =
      std::chrono::duration_cast<microseconds>(request.since.time_since_epoch()).count();
  waiting->rank = {since - int64_t(request.priority) * kAgeing.count(), request.order,
                   waiting->number};
  waiting->request = std::move(request);
  waiting->told = std::move(told);
  auto& queue = queues_[waiting->key];
  const auto place = queue.emplace(waiting->rank, waiting).first;
  known_.emplace(waiting->number, waiting);
  const auto number = waiting->number;
  if (place == queue.begin()) pump();
  return number;
}

bool Resources::withdraw(uint64_t request) {
  std::lock_guard lock(mutex_);
  const auto found = known_.find(request);
  if (found == known_.end() || found->second->granted) return false;
  const auto waiting = found->second;
  known_.erase(found);
  const auto queue = queues_.find(waiting->key);
  queue->second.erase(waiting->rank);
  if (queue->second.empty()) queues_.erase(queue);
  pump();  // others stood behind it
  return true;
}

std::vector<BreakerState> Resources::give_back(uint64_t request, Reached reached,
                                               const std::string& why) {
  std::lock_guard lock(mutex_);
  const auto found = known_.find(request);
  WINDROW_INVARIANT(found != known_.end() && found->second->granted);
  const auto waiting = found->second;
  known_.erase(found);
  for (const auto& share : waiting->request.shares) {
    auto& pool = pools_.find(share.pool)->second;
    pool.slots -= share.slots;
    pool.memory -= share.memory;
  }
  std::vector<BreakerState> out;
  for (const auto& name : waiting->request.connections) {
    auto& connection = connections_[name];
    --connection.in_use;
    settle(name, connection, request, reached, why, out);
  }
  pump();
  return out;
}

void Resources::settle(const std::string& name, Connection& connection, uint64_t request,
                       Reached reached, const std::string& why, std::vector<BreakerState>& out) {
  auto& state = connection.state;
  const bool was_trial = connection.trial == request;
  if (was_trial) {
    connection.trial = 0;
    state.trial = false;
  }
  if (reached == Reached::yes) {
    const bool was_open = std::exchange(state.open, false);
    state.failures = 0;
    connection.wait = {};
    if (was_open) out.push_back(state);
    return;
  }
  if (reached == Reached::untold) return;  // where it was the trial, the next one may try
  ++state.failures;
  state.why = why;
  const int bound = connection.rules.failures;
  if (bound == 0 || (state.open && !was_trial) || state.failures < bound) return;
  connection.wait = connection.wait.count() == 0 ? connection.rules.wait
                                                 : std::min(connection.wait * 2, kLongestWait);
  state.open = true;
  state.until = clock_.steady() + connection.wait;
  out.push_back(state);
  if (!was_trial) return;
  refuse_waiting(
      name,
      {Code::unavailable,
       fmt::format("connection \"{}\" does not answer: {} failures in a row, tried again in {}",
                   name, state.failures, duration_text(connection.wait)),
       "the last one said: " + why,
       {}});
}

void Resources::refuse_waiting(const std::string& connection, const Problem& problem) {
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    const auto& asks = queue->second.begin()->second->request.connections;
    if (std::find(asks.begin(), asks.end(), connection) == asks.end()) {
      ++queue;
      continue;
    }
    for (const auto& [rank, waiting] : queue->second) {
      known_.erase(waiting->number);
      waiting->told(problem);
    }
    queue = queues_.erase(queue);
  }
}

/// Grants whatever can be. Only the first of each queue is looked at, and each once until it is
/// granted.
void Resources::pump() {
  const auto later = [](const auto& a, const auto& b) {
    return a->second.begin()->first > b->second.begin()->first;
  };
  using Place = std::map<std::string, Queue>::iterator;
  std::priority_queue<Place, std::vector<Place>, decltype(later)> first(later);
  for (auto queue = queues_.begin(); queue != queues_.end(); ++queue) first.push(queue);
  std::set<std::string_view> held;
  while (!first.empty()) {
    const auto queue = first.top();
    first.pop();
    const auto waiting = queue->second.begin()->second;
    if (!fits(*waiting, held)) continue;
    for (const auto& share : waiting->request.shares) {
      auto& pool = pools_.find(share.pool)->second;
      pool.slots += share.slots;
      pool.memory += share.memory;
    }
    for (const auto& name : waiting->request.connections) {
      auto& connection = connections_[name];
      ++connection.in_use;
      if (connection.state.open) {
        connection.trial = waiting->number;
        connection.state.trial = true;
      }
    }
    waiting->granted = true;
    queue->second.erase(queue->second.begin());
    if (queue->second.empty())
      queues_.erase(queue);
    else
      first.push(queue);
    waiting->told({});
  }
  set_alarm();
}

/// `held`: pools whose first does not fit yet, so that nobody else gets in.
bool Resources::fits(const Waiting& waiting, std::set<std::string_view>& held) {
  const auto& request = waiting.request;
  for (const auto& name : request.connections) {
    const auto& connection = connections_[name];
    if (connection.rules.tasks > 0 && connection.in_use >= connection.rules.tasks) return false;
    const auto& state = connection.state;
    if (state.open && (state.trial || state.until > clock_.steady())) return false;
  }
  const auto has_room = [&](const Share& share) {
    const auto& pool = pools_.find(share.pool)->second;
    if (pool.slots == 0) return true;  // who asks for more than there is gets it alone
    return pool.slots + share.slots <= pool.size.slots &&
           (pool.size.memory == 0 || pool.memory + share.memory <= pool.size.memory);
  };
  for (const auto& share : request.shares) {
    if (share.pool == request.own && !has_room(share)) return false;
  }
  bool fit = true;
  for (const auto& share : request.shares) {
    if (held.contains(share.pool) || !has_room(share)) fit = false;
  }
  if (fit) return true;
  for (const auto& share : request.shares) {
    if (share.pool != request.own && !has_room(share)) held.insert(share.pool);
  }
  return false;
}

/// When the next breaker is to be tried.
void Resources::set_alarm() {
  auto next = SteadyTime::max();
  for (const auto& [key, queue] : queues_) {
    for (const auto& name : queue.begin()->second->request.connections) {
      const auto& state = connections_[name].state;
      if (state.open && !state.trial) next = std::min(next, state.until);
    }
  }
  if (next == SteadyTime::max())
    alarm_.clear();
  else
    alarm_.set(next);
}

std::vector<BreakerState> Resources::open_breakers() const {
  std::lock_guard lock(mutex_);
  std::vector<BreakerState> out;
  for (const auto& [name, connection] : connections_) {
    if (connection.state.open) out.push_back(connection.state);
  }
  return out;
}

}  // namespace windrow::run
