#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "run/portion.h"

/// What tasks share: slots and memory of pools, places at connections, who may try a connection
/// that does not answer, and the slots of the process.
namespace windrow::run {

struct Pool {
  int slots = 1;
  uint64_t memory = 0;  ///< bytes; 0: nobody counts them
};

/// What a task takes of a pool while it runs.
struct Share {
  std::string pool;
  int slots = 1;
  uint64_t memory = 0;  ///< bytes
};

struct ConnectionRules {
  int tasks = 0;     ///< at a time; 0: any number
  int failures = 5;  ///< so many in a row open its breaker; 0: never
  std::chrono::microseconds wait = std::chrono::seconds(30);  ///< until it is tried again
};

/// A breaker is open while its connection is taken to be gone. After `wait` one task tries it, the
/// trial: where that fails too, the wait doubles, up to ten minutes.
struct BreakerState {
  std::string connection;
  bool open = false, trial = false;
  int failures = 0;  ///< in a row
  SteadyTime until;  ///< open: when it is tried again
  std::string why;   ///< the last failure
};

/// How a task's work with its connections went.
enum class Reached {
  yes,    ///< it answered, whatever it said
  no,     ///< it did not
  untold  ///< nobody knows: stopped before
};

/// Who asks, for people.
struct Asker {
  std::string project, run, task;
};

/// A request as it stands.
struct Standing {
  Asker asker;
  int priority = 0;
  bool granted = false;
  std::chrono::microseconds since{};  ///< for so long it waits, or has had what it asked for
  /// Waiting: what it lacks, in words, and who has that.
  std::vector<std::string> lacks;
  std::vector<Asker> holders;
};

/// Grants requests in the order of their priority, in which waiting counts: `kAgeing` of it is as
/// much as one step. Who is first in a pool and does not fit yet is not overtaken there, so a large
/// request does not starve; what waits for a connection holds no pool up. Between projects that one
/// is next which has the least `Portion` of the slots of the process. Shared by the runs of a
/// process. Safe from any thread.
class Resources {
 public:
  static constexpr std::chrono::microseconds kAgeing = std::chrono::minutes(1);
  /// Waits that differ by less are alike.
  static constexpr std::chrono::microseconds kAlike = std::chrono::seconds(10);

  /// The clock must outlive it.
  explicit Resources(const Clock& clock);
  ~Resources();
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  /// Sets sizes, also of what is in use. A pool that was never set has one slot.
  void set_pool(const std::string& name, const Pool& pool);
  void set_connection(const std::string& name, const ConnectionRules& rules);
  /// Nobody may use it or wait for it.
  void drop_pool(const std::string& name);
  /// Of the process, for requests that take one; 0: any number.
  void set_slots(int slots);
  void set_weight(const std::string& project, int weight);

  struct Request {
    std::vector<Share> shares;
    std::vector<std::string> connections;
    bool takes_slot = false;  ///< one of the process
    int priority = 0;
    SteadyTime since;  ///< from when on its waiting counts
    size_t order = 0;  ///< among those that are alike
    /// A share of this pool is only its owner's: who waits for it holds no other pool up.
    std::string own;
    Asker asker;
  };
  /// Told once, with nothing where it was granted, else with why not: a trial of its connection has
  /// failed while it waited. From any thread and under a lock: it may only take note.
  using Told = std::function<void(std::optional<Problem>)>;
  /// A number for the request; never 0.
  uint64_t ask(Request request, Told told);
  /// It does not wait any more, and will not be told. False where it was told already.
  bool withdraw(uint64_t request);
  /// Gives back what was granted; gives the breakers that this opened or closed.
  std::vector<BreakerState> give_back(uint64_t request, Reached reached, const std::string& why);

  /// For who could stop here and go on later: whether somebody of higher priority waits who would
  /// begin by that, and who. Then it has promised to give everything back now and to ask again:
  /// others need not stop for the same one. Who has waited long enough, all in all, gives way no
  /// more, as waiting counts.
  std::optional<Asker> gives_way(uint64_t request);

  /// Of connections whose breaker is open.
  std::vector<BreakerState> open_breakers() const;
  /// Everything that was granted, and that waits, in the order of asking.
  std::vector<Standing> standing() const;

 private:
  struct Waiting;
  struct Connection;
  struct PoolState {
    Pool size;
    int slots = 0;
    uint64_t memory = 0;
  };
  /// Who comes first: earlier by age and priority, then by order.
  using Rank = std::tuple<int64_t, size_t, uint64_t>;
  using Queue = std::map<Rank, std::shared_ptr<Waiting>>;

  static Rank rank_of(const Request& request, SteadyTime since, uint64_t number);
  void pump();
  std::vector<std::shared_ptr<Waiting>> next_ones(const Queue* also);
  bool fits(const Waiting& waiting, std::set<std::string_view>& held) const;
  bool has_room(const Share& share) const;
  bool takes(const Connection& connection) const;
  void take(const Waiting& waiting);
  void release(const Waiting& waiting);
  std::vector<std::string> lacks_of(const Waiting& waiting, std::set<std::string>& scarce) const;
  void refuse_waiting(const std::string& connection, const Problem& problem);
  void settle(const std::string& name, Connection& connection, uint64_t request, Reached reached,
              const std::string& why, std::vector<BreakerState>& out);
  void set_alarm();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, PoolState, std::less<>> pools_;
  std::map<std::string, Connection> connections_;
  std::map<std::string, Portion> portions_;  ///< by project
  std::map<std::string, Queue> queues_;      ///< those that ask for the same stand in one queue
  std::map<uint64_t, std::shared_ptr<Waiting>> known_;  ///< waiting, or granted
  std::set<uint64_t> giving_way_;                       ///< granted, and as good as given back
  uint64_t next_ = 1;
  Alarm alarm_;
};

}  // namespace windrow::run
