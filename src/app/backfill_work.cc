#include "app/backfill_work.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/id.h"

namespace windrow::app {

namespace {

using plan::Backfill;

/// Inputs that change all the time would keep it at work for ever.
constexpr int kRoundsMax = 5;
constexpr auto kLook = std::chrono::seconds(1);
constexpr int kTriesMax = 3;
constexpr auto kFirstTryAgain = std::chrono::seconds(5);

/// Another interval meets it as well, so there is nothing to be narrowed down.
bool concerns_all(Code code) {
  return code == Code::full || code == Code::permission || code == Code::history_lost ||
         code == Code::unsupported;
}

/// It may pass, whichever intervals are asked for.
bool may_pass(Code code) { return code == Code::unavailable || code == Code::conflict; }

}  // namespace

BackfillWork::BackfillWork(App& app, history::Backfills& store, const Clock& clock, Manners manners,
                           Told told)
    : app_(app), store_(store), clock_(clock), manners_(manners), told_(std::move(told)) {}

BackfillState BackfillWork::run(const std::string& id, Cancel& stop) {
  const auto record = store_.find(id);
  if (!record) throw Error(Code::not_found, "there is no backfill \"" + id + "\"");
  state_ = read_backfill(*record);
  if (state_.record.state != "running") return state_;
  try {
    work(stop);
  } catch (const Error& error) {
    stop_all();
    if (error.code() != Code::canceled) pause(error.problem().message);
  } catch (...) {
    stop_all();
    throw;
  }
  if (const auto now = store_.find(id)) {
    state_.record.state = now->state;
    state_.record.reason = now->reason;
    state_.record.ended = now->ended;
  }
  return state_;
}

void BackfillWork::work(Cancel& stop) {
  const auto workspace = app_.workspace();
  const auto phases = phases_of(*workspace, state_.request.assets);
  const auto models = interval_models(*workspace, phases.during);
  if (models.empty()) return pause("none of its models is built by intervals any more");
  if (!state_.before_done) {
    if (const auto failed = run_once(phases.before, stop); !failed.empty()) return pause(failed);
    state_.before_done = true;
    save();
  }
  for (int round = 0; round < kRoundsMax; ++round) {
    take_from_lake(models, stop);
    save();
    if (state_.counts().left == 0) break;
    if (build_parts(phases, stop) != End::complete) return;
    state_.first_done = true;
    save();
  }
  const auto counts = state_.counts();
  std::string reason;
  if (counts.failed > 0) {
    reason = fmt::format("{} of {} intervals failed", counts.failed, counts.total);
    if (!phases.after.empty())
      reason += fmt::format("; not done, as they come after: {}", fmt::join(phases.after, ", "));
  } else if (counts.left > 0) {
    reason = "inputs went on changing: `windrow run` builds what is left";
  } else {
    reason = run_once(phases.after, stop);
  }
  store_.move(state_.record.id, "running", reason.empty() ? "done" : "failed", reason,
              clock_.now());
}

RunOptions BackfillWork::options_of(const std::vector<std::string>& assets) const {
  const auto& request = state_.request;
  RunOptions out;
  out.plan.select = fmt::format("{}", fmt::join(assets, " "));
  out.plan.start = request.range.start;
  out.plan.end = request.range.end;
  out.plan.rebuild = request.only == BackfillRequest::Only::all;
  out.plan.rebuild_sealed = request.rebuild_sealed;
  if (!request.sample.empty()) out.plan.sample = tasks::parse_sample(request.sample);
  out.jobs = request.jobs > 0 ? request.jobs : manners_.jobs;
  out.priority = manners_.priority;
  out.command = request.command;
  return out;
}

std::string BackfillWork::run_once(const std::vector<std::string>& assets, Cancel& stop) {
  if (assets.empty()) return {};
  const auto begun = clock_.steady();
  const auto run = app_.start(options_of(assets), told_.event);
  run->when_ended([this, id = run->id()] {
    std::lock_guard lock(mutex_);
    ended_.insert(id);
    changed_.notify_all();
  });
  active_[run->id()] = {{}, run, begun};  // where anything throws, it does not go on alone
  const auto has_ended = [&] {
    std::lock_guard lock(mutex_);
    return ended_.contains(run->id());
  };
  while (!has_ended()) {
    if (stop.requested() || !still_wanted()) {
      run->cancel();
      break;
    }
    wait_for_ends(stop);
  }
  const auto result = run->wait();
  active_.clear();
  {
    std::lock_guard lock(mutex_);
    ended_.clear();
  }
  state_.worked += std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - begun);
  count(result);
  stop.check();
  for (const auto& task : result.tasks)
    if (task.status == "failed")
      return fmt::format("{} failed: {}", task.asset, task.problem ? task.problem->message : "");
  return result.status == "done" ? "" : "run " + result.run.substr(0, 13) + ": " + result.status;
}

void BackfillWork::count(const RunResult& result) {
  ++state_.runs;
  for (const auto& task : result.tasks) {
    state_.retries += std::max(0, task.attempts - 1);
    state_.rows += std::max<int64_t>(0, task.rows);
  }
}

void BackfillWork::take_from_lake(const std::vector<std::string>& models, Cancel& stop) {
  if (rebuilds()) return;  // nothing in the lake says what was built since it began
  const bool only_failed = state_.request.only == BackfillRequest::Only::failed;
  // What is made from it becomes stale there, too.
  IntervalSet failed_before;
  for (const auto& table : state_.tables) failed_before.add(table.total);
  const auto plan = stale_in_range(app_, state_.request, models, false, stop);
  std::map<std::string, IntervalSet> stale;
  for (const auto& step : plan.steps) {
    if (step.problem) throw Error(*step.problem);
    if (step.intervals.empty()) continue;
    stale[step.asset] = IntervalSet(step.intervals);
    const bool known = std::any_of(state_.tables.begin(), state_.tables.end(),
                                   [&](const auto& each) { return each.asset == step.asset; });
    const auto grain = Grain::parse(step.grain, state_.zone);
    if (!known && grain) state_.tables.push_back({step.asset, *grain});
  }
  for (auto& table : state_.tables) {
    auto now = stale[table.asset] - table.failed();
    if (only_failed) now = now & table.grain.widen(failed_before);
    table.done.remove(now);
    table.total.add(now);
    const auto found = table.left() - now;
    table.done.add(found);
    state_.found += int64_t(table.grain.count(found));
  }
  std::erase_if(state_.tables, [](const auto& table) { return table.total.empty(); });
}

bool BackfillWork::still_wanted() const {
  const auto now = store_.find(state_.record.id);
  return now && now->state == "running";
}

void BackfillWork::pause(const std::string& reason) {
  store_.move(state_.record.id, "running", "paused", reason, {});
}

void BackfillWork::save() {
  write_backfill(state_);
  store_.progress(state_.record.id, state_.record.progress, state_.record.failures);
  if (told_.changed) told_.changed(state_);
}

void BackfillWork::begin(const Backfill::Part& part, const BackfillPhases& phases) {
  auto options = options_of(part.asset.empty() ? phases.during : std::vector{part.asset});
  options.plan.start = part.range.start;
  options.plan.end = part.range.end;
  options.plan.rebuild = rebuilds();
  options.id = new_ordered_uuid(clock_.now());
  auto run = app_.start(options, told_.event);
  active_[options.id] = {part, run, clock_.steady()};
  run->when_ended([this, id = options.id] {
    std::lock_guard lock(mutex_);
    ended_.insert(id);
    changed_.notify_all();
  });
}

void BackfillWork::stop_all() {
  for (const auto& [id, each] : active_) each.run->cancel();
  for (const auto& [id, each] : active_) {
    try {
      count(each.run->wait());
    } catch (const Error&) {
      // What it has committed stands; the rest comes again.
    }
  }
  active_.clear();
  std::lock_guard lock(mutex_);
  ended_.clear();
}

void BackfillWork::wait_for_ends(Cancel& stop) {
  const auto wake = stop.on_request([this] {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kLook, [&] { return !ended_.empty() || stop.requested(); });
}

BackfillWork::End BackfillWork::build_parts(const BackfillPhases& phases, Cancel& stop) {
  const auto& request = state_.request;
  Backfill backfill(state_.tables, {.order = request.order,
                                    .over_gaps = request.only == BackfillRequest::Only::missing});
  std::string why;  // it is to be paused
  bool one_is_done = state_.runs > 0;
  while (true) {
    if (stop.requested() || !still_wanted()) {
      stop_all();
      return stop.requested() ? End::stopped : End::paused;
    }
    if (why.empty() && backfill.hopeless())
      why = "too much fails: mend it, then `windrow backfills resume`";
    // The first one may make the table; others would only be in its way.
    const size_t most = one_is_done ? size_t(request.max_active) : 1;
    while (why.empty() && active_.size() < most) {
      const auto part = backfill.next();
      if (!part) break;
      begin(*part, phases);
    }
    if (active_.empty()) {
      if (!why.empty()) {
        pause(why);
        return End::paused;
      }
      if (backfill.reconsider()) continue;
      return End::complete;
    }
    const auto since = clock_.steady();
    wait_for_ends(stop);
    state_.worked += std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - since);
    std::set<std::string> ended;
    {
      std::lock_guard lock(mutex_);
      ended.swap(ended_);
    }
    for (const auto& id : ended) {
      const auto found = active_.extract(id);
      if (!found) continue;
      const auto reason = take_end(backfill, found.mapped(), stop);
      if (why.empty()) why = reason;
      one_is_done = true;
    }
    if (ended.empty()) continue;
    state_.tables = backfill.tables();
    if (request.fail_fast && why.empty() && state_.counts().failed > 0)
      why = "stopped at the first failure, as --fail-fast says";
    save();
  }
}

std::string BackfillWork::take_end(Backfill& backfill, const Active& ended, Cancel& stop) {
  RunResult result;
  try {
    result = ended.run->wait();
  } catch (const Error& error) {
    if (error.code() == Code::canceled) {
      backfill.give_back(ended.part);
      return stop.requested() ? "" : "its run " + ended.run->id().substr(0, 13) + " was canceled";
    }
    return again_later(backfill, ended.part, error.problem(), stop);
  }
  count(result);
  if (result.status == "canceled") {
    backfill.give_back(ended.part);
    return stop.requested() ? "" : "its run " + result.run.substr(0, 13) + " was canceled";
  }
  std::vector<Backfill::Fault> faults;
  std::optional<Problem> all, passing;
  const auto workspace = app_.workspace();
  const auto models = interval_models(*workspace, state_.request.assets);
  const auto grain_of = [&](const std::string& asset) {
    const auto* found = workspace->project.model(asset);
    return found ? Grain::parse(found->build.grain, state_.zone) : std::nullopt;
  };
  for (const auto& task : result.tasks) {
    if (task.status != "failed" && task.status != "skipped") continue;
    const bool model = std::find(models.begin(), models.end(), task.asset) != models.end();
    if (task.status == "failed") {
      auto problem = task.problem.value_or(Problem{});
      if (!model || concerns_all(problem.code)) {
        all = problem;
        all->message = task.asset + ": " + all->message;
      }
      if (may_pass(problem.code)) passing = problem;
      if (model) faults.push_back({task.asset, std::move(problem), "", grain_of(task.asset)});
    } else if (model) {
      faults.push_back({task.asset, {}, task.caused_by});
    }
  }
  if (all) {
    backfill.give_back(ended.part);
    return all->message;
  }
  if (passing) return again_later(backfill, ended.part, *passing, stop);
  if (faults.empty()) {
    backfill.done(ended.part, std::chrono::duration_cast<std::chrono::microseconds>(
                                  clock_.steady() - ended.since));
  } else {
    backfill.failed(ended.part, faults);
  }
  return {};
}

std::string BackfillWork::again_later(Backfill& backfill, const Backfill::Part& part,
                                      const Problem& problem, Cancel& stop) {
  backfill.give_back(part);
  int& tries = tries_[part.range.start];
  if (!may_pass(problem.code) || ++tries > kTriesMax) return problem.message;
  ++state_.retries;
  const auto until = clock_.steady() + kFirstTryAgain * (1 << (tries - 1));
  while (clock_.steady() < until && still_wanted())
    if (clock_.sleep(kLook, stop)) break;
  return {};
}

}  // namespace windrow::app
