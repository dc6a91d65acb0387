#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "run/executor.h"
#include "run/inbox.h"
#include "run/telling.h"

namespace windrow::run {

/// Private to run/: the state of one execution. Every member is guarded by `mutex_`; tasks and the
/// observer run outside of it.
class Execution {
 public:
  Execution(const std::vector<Task>& tasks, const Settings& settings, Cancel& cancel,
            const Clock& clock, Observer& observer);
  ~Execution();
  std::vector<Outcome> run();

 private:
  using Lock = std::unique_lock<std::mutex>;
  static constexpr size_t kNone = SIZE_MAX;

  struct Reader {
    size_t task;
    std::optional<Tie::Kind> kind;  ///< nothing: its rows come from here
  };
  struct Node {
    const Task* task = nullptr;
    Outcome outcome;
    Meter meter;  ///< safe from any thread
    std::vector<Reader> readers;
    std::vector<Tie> ties;
    size_t waiting_for = 0;
    int tries = 0;  ///< of this round
    int round = 1;
    uint64_t ticket = 0;        ///< in `resources_`; 0: it asks for nothing and has nothing
    bool by_condition = false;  ///< passed over by its own work
    bool orphan = true;         ///< it comes after nothing
    bool news = false;          ///< something that it comes after did something
    std::optional<Time> held;   ///< until its window opens
    bool goes_on = false;       ///< it gave way, and waits to go on, or does
    SteadyTime asked;           ///< when it last began to wait for its shares
    std::chrono::microseconds waited{};  ///< for its shares, in this attempt
    std::chrono::microseconds worked{};  ///< in this attempt, before it gave way
    Asker gave_way_to;
    size_t parent = kNone;
    size_t first_child = 0, children = 0, children_left = 0;
  };
  enum class What { wait, deadline, closing };
  using Due = std::tuple<SteadyTime, What, size_t>;
  struct Running {
    Cancel cancel;
    std::atomic<bool> stop_at_commit{false};
    bool timed_out = false;
    SteadyTime begun;
    std::vector<Due> dues;  ///< its own among `dues_`
  };
  struct Ended {
    size_t task;
    const Outcome* outcome;
  };

  void work();
  void handle(Inbox::Item& item);
  void eligible(size_t i);
  void ask(size_t i);
  void attempt(size_t i, Lock& lock);
  bool keeps_out(size_t i, Lock& lock);
  std::shared_ptr<Running> begin(size_t i);
  std::optional<Problem> run_work(size_t i, Running& running, Result& result);
  void give_back(size_t i, Reached reached, const std::string& why, Lock& lock);
  void after_attempt(size_t i, std::optional<Problem> problem, Result result, bool timed_out,
                     Lock& lock);
  bool gives_way(size_t i);
  void after_giving_way(size_t i, Lock& lock);
  void after_failure(size_t i, Problem problem, bool timed_out, Lock& lock);
  void spread(size_t i, std::vector<Task> children, Lock& lock);
  void finish(size_t i, Status status, Lock& lock);
  void end(size_t i, Status status, std::vector<Ended>& ended);
  void settle(std::vector<size_t> changed, std::vector<Ended>& ended);
  void settle_reader(size_t i, const Reader& reader, std::vector<size_t>& changed,
                     std::vector<Ended>& ended);
  /// What a task whose turn has come is passed over for; nothing: it is not.
  std::optional<std::string> not_taken(const Node& node) const;
  void settle_parent(size_t parent, std::vector<size_t>& changed, std::vector<Ended>& ended);
  Problem failed_children(const Node& node) const;
  bool cleans_up(const Node& node) const;
  bool may_begin(const Node& node) const;
  void give_up_what_waits(Lock& lock);
  void report(const std::vector<Ended>& ended, Lock& lock);
  void due(SteadyTime when, What what, size_t i);
  void stop_at(Running& running, SteadyTime when, What what, size_t i);
  void set_alarm();
  void look_at_time();

  /// Places in the order in which the observer is told, taken under `mutex_` together with the
  /// change that they tell of. So what happened later is told later, whichever thread is faster.
  uint64_t turns(size_t count) { return std::exchange(next_turn_, next_turn_ + count); }
  uint64_t turn_now() {
    std::lock_guard lock(mutex_);
    return turns(1);
  }
  /// Between two pieces of work under the lock: the teller may be behind, and is waited for then.
  void tell(Lock& lock, std::function<void()> call, bool wait = false) {
    const uint64_t turn = turns(1);
    lock.unlock();
    telling_->tell(turn, std::move(call), wait);
    lock.lock();
  }

  const Settings& settings_;
  Cancel& cancel_;
  const Clock& clock_;
  Observer& observer_;
  std::unique_ptr<Resources> own_resources_;
  Resources& resources_;
  const std::string workers_;  ///< its pool of workers
  const SteadyTime begun_;
  std::mutex mutex_;
  uint64_t next_turn_ = 0;
  std::mt19937_64 random_;
  std::deque<Node> nodes_;
  std::deque<Task> children_;
  std::map<size_t, std::shared_ptr<Running>> running_;
  std::set<Due> dues_;
  std::vector<std::thread> stoppers_;  ///< of attempts whose time is over
  size_t unfinished_ = 0;
  bool failed_ = false;
  Clock::Work ending_;
  std::optional<Telling> telling_;  ///< while it runs
  Inbox inbox_;
  Alarm alarm_;
};

}  // namespace windrow::run
