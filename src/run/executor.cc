#include "run/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace windrow::run {

using std::chrono::microseconds;

std::string_view name_of(Status status) {
  switch (status) {
    case Status::waiting: return "waiting";
    case Status::running: return "running";
    case Status::done: return "done";
    case Status::nothing_to_do: return "up to date";
    case Status::failed: return "failed";
    case Status::skipped: return "skipped";
    case Status::canceled: return "canceled";
  }
  return "";
}

microseconds backoff(const Retry& retry, int attempt, double random) {
  const double cap = std::min(double(retry.max.count()),
                              double(retry.delay.count()) * std::pow(retry.factor, attempt - 1));
  return microseconds(int64_t(std::max(1.0, cap * (1 - random))));
}

namespace {

/// The state of one execution. Every member is guarded by `mutex_`, but for `told_`, which
/// `telling_` guards; tasks and the observer run outside of `mutex_`.
class Execution {
 public:
  Execution(const std::vector<Task>& tasks, const Settings& settings, Cancel& cancel,
            const Clock& clock, Observer& observer)
      : tasks_(tasks),
        settings_(settings),
        cancel_(cancel),
        clock_(clock),
        observer_(observer),
        meters_(tasks.size()),
        random_(settings.seed) {
    outcomes_.resize(tasks.size());
    waiting_for_.resize(tasks.size());
    readers_.resize(tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) {
      waiting_for_[i] = tasks[i].after.size();
      for (const size_t up : tasks[i].after) {
        WINDROW_INVARIANT(up < i);
        readers_[up].push_back(i);
      }
      if (waiting_for_[i] == 0) ready_.insert(rank(i));
    }
    unfinished_ = tasks.size();
  }

  std::vector<Outcome> run() {
    const auto stop = cancel_.on_request([this] {
      std::lock_guard lock(mutex_);
      to_take_ = clock_.at_work();
      changed_.notify_all();
    });
    std::vector<std::thread> workers;
    const size_t count =
        std::min<size_t>(size_t(std::max(1, settings_.jobs)), std::max<size_t>(1, tasks_.size()));
    for (size_t i = 1; i < count; ++i)
      workers.emplace_back([this, at_work = clock_.at_work()]() mutable { work(at_work); });
    {
      auto at_work = clock_.at_work();
      const Clock::Rest rest(clock_);  // the workers, of which this is one, are at work
      work(at_work);
      at_work = {};
      for (auto& worker : workers) worker.join();
    }
    for (auto& stopper : stoppers_) stopper.join();
    return std::move(outcomes_);
  }

 private:
  using Rank = std::pair<int, size_t>;  // higher priority first, then the order of the list
  Rank rank(size_t i) const { return {-tasks_[i].priority, i}; }

  struct Running {
    std::shared_ptr<Cancel> cancel;
    std::optional<SteadyTime> deadline;
    bool timed_out = false;
  };

  /// `at_work` is held but while it waits for something to take.
  void work(Clock::Work& at_work) {
    std::unique_lock lock(mutex_);
    while (true) {
      if (unfinished_ == 0) return;
      if (stopping()) give_up_what_waits(lock);
      const auto next = take_ready();
      if (next) {
        attempt(*next, lock);
        continue;
      }
      if (unfinished_ == 0) return;
      ++idle_;
      changed();
      at_work = {};
      changed_.wait(lock);
      at_work = clock_.at_work();
      --idle_;
      changed();
    }
  }

  /// After whatever changed: what has to be done now, before time may go on, and when the next
  /// thing is due.
  void changed() {
    const bool now =
        idle_ > 0 && (stopping() ? unfinished_ > running_.size() : next_ready() != ready_.end());
    if (now != to_take_.has_value()) {
      if (now)
        to_take_ = clock_.at_work();
      else
        to_take_.reset();
    }
    auto next = retries_.empty() ? SteadyTime::max() : retries_.begin()->first;
    for (const auto& [i, running] : running_) {
      if (running.deadline && !running.timed_out) next = std::min(next, *running.deadline);
    }
    if (next == SteadyTime::max())
      alarm_.clear();
    else
      alarm_.set(next);
  }

  bool stopping() const { return cancel_.requested() || (settings_.fail_fast && failed_); }

  /// The first that is ready and has room in its pool.
  std::set<Rank>::iterator next_ready() {
    return std::find_if(ready_.begin(), ready_.end(), [this](const Rank& rank) {
      const auto& pool = tasks_[rank.second].pool;
      if (pool.empty()) return true;
      const auto limit = settings_.pools.find(pool);
      return in_pool_[pool] < (limit == settings_.pools.end() ? 1 : limit->second);
    });
  }

  std::optional<size_t> take_ready() {
    if (stopping()) return {};
    const auto next = next_ready();
    if (next == ready_.end()) return {};
    const size_t i = next->second;
    if (!tasks_[i].pool.empty()) ++in_pool_[tasks_[i].pool];
    ready_.erase(next);
    return i;
  }

  void attempt(size_t i, std::unique_lock<std::mutex>& lock) {
    auto& outcome = outcomes_[i];
    const int number = ++outcome.attempts;
    if (number == 1) outcome.started = clock_.now();
    outcome.status = Status::running;
    auto& running = running_[i];
    running.cancel = std::make_shared<Cancel>();
    Cancel& cancel = *running.cancel;
    if (tasks_[i].timeout) running.deadline = clock_.steady() + *tasks_[i].timeout;
    changed();
    const uint64_t turn = turns(1);
    lock.unlock();
    tell(turn, [&] { observer_.started(i, number); });
    std::optional<Problem> problem;
    bool did = false;
    {
      const auto follow = cancel_.on_request([&cancel] { cancel.request(); });
      problem = run_work(i, cancel, number, did);
    }
    lock.lock();
    const bool timed_out = running_[i].timed_out;
    running_.erase(i);
    if (!tasks_[i].pool.empty()) --in_pool_[tasks_[i].pool];
    after_attempt(i, std::move(problem), did, timed_out, lock);
    changed();
    changed_.notify_all();
  }

  std::optional<Problem> run_work(size_t i, Cancel& cancel, int number, bool& did) {
    Context context{cancel, number,
                    [this, i](const Progress& progress) {
                      tell(turn_now(), [&] { observer_.progressed(i, progress); });
                    },
                    meters_[i]};
    const CpuScope cpu(&meters_[i]);
    try {
      did = tasks_[i].work(context);
      return {};
    } catch (const Error& error) {
      Problem problem = error.problem();
      for (size_t p = 1; p < error.problems().size(); ++p)
        problem.message += "\n" + error.problems()[p].text();
      return problem;
    } catch (const std::exception& error) {
      return Problem{Code::internal,
                     error.what(),
                     "this is a bug: please report it with the log of the run",
                     {}};
    }
  }

  void after_attempt(size_t i, std::optional<Problem> problem, bool did, bool timed_out,
                     std::unique_lock<std::mutex>& lock) {
    if (!problem) return finish(i, did ? Status::done : Status::nothing_to_do, lock);
    if (timed_out && problem->code == Code::canceled) {
      problem->code = Code::timeout;
      problem->message = fmt::format("it took longer than {}", duration_text(*tasks_[i].timeout));
      problem->hint = "allow it more with timeout:, or look what holds it up";
    }
    outcomes_[i].problem = problem;
    if (cancel_.requested() && problem->code == Code::canceled)
      return finish(i, Status::canceled, lock);
    if (retryable(problem->code) && outcomes_[i].attempts <= tasks_[i].retry.times && !stopping()) {
      const double random = std::uniform_real_distribution<double>(0, 1)(random_);
      const auto wait = backoff(tasks_[i].retry, outcomes_[i].attempts, random);
      outcomes_[i].status = Status::waiting;
      retries_.emplace(clock_.steady() + wait, i);
      const int attempts = outcomes_[i].attempts;
      const uint64_t turn = turns(1);
      lock.unlock();
      tell(turn, [&] { observer_.retrying(i, attempts, *problem, wait); });
      lock.lock();
      return;
    }
    finish(i, Status::failed, lock);
  }

  /// Ends a task, and with a failure everything after it.
  void finish(size_t i, Status status, std::unique_lock<std::mutex>& lock) {
    std::vector<size_t> ended;
    end(i, status, ended);
    if (status == Status::failed) failed_ = true;
    if (status == Status::done || status == Status::nothing_to_do) {
      for (const size_t reader : readers_[i]) {
        if (--waiting_for_[reader] == 0 && outcomes_[reader].status == Status::waiting)
          ready_.insert(rank(reader));
      }
    } else {
      skip_after(i, status, ended);
    }
    report(ended, lock);
  }

  void skip_after(size_t cause, Status status, std::vector<size_t>& ended) {
    std::vector<size_t> todo = readers_[cause];
    while (!todo.empty()) {
      const size_t i = todo.back();
      todo.pop_back();
      if (outcomes_[i].status != Status::waiting) continue;
      if (status == Status::failed) outcomes_[i].cause = cause;
      end(i, status == Status::failed ? Status::skipped : Status::canceled, ended);
      todo.insert(todo.end(), readers_[i].begin(), readers_[i].end());
    }
  }

  void give_up_what_waits(std::unique_lock<std::mutex>& lock) {
    std::vector<size_t> ended;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (outcomes_[i].status == Status::waiting) end(i, Status::canceled, ended);
    }
    ready_.clear();
    retries_.clear();
    if (ended.empty()) return;
    changed();
    changed_.notify_all();
    report(ended, lock);
  }

  void end(size_t i, Status status, std::vector<size_t>& ended) {
    outcomes_[i].status = status;
    outcomes_[i].ended = clock_.now();
    outcomes_[i].usage = meters_[i].usage();
    if (outcomes_[i].attempts == 0) outcomes_[i].started = outcomes_[i].ended;
    ended.push_back(i);
    --unfinished_;
  }

  /// An outcome does not change any more once its task has ended: it is read without the lock.
  void report(const std::vector<size_t>& ended, std::unique_lock<std::mutex>& lock) {
    uint64_t turn = turns(ended.size());
    lock.unlock();
    for (const size_t i : ended) tell(turn++, [&] { observer_.finished(i, outcomes_[i]); });
    lock.lock();
  }

  /// Places in the order in which the observer is told, taken under `mutex_` together with the
  /// change that they tell of. So what happened later is told later, whichever thread is faster.
  uint64_t turns(size_t count) { return std::exchange(next_turn_, next_turn_ + count); }
  uint64_t turn_now() {
    std::lock_guard lock(mutex_);
    return turns(1);
  }

  /// Without `mutex_`: an observer that is slow, or asks the run to stop, holds nothing up but
  /// those who have something to tell.
  template <typename F>
  void tell(uint64_t turn, F&& call) {
    std::unique_lock lock(telling_);
    told_changed_.wait(lock, [&] { return told_ == turn; });
    call();
    ++told_;
    told_changed_.notify_all();
  }

  /// Moves retries to `ready_` when their time comes and asks attempts to stop when theirs is over.
  void look_at_time() {
    std::lock_guard lock(mutex_);
    const auto now = clock_.steady();
    while (!retries_.empty() && retries_.begin()->first <= now) {
      ready_.insert(rank(retries_.begin()->second));
      retries_.erase(retries_.begin());
      changed_.notify_all();
    }
    for (auto& [i, running] : running_) {
      if (!running.deadline || running.timed_out || *running.deadline > now) continue;
      running.timed_out = true;
      // To ask a server to stop takes time, and others wait for their alarms.
      stoppers_.emplace_back(
          [cancel = running.cancel, at_work = clock_.at_work()] { cancel->request(); });
    }
    changed();
  }

  const std::vector<Task>& tasks_;
  const Settings& settings_;
  Cancel& cancel_;
  const Clock& clock_;
  Observer& observer_;
  std::mutex mutex_, telling_;
  std::condition_variable changed_, told_changed_;
  uint64_t next_turn_ = 0, told_ = 0;
  std::deque<Meter> meters_;  ///< of each task; safe from any thread
  std::mt19937_64 random_;
  std::vector<Outcome> outcomes_;
  std::vector<size_t> waiting_for_;
  std::vector<std::vector<size_t>> readers_;
  std::set<Rank> ready_;
  std::multimap<SteadyTime, size_t> retries_;
  std::map<size_t, Running> running_;
  std::vector<std::thread> stoppers_;  ///< of attempts whose time is over
  std::map<std::string, int> in_pool_;
  size_t unfinished_ = 0, idle_ = 0;  ///< tasks without an end; workers that wait
  bool failed_ = false;
  std::optional<Clock::Work> to_take_;  ///< there: a worker that waits has something to take
  Alarm alarm_{clock_, [this] { look_at_time(); }};
};

}  // namespace

std::vector<Outcome> execute(const std::vector<Task>& tasks, const Settings& settings,
                             Cancel& cancel, const Clock& clock, Observer& observer) {
  return Execution(tasks, settings, cancel, clock, observer).run();
}

}  // namespace windrow::run
