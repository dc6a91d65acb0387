#include "run/execution.h"

#include <fmt/format.h>

#include <algorithm>

namespace windrow::run {

using std::chrono::microseconds;

namespace {

/// The time of day may jump: a window is looked at again after so long.
constexpr microseconds kWindowLook = std::chrono::minutes(1);
constexpr size_t kNamed = 5;

std::string next_workers() {
  static std::atomic<uint64_t> count{0};
  return fmt::format("\aworkers {}", ++count);
}

Reached reached_of(const std::optional<Problem>& problem) {
  if (!problem) return Reached::yes;
  if (problem->code == Code::canceled) return Reached::untold;
  return problem->code == Code::unavailable || problem->code == Code::timeout ? Reached::no
                                                                              : Reached::yes;
}

}  // namespace

Execution::Execution(const std::vector<Task>& tasks, const Settings& settings, Cancel& cancel,
                     const Clock& clock, Observer& observer)
    : settings_(settings),
      cancel_(cancel),
      clock_(clock),
      observer_(observer),
      own_resources_(settings.resources ? nullptr : std::make_unique<Resources>(clock)),
      resources_(settings.resources ? *settings.resources : *own_resources_),
      workers_(next_workers()),
      begun_(clock.steady()),
      random_(settings.seed),
      inbox_(clock, size_t(std::max(1, settings.jobs)), [this] { work(); }),
      alarm_(clock, [this] { look_at_time(); }) {
  resources_.set_pool(workers_, {std::max(1, settings.jobs), 0});
  if (own_resources_)
    for (const auto& [name, pool] : settings.pools) resources_.set_pool(name, pool);
  for (size_t i = 0; i < tasks.size(); ++i) {
    auto& node = nodes_.emplace_back();
    node.task = &tasks[i];
    node.ties = tasks[i].ties;
    node.waiting_for = tasks[i].after.size() + node.ties.size();
    node.orphan = node.waiting_for == 0;
    const auto read = [&](size_t up, std::optional<Tie::Kind> kind) {
      WINDROW_INVARIANT(up < i);
      nodes_[up].readers.push_back({i, kind});
    };
    for (const size_t up : tasks[i].after) read(up, {});
    for (const auto& tie : node.ties) read(tie.task, tie.kind);
  }
  unfinished_ = tasks.size();
}

Execution::~Execution() { resources_.drop_pool(workers_); }

std::vector<Outcome> Execution::run() {
  if (nodes_.empty()) return {};
  telling_.emplace(clock_);
  {
    auto at_work = clock_.at_work();
    const Clock::Rest rest(clock_);  // the workers, of which this is one, are at work
    const auto stop = cancel_.on_request([this] { inbox_.post(Inbox::Kind::give_up); });
    {
      std::lock_guard lock(mutex_);
      for (size_t i = 0; i < nodes_.size(); ++i)
        if (nodes_[i].orphan) eligible(i);
      set_alarm();
    }
    at_work = {};
    work();
    inbox_.join();
  }
  for (auto& stopper : stoppers_) stopper.join();
  telling_.reset();  // outcomes are read until it has told all
  ending_ = {};
  std::vector<Outcome> out;
  out.reserve(nodes_.size());
  for (auto& node : nodes_) out.push_back(std::move(node.outcome));
  return out;
}

void Execution::work() {
  while (auto item = inbox_.take()) handle(*item);
}

void Execution::handle(Inbox::Item& item) {
  Lock lock(mutex_);
  switch (item.kind) {
    case Inbox::Kind::give_up: give_up_what_waits(lock); break;
    case Inbox::Kind::start: attempt(item.task, lock); break;
    case Inbox::Kind::held: {
      const Time until = *nodes_[item.task].held;
      tell(lock, [this, i = item.task, until] { observer_.held(i, until); });
      break;
    }
    case Inbox::Kind::refused: {
      auto& node = nodes_[item.task];
      node.ticket = 0;
      if (node.outcome.status != Status::waiting) break;
      if (++node.outcome.attempts == 1) node.outcome.started = clock_.now();
      ++node.tries;
      after_failure(item.task, std::move(item.problem), false, lock);
      break;
    }
  }
  set_alarm();
}

/// It waits for nothing that others do any more.
void Execution::eligible(size_t i) {
  auto& node = nodes_[i];
  if (node.task->window) {
    const Time now = clock_.now();
    const auto span = span_of(*node.task->window, now);
    if (span.start > now) {
      due(clock_.steady() + std::min<microseconds>(span.start - now, kWindowLook), What::wait, i);
      if (node.held != span.start) {
        node.held = span.start;
        // Told by a worker: who is here may be the clock's own thread.
        inbox_.post(Inbox::Kind::held, i);
      }
      return;
    }
  }
  ask(i);
}

void Execution::ask(size_t i) {
  auto& node = nodes_[i];
  Resources::Request request;
  request.shares = node.task->shares;
  request.shares.push_back({workers_, 1, 0});
  request.connections = node.task->connections;
  request.takes_slot = node.task->takes_slot;
  request.priority = node.task->priority;
  node.asked = clock_.steady();
  // What is alike goes by the order of the list. Who gave way has waited already.
  request.since =
      begun_ + (node.asked - node.waited - begun_) / Resources::kAlike * Resources::kAlike;
  request.order = i;
  request.own = workers_;
  request.asker = {settings_.project, settings_.run, node.task->name};
  node.ticket = resources_.ask(std::move(request), [this, i](std::optional<Problem> refused) {
    if (refused)
      inbox_.post(Inbox::Kind::refused, i, std::move(*refused));
    else
      inbox_.post(Inbox::Kind::start, i);
  });
}

/// After its request was granted, and before it begins.
bool Execution::keeps_out(size_t i, Lock& lock) {
  auto& node = nodes_[i];
  if (node.outcome.status != Status::waiting || !may_begin(node)) {
    give_back(i, Reached::untold, "", lock);
    return true;
  }
  // What has begun in its hours ends outside of them, or stops where it may.
  if (!node.task->window || node.goes_on ||
      span_of(*node.task->window, clock_.now()).start <= clock_.now())
    return false;
  give_back(i, Reached::untold, "", lock);
  if (node.outcome.status == Status::waiting && may_begin(node)) eligible(i);
  return true;
}

std::shared_ptr<Execution::Running> Execution::begin(size_t i) {
  auto& node = nodes_[i];
  auto running = std::make_shared<Running>();
  running_[i] = running;
  running->begun = clock_.steady();
  const auto waited = std::chrono::duration_cast<microseconds>(running->begun - node.asked);
  node.waited += waited;
  node.outcome.status = Status::running;
  if (node.goes_on) {
    node.outcome.gave_way_for += waited;
  } else {
    if (++node.outcome.attempts == 1) node.outcome.started = clock_.now();
    ++node.tries;
    node.worked = {};
  }
  auto allowed = node.task->timeout;
  if (cancel_.requested())  // it cleans up
    allowed = std::min(allowed.value_or(settings_.grace), settings_.grace);
  if (allowed) stop_at(*running, running->begun + *allowed - node.worked, What::deadline, i);
  if (node.task->window && node.task->window->stop) {
    const Time now = clock_.now();
    const auto span = span_of(*node.task->window, now);
    if (span.start > now)  // it closed while this had given way
      running->stop_at_commit = true;
    else
      stop_at(*running, running->begun + (span.end - now), What::closing, i);
  }
  return running;
}

void Execution::attempt(size_t i, Lock& lock) {
  if (keeps_out(i, lock)) return;
  auto& node = nodes_[i];
  const auto running = begin(i);
  const int number = node.outcome.attempts;
  const bool follows = !cleans_up(node);
  if (node.goes_on) {
    const auto waited = std::chrono::duration_cast<microseconds>(running->begun - node.asked);
    tell(lock, [this, i, waited] { observer_.went_on(i, waited); });
  } else {
    tell(lock, [this, i, number] { observer_.started(i, number); });
  }
  lock.unlock();
  Result result(false);
  std::optional<Problem> problem;
  {
    Cancel::Registration follow;
    if (follows) follow = cancel_.on_request([&running] { running->cancel.request(); });
    problem = run_work(i, *running, result);
  }
  lock.lock();
  running_.erase(i);
  for (const auto& due : running->dues) dues_.erase(due);
  node.worked += std::chrono::duration_cast<microseconds>(clock_.steady() - running->begun);
  const auto reached = running->timed_out ? Reached::no : reached_of(problem);
  give_back(i, reached, problem ? problem->message : "", lock);
  after_attempt(i, std::move(problem), std::move(result), running->timed_out, lock);
}

std::optional<Problem> Execution::run_work(size_t i, Running& running, Result& result) {
  Lock lock(mutex_);
  auto& node = nodes_[i];
  lock.unlock();
  Context context{
      i,
      running.cancel,
      node.outcome.attempts,
      [this, i](const Progress& progress) {
        telling_->tell(turn_now(), [this, i, progress] { observer_.progressed(i, progress); });
      },
      node.meter,
      node.round,
      node.orphan || node.news,
      [this](const std::function<void()>& call) { telling_->tell(turn_now(), call, true); },
      running.stop_at_commit,
      [this, i] { return gives_way(i); },
      node.goes_on};
  const CpuScope cpu(&node.meter);
  try {
    result = node.task->work(context);
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

void Execution::give_back(size_t i, Reached reached, const std::string& why, Lock& lock) {
  const auto ticket = std::exchange(nodes_[i].ticket, 0);
  for (const auto& state : resources_.give_back(ticket, reached, why))
    tell(lock, [this, state] { observer_.breaker(state); });
}

void Execution::after_attempt(size_t i, std::optional<Problem> problem, Result result,
                              bool timed_out, Lock& lock) {
  auto& node = nodes_[i];
  node.goes_on = !problem && result.stopped;
  if (node.goes_on) return after_giving_way(i, lock);
  node.waited = {};
  if (problem) return after_failure(i, std::move(*problem), timed_out, lock);
  if (result.again) {
    node.outcome.status = Status::waiting;
    ++node.round;
    node.tries = 0;
    if (!may_begin(node)) return finish(i, Status::canceled, lock);
    return due(clock_.steady() + *result.again, What::wait, i);
  }
  if (!result.children.empty()) return spread(i, std::move(result.children), lock);
  node.by_condition = result.status == Status::passed_over;
  node.outcome.why = std::move(result.why);
  finish(i, result.status, lock);
}

/// By the task itself, while it runs.
bool Execution::gives_way(size_t i) {
  Lock lock(mutex_);
  auto& node = nodes_[i];
  lock.unlock();
  const auto to = resources_.gives_way(node.ticket);
  if (to) node.gave_way_to = *to;
  return to.has_value();
}

void Execution::after_giving_way(size_t i, Lock& lock) {
  auto& node = nodes_[i];
  node.outcome.status = Status::waiting;
  ++node.outcome.gave_way;
  if (!may_begin(node)) return finish(i, Status::canceled, lock);
  ask(i);
  tell(lock, [this, i, to = node.gave_way_to] { observer_.gave_way(i, to); });
}

void Execution::after_failure(size_t i, Problem problem, bool timed_out, Lock& lock) {
  auto& node = nodes_[i];
  const auto& retry = node.task->retry;
  if (timed_out && problem.code == Code::canceled) {
    const auto allowed =
        cancel_.requested() && (!node.task->timeout || *node.task->timeout > settings_.grace)
            ? settings_.grace
            : *node.task->timeout;
    problem.code = Code::timeout;
    problem.message = fmt::format("it took longer than {}", duration_text(allowed));
    problem.hint = "allow it more with timeout:, or look what holds it up";
  }
  node.outcome.problem = problem;
  if (cancel_.requested() && problem.code == Code::canceled)
    return finish(i, Status::canceled, lock);
  const bool passes = retryable(problem.code) || (retry.any && problem.code == Code::data);
  if (passes && node.tries <= retry.times && may_begin(node) && !cancel_.requested()) {
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    const auto wait = backoff(retry, node.tries, random);
    node.outcome.status = Status::waiting;
    const int attempts = node.outcome.attempts;
    due(clock_.steady() + wait, What::wait, i);
    return tell(lock, [=, this] { observer_.retrying(i, attempts, problem, wait); });
  }
  finish(i, Status::failed, lock);
}

void Execution::spread(size_t i, std::vector<Task> children, Lock& lock) {
  auto& parent = nodes_[i];
  const size_t first = nodes_.size();
  parent.first_child = first;
  parent.children = parent.children_left = children.size();
  std::vector<std::string> names;
  for (auto& child : children) {
    names.push_back(child.name);
    children_.push_back(std::move(child));
    auto& node = nodes_.emplace_back();
    node.task = &children_.back();
    node.parent = i;
    node.orphan = parent.orphan;
    node.news = parent.news;
  }
  unfinished_ += names.size();
  tell(
      lock, [&] { observer_.spread(i, first, names); }, true);
  if (!may_begin(nodes_[first])) return give_up_what_waits(lock);
  for (size_t k = first; k < first + names.size(); ++k)
    if (nodes_[k].outcome.status == Status::waiting) eligible(k);
}

/// Ends a task, and with a failure everything after it.
void Execution::finish(size_t i, Status status, Lock& lock) {
  std::vector<Ended> ended;
  end(i, status, ended);
  settle({i}, ended);
  report(ended, lock);
  if (status == Status::failed && settings_.fail_fast) give_up_what_waits(lock);
}

void Execution::end(size_t i, Status status, std::vector<Ended>& ended) {
  auto& node = nodes_[i];
  node.outcome.status = status;
  node.outcome.ended = clock_.now();
  node.outcome.usage = node.meter.usage();
  if (node.goes_on && node.ticket != 0)
    node.outcome.gave_way_for +=
        std::chrono::duration_cast<microseconds>(clock_.steady() - node.asked);
  if (node.outcome.attempts == 0) node.outcome.started = node.outcome.ended;
  if (status == Status::failed) failed_ = true;
  if (node.ticket != 0 && resources_.withdraw(node.ticket)) node.ticket = 0;
  ended.push_back({i, &node.outcome});
  if (--unfinished_ == 0) {
    ending_ = clock_.at_work();  // no time passes until the caller is at work again
    inbox_.close();
  }
}

/// What follows from the ends of these: others end, or their turn comes.
void Execution::settle(std::vector<size_t> changed, std::vector<Ended>& ended) {
  while (!changed.empty()) {
    const size_t i = changed.back();
    changed.pop_back();
    for (const auto& reader : nodes_[i].readers) settle_reader(i, reader, changed, ended);
    if (nodes_[i].parent != kNone) settle_parent(nodes_[i].parent, changed, ended);
  }
}

void Execution::settle_reader(size_t i, const Reader& reader, std::vector<size_t>& changed,
                              std::vector<Ended>& ended) {
  const auto& before = nodes_[i].outcome;
  auto& node = nodes_[reader.task];
  if (node.outcome.status != Status::waiting) return;
  const bool bad = before.status == Status::failed || before.status == Status::skipped;
  if (before.status == Status::done) node.news = true;
  if (reader.kind != Tie::Kind::anyhow && reader.kind != Tie::Kind::on_failure) {
    if (bad) {
      node.outcome.cause = before.status == Status::failed ? i : before.cause;
      end(reader.task, Status::skipped, ended);
      return changed.push_back(reader.task);
    }
    if (before.status == Status::canceled) {
      end(reader.task, Status::canceled, ended);
      return changed.push_back(reader.task);
    }
  }
  if (--node.waiting_for > 0) return;
  if (auto why = not_taken(node)) {
    node.outcome.why = std::move(*why);
    end(reader.task, Status::passed_over, ended);
    return changed.push_back(reader.task);
  }
  eligible(reader.task);
}

std::optional<std::string> Execution::not_taken(const Node& node) const {
  size_t after = 0, passed = 0, watched = 0, failures = 0;
  for (const auto& tie : node.ties) {
    const auto& up = nodes_[tie.task];
    const auto status = up.outcome.status;
    switch (tie.kind) {
      case Tie::Kind::after:
        ++after;
        passed += status == Status::passed_over;
        break;
      case Tie::Kind::otherwise:
        if (status != Status::passed_over || !up.by_condition)
          return fmt::format("{} was not passed over", up.task->name);
        break;
      case Tie::Kind::on_failure:
        ++watched;
        failures += status == Status::failed || status == Status::skipped;
        break;
      case Tie::Kind::anyhow: break;
    }
  }
  if (watched > 0 && failures == 0) return "nothing failed";
  if (after > 0 && passed == after) return "what it comes after was passed over";
  return {};
}

void Execution::settle_parent(size_t parent, std::vector<size_t>& changed,
                              std::vector<Ended>& ended) {
  auto& node = nodes_[parent];
  if (--node.children_left > 0 || node.outcome.status != Status::running) return;
  bool failed = false, canceled = false, did = false;
  for (size_t k = node.first_child; k < node.first_child + node.children; ++k) {
    const auto status = nodes_[k].outcome.status;
    failed |= status == Status::failed;
    canceled |= status == Status::canceled;
    did |= status == Status::done;
  }
  if (failed) node.outcome.problem = failed_children(node);
  end(parent,
      failed     ? Status::failed
      : canceled ? Status::canceled
      : did      ? Status::done
                 : Status::nothing_to_do,
      ended);
  changed.push_back(parent);
}

Problem Execution::failed_children(const Node& node) const {
  Problem out;
  size_t count = 0;
  std::string names;
  for (size_t k = node.first_child; k < node.first_child + node.children; ++k) {
    const auto& child = nodes_[k];
    if (child.outcome.status != Status::failed) continue;
    if (count == 0) out.code = child.outcome.problem->code;
    if (++count <= kNamed) names += (names.empty() ? "" : ", ") + child.task->name;
  }
  if (count > kNamed) names += fmt::format(" and {} more", count - kNamed);
  out.message = fmt::format("{} of {} failed: {}", count, node.children, names);
  return out;
}

/// It comes after something that was begun, whatever becomes of that.
bool Execution::cleans_up(const Node& node) const {
  return std::any_of(node.ties.begin(), node.ties.end(), [this](const Tie& tie) {
    return tie.kind == Tie::Kind::anyhow && nodes_[tie.task].outcome.attempts > 0;
  });
}

bool Execution::may_begin(const Node& node) const {
  const bool gives_up = settings_.fail_fast && failed_;
  if (!cancel_.requested() && !gives_up) return true;
  if (node.parent != kNone) return may_begin(nodes_[node.parent]);
  if (cleans_up(node)) return true;
  return !cancel_.requested() &&
         std::any_of(node.ties.begin(), node.ties.end(),
                     [](const Tie& tie) { return tie.kind == Tie::Kind::on_failure; });
}

void Execution::give_up_what_waits(Lock& lock) {
  std::vector<Ended> ended;
  std::vector<size_t> changed;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    auto& node = nodes_[i];
    if (node.outcome.status != Status::waiting || may_begin(node)) continue;
    end(i, Status::canceled, ended);
    changed.push_back(i);
  }
  settle(std::move(changed), ended);
  // What cleans up already has so long from now on.
  if (cancel_.requested()) {
    for (const auto& [i, running] : running_)
      if (cleans_up(nodes_[i]))
        stop_at(*running, clock_.steady() + settings_.grace, What::deadline, i);
  }
  report(ended, lock);
}

/// An outcome does not change any more once its task has ended: it is read without the lock.
void Execution::report(const std::vector<Ended>& ended, Lock& lock) {
  if (ended.empty()) return;
  uint64_t turn = turns(ended.size());
  lock.unlock();
  for (const auto& [i, outcome] : ended)
    telling_->tell(turn++, [this, i, outcome] { observer_.finished(i, *outcome); });
  lock.lock();
}

void Execution::due(SteadyTime when, What what, size_t i) {
  dues_.emplace(when, what, i);
  if (dues_.begin() == dues_.find({when, what, i})) set_alarm();
}

void Execution::stop_at(Running& running, SteadyTime when, What what, size_t i) {
  running.dues.emplace_back(when, what, i);
  due(when, what, i);
}

void Execution::set_alarm() {
  if (dues_.empty())
    alarm_.clear();
  else
    alarm_.set(std::get<0>(*dues_.begin()));
}

/// Begins what has waited long enough, and asks attempts to stop when their time is over.
void Execution::look_at_time() {
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  while (!dues_.empty() && std::get<0>(*dues_.begin()) <= now) {
    const auto [when, what, i] = *dues_.begin();
    dues_.erase(dues_.begin());
    if (what == What::wait) {
      if (nodes_[i].outcome.status == Status::waiting) eligible(i);
      continue;
    }
    const auto found = running_.find(i);
    if (found == running_.end()) continue;
    const auto running = found->second;
    if (what == What::closing) {
      running->stop_at_commit = true;
    } else if (!std::exchange(running->timed_out, true)) {
      // To ask a server to stop takes time, and others wait for their alarms.
      stoppers_.emplace_back([running, at_work = clock_.at_work()] { running->cancel.request(); });
    }
  }
  set_alarm();
}

}  // namespace windrow::run
