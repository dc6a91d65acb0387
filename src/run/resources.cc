#include "run/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

namespace windrow::run {

using std::chrono::microseconds;

namespace {

constexpr microseconds kLongestWait = std::chrono::minutes(10);
constexpr const char* kSlots = "\aslots";
constexpr int kUnbounded = std::numeric_limits<int>::max() / 2;

/// As its project calls it.
std::string name_of_scoped(const std::string& scoped) {
  return scoped.substr(scoped.rfind('/') + 1);
}

}  // namespace

struct Resources::Waiting {
  uint64_t number;
  Request request;
  Told told;
  std::string key;
  Rank rank;
  Portion* portion;
  SteadyTime asked, begun;  ///< begun: when it was granted
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
      }) {
  pools_[kSlots].size.slots = kUnbounded;
}

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

void Resources::set_slots(int slots) { set_pool(kSlots, {slots > 0 ? slots : kUnbounded, 0}); }

void Resources::set_weight(const std::string& project, int weight) {
  std::lock_guard lock(mutex_);
  portions_[project].set_weight(weight);
  pump();
}

Resources::Rank Resources::rank_of(const Request& request, SteadyTime since, uint64_t number) {
  const auto at = std::chrono::duration_cast<microseconds>(since.time_since_epoch()).count();
  return {at - int64_t(request.priority) * kAgeing.count(), request.order, number};
}

uint64_t Resources::ask(Request request, Told told) {
  std::lock_guard lock(mutex_);
  auto waiting = std::make_shared<Waiting>();
  waiting->number = next_++;
  if (request.takes_slot) request.shares.push_back({kSlots, 1, 0});
  waiting->key = request.asker.project + "\n";
  for (const auto& share : request.shares) {
    waiting->key += fmt::format("{}\n{} {}\n", share.pool, share.slots, share.memory);
    pools_.try_emplace(share.pool);
  }
  for (const auto& name : request.connections) {
    waiting->key += "\f" + name;
    connections_[name].state.connection = name;
  }
  waiting->rank = rank_of(request, request.since, waiting->number);
  waiting->portion = &portions_[request.asker.project];
  waiting->request = std::move(request);
  waiting->told = std::move(told);
  waiting->asked = clock_.steady();
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
  giving_way_.erase(request);
  release(*waiting);
  std::vector<BreakerState> out;
  for (const auto& name : waiting->request.connections)
    settle(name, connections_[name], request, reached, why, out);
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

void Resources::pump() {
  for (const auto& waiting : next_ones(nullptr)) {
    waiting->granted = true;
    waiting->begun = clock_.steady();
    const auto queue = queues_.find(waiting->key);
    queue->second.erase(waiting->rank);
    if (queue->second.empty()) queues_.erase(queue);
    waiting->told({});
  }
  set_alarm();
}

/// Whoever can be granted, which they are taken to be from now on. Only the first of each queue is
/// looked at, and each once until it is granted. `also`: one more queue.
std::vector<std::shared_ptr<Resources::Waiting>> Resources::next_ones(const Queue* also) {
  struct Place {
    Queue::const_iterator at, end;
  };
  const auto later = [](const Place& a, const Place& b) { return a.at->first > b.at->first; };
  std::map<const Portion*, std::priority_queue<Place, std::vector<Place>, decltype(later)>> first;
  const auto add = [&](const Queue& queue) {
    first.try_emplace(queue.begin()->second->portion, later)
        .first->second.push({queue.begin(), queue.end()});
  };
  for (const auto& [key, queue] : queues_) add(queue);
  if (also) add(*also);
  const auto now = clock_.steady();
  std::vector<std::shared_ptr<Waiting>> out;
  std::set<std::string_view> held;
  while (!first.empty()) {
    auto next = first.begin();
    if (first.size() > 1) {
      const auto before = [&](const auto& a, const auto& b) {
        return std::pair(a.first->share(now), a.second.top().at->first) <
               std::pair(b.first->share(now), b.second.top().at->first);
      };
      next = std::min_element(first.begin(), first.end(), before);
    }
    auto place = next->second.top();
    next->second.pop();
    const auto& waiting = place.at->second;
    if (fits(*waiting, held)) {
      take(*waiting);
      out.push_back(waiting);
      if (++place.at != place.end) next->second.push(place);
    }
    if (next->second.empty()) first.erase(next);
  }
  return out;
}

void Resources::take(const Waiting& waiting) {
  for (const auto& share : waiting.request.shares) {
    auto& pool = pools_.find(share.pool)->second;
    pool.slots += share.slots;
    pool.memory += share.memory;
  }
  for (const auto& name : waiting.request.connections) {
    auto& connection = connections_[name];
    ++connection.in_use;
    if (connection.state.open && !connection.state.trial) {
      connection.trial = waiting.number;
      connection.state.trial = true;
    }
  }
  if (waiting.request.takes_slot) waiting.portion->take(clock_.steady());
}

void Resources::release(const Waiting& waiting) {
  for (const auto& share : waiting.request.shares) {
    auto& pool = pools_.find(share.pool)->second;
    pool.slots -= share.slots;
    pool.memory -= share.memory;
  }
  for (const auto& name : waiting.request.connections) --connections_[name].in_use;
  if (waiting.request.takes_slot) waiting.portion->give_back(clock_.steady());
}

bool Resources::has_room(const Share& share) const {
  const auto& pool = pools_.find(share.pool)->second;
  if (pool.slots == 0) return true;  // who asks for more than there is gets it alone
  return pool.slots + share.slots <= pool.size.slots &&
         (pool.size.memory == 0 || pool.memory + share.memory <= pool.size.memory);
}

bool Resources::takes(const Connection& connection) const {
  if (connection.rules.tasks > 0 && connection.in_use >= connection.rules.tasks) return false;
  const auto& state = connection.state;
  return !state.open || (!state.trial && state.until <= clock_.steady());
}

/// `held`: pools whose first does not fit yet, so that nobody else gets in.
bool Resources::fits(const Waiting& waiting, std::set<std::string_view>& held) const {
  const auto& request = waiting.request;
  for (const auto& name : request.connections)
    if (!takes(connections_.find(name)->second)) return false;
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

std::optional<Asker> Resources::gives_way(uint64_t request) {
  std::lock_guard lock(mutex_);
  const auto found = known_.find(request);
  WINDROW_INVARIANT(found != known_.end() && found->second->granted);
  if (queues_.empty() || giving_way_.contains(request)) return {};
  const auto& holder = *found->second;
  // As it would ask again: what it has waited counts.
  const auto waited = holder.begun - holder.request.since;
  auto again = std::make_shared<Waiting>(holder);
  again->granted = false;
  again->rank =
      rank_of(holder.request, clock_.steady() - waited - kAlike, std::get<2>(holder.rank));
  for (const auto other : giving_way_) release(*known_.find(other)->second);
  release(holder);
  const Queue queue{{again->rank, again}};
  const auto next = next_ones(&queue);
  // It was only to be seen who they are.
  for (const auto& each : next) {
    release(*each);
    for (const auto& name : each->request.connections) {
      auto& connection = connections_[name];
      if (connection.trial == each->number && each != again)
        connection.trial = connection.state.trial = false;
    }
  }
  take(holder);
  for (const auto other : giving_way_) take(*known_.find(other)->second);
  if (std::find(next.begin(), next.end(), again) != next.end()) return {};
  const auto higher = std::find_if(next.begin(), next.end(), [&](const auto& each) {
    return each->request.priority > holder.request.priority;
  });
  if (higher == next.end()) return {};
  giving_way_.insert(request);
  return (*higher)->request.asker;
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

std::vector<std::string> Resources::lacks_of(const Waiting& waiting,
                                             std::set<std::string>& scarce) const {
  std::vector<std::string> out;
  const auto lacks = [&](const std::string& name, std::string words) {
    scarce.insert(name);
    out.push_back(std::move(words));
  };
  const auto& request = waiting.request;
  for (const auto& share : request.shares) {
    if (has_room(share)) continue;
    const auto& pool = pools_.find(share.pool)->second;
    if (share.pool == kSlots)
      lacks(share.pool, fmt::format("a slot of the server ({} in use)", pool.slots));
    else if (share.pool == request.own)
      lacks(share.pool, fmt::format("its run, which does {} at a time", pool.size.slots));
    else if (pool.slots + share.slots > pool.size.slots)
      lacks(share.pool, fmt::format("pool {} ({} of {} slots in use)", name_of_scoped(share.pool),
                                    pool.slots, pool.size.slots));
    else
      lacks(share.pool, fmt::format("memory of pool {}", name_of_scoped(share.pool)));
  }
  for (const auto& name : request.connections) {
    const auto& connection = connections_.find(name)->second;
    if (takes(connection)) continue;
    const auto& state = connection.state;
    const auto shown = name_of_scoped(name);
    if (!state.open)
      lacks(name, fmt::format("connection {} ({} at a time)", shown, connection.rules.tasks));
    else if (state.trial)
      lacks(name, fmt::format("connection {}, which is being tried again", shown));
    else
      lacks(name, fmt::format("connection {}, which does not answer: tried again in {}", shown,
                              duration_text(std::chrono::ceil<std::chrono::seconds>(
                                  state.until - clock_.steady()))));
  }
  if (out.empty()) out.emplace_back("its turn: others come before it");
  return out;
}

std::vector<Standing> Resources::standing() const {
  constexpr size_t kHolders = 5;
  std::lock_guard lock(mutex_);
  std::vector<Standing> out;
  const auto now = clock_.steady();
  std::vector<const Request*> granted;
  for (const auto& [number, waiting] : known_)
    if (waiting->granted) granted.push_back(&waiting->request);
  for (const auto& [number, waiting] : known_) {
    Standing one{waiting->request.asker, waiting->request.priority, waiting->granted, {}, {}, {}};
    one.since = std::chrono::duration_cast<microseconds>(
        now - (waiting->granted ? waiting->begun : waiting->asked));
    std::set<std::string> scarce;
    if (!waiting->granted) one.lacks = lacks_of(*waiting, scarce);
    for (const auto* other : granted) {
      if (scarce.empty() || one.holders.size() == kHolders) break;
      const bool holds =
          std::any_of(other->shares.begin(), other->shares.end(),
                      [&](const auto& share) { return scarce.contains(share.pool); }) ||
          std::any_of(other->connections.begin(), other->connections.end(),
                      [&](const auto& name) { return scarce.contains(name); });
      if (holds) one.holders.push_back(other->asker);
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace windrow::run
