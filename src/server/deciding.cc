#include <fmt/format.h>

#include <algorithm>

#include "base/id.h"
#include "base/version.h"
#include "server/fields.h"
#include "server/serving.h"

namespace windrow::server {

namespace {

constexpr auto kWriteAgain = std::chrono::seconds(2);
constexpr auto kLookAtTables = std::chrono::seconds(5);
/// No chain of schedules is longer: circles are refused.
constexpr int kDepthMax = 1000;

schedule::RunEnded::Outcome outcome_of(const std::string& status) {
  using Outcome = schedule::RunEnded::Outcome;
  return status == "done"     ? Outcome::success
         : status == "failed" ? Outcome::failure
                              : Outcome::canceled;
}

}  // namespace

history::Fire Serving::fire_of(const Served& served, const schedule::Fire& fire) const {
  history::Fire out;
  out.schedule = name_in(fire.schedule);
  out.due = fire.due;
  out.decided = clock_.now();
  Wish wish;
  wish.cause = std::string(schedule::name_of(fire.cause));
  wish.detail = fire.detail;
  wish.interval = fire.interval;
  if (const auto status = scheduler_.status(fire.schedule)) {
    wish.select = status->schedule->select;
    wish.vars = status->schedule->vars;
  }
  for (const auto& [name, value] : fire.vars) wish.vars[name] = value;
  out.request = text_of(wish);
  if (served.app()) out.version = served.version()->hash;
  return out;
}

int Serving::depth_of(const std::string& id) const {
  int depth = 0;
  for (auto at = id; depth < kDepthMax; ++depth) {
    const auto status = scheduler_.status(at);
    const auto* after =
        status ? std::get_if<schedule::AfterSchedule>(&status->schedule->trigger) : nullptr;
    if (!after) break;
    at = after->schedule;
  }
  return depth;
}

void Serving::prepare(const schedule::Step& step) {
  decided_ = step.decisions;
  std::map<std::pair<int, Served*>, Writing> parts;
  const auto part_of = [&](const std::string& id) -> Writing* {
    auto* served = of_id(id).first;
    if (!served) return nullptr;
    // Projects have a file each. Who comes after another is written first: killed in between, the
    // other's end is told again, and nobody misses it.
    auto& part = parts[{projects_.size() > 1 ? -depth_of(id) : 0, served}];
    part.served = served;
    return &part;
  };
  for (const auto& memory : step.changed) {
    if (auto* part = part_of(memory.schedule))
      part->memories[name_in(memory.schedule)] = schedule::text(memory);
  }
  for (const auto& decision : step.decisions) {
    if (const auto* start = std::get_if<schedule::Start>(&decision)) {
      auto* part = part_of(start->fire.schedule);
      if (!part) continue;
      auto fire = fire_of(*part->served, start->fire);
      fire.run = new_ordered_uuid(clock_.now());
      starting_[{start->fire.schedule, start->fire.due}] = {part->served, fire};
      part->fires.push_back(std::move(fire));
    } else if (const auto* skipped = std::get_if<schedule::Skipped>(&decision)) {
      auto* part = part_of(skipped->schedule);
      if (!part) continue;
      history::Fire fire;
      fire.schedule = name_in(skipped->schedule);
      fire.due = skipped->first;
      fire.last = skipped->last;
      fire.count = int64_t(skipped->count);
      fire.reason = skipped->reason;
      fire.status = "skipped";
      fire.decided = step.now;
      fire.ended = step.now;
      part->fires.push_back(std::move(fire));
    } else if (const auto* failed = std::get_if<schedule::Failed>(&decision)) {
      auto* part = part_of(failed->fire.schedule);
      if (!part) continue;
      auto fire = fire_of(*part->served, failed->fire);
      fire.reason = failed->reason;
      fire.status = "failed";
      fire.ended = step.now;
      part->fires.push_back(std::move(fire));
    }
  }
  // With what schedules make of them, as one that names a sensor comes after no other.
  for (auto& [served, seen] : sensing_->take_unwritten()) {
    auto& part = parts[{0, served}];
    part.served = served;
    part.memories.merge(seen);
  }
  for (auto& [key, part] : parts) {
    part.memories[""] = std::to_string(micros(step.now));
    writing_.push_back(std::move(part));
  }
}

bool Serving::write() {
  write_again_.reset();
  while (!writing_.empty()) {
    auto& next = writing_.front();
    try {
      next.served->state().decide(next.memories, next.fires);
      if (write_failed_) {
        write_failed_ = false;
        auto line = told(*next.served, "trouble");
        line.text = "schedules go on: what is decided can be written again";
        tell(line);
      }
    } catch (const Error& error) {
      if (!write_failed_) {
        auto line = told(*next.served, "trouble");
        line.text = "no schedule fires: what is decided cannot be written, and is tried again";
        line.problems = error.problems();
        tell(line);
      }
      write_failed_ = true;
      write_again_ = clock_.steady() + kWriteAgain;
      return false;
    }
    writing_.pop_front();
  }
  return true;
}

void Serving::step() {
  if (stopping_) return;
  if (!writing_.empty() && !write()) return;
  for (auto& served : projects_) {
    if (!served->taken) continue;
    if (!served->resumed) resume(*served);
    look_at_tables(*served);
    look_ahead(*served);
  }
  sensing_->begin_due();
  do {
    for (const auto& decision : std::exchange(decided_, {})) perform(decision);
    const auto observations = std::exchange(observations_, {});
    const auto step = scheduler_.step(clock_.now(), observations);
    next_step_ = step.wake;
    prepare(step);
    if (!write()) return;
  } while (!decided_.empty() || !observations_.empty());
}

void Serving::perform(const schedule::Decision& decision) {
  const auto line_of = [&](const std::string& id, const char* event) {
    const auto [served, name] = of_id(id);
    auto line = told(served ? *served : *projects_.front(), event);
    line.schedule = name;
    return line;
  };
  if (const auto* start = std::get_if<schedule::Start>(&decision)) {
    auto found = starting_.extract({start->fire.schedule, start->fire.due});
    if (!found) return;
    auto& [served, fire] = found.mapped();
    auto line = line_of(start->fire.schedule, "fires");
    line.due = fire.due;
    line.run = fire.run;
    const bool by_hand = start->fire.cause == schedule::Fire::Cause::hand;
    line.text = by_hand ? "by hand" : start->fire.detail;
    tell(line);
    begin(*served, fire, "");
    if (by_hand) {
      answer_request(start->fire.detail, {{"run", fire.run}, {"due", iso(fire.due)}});
    }
  } else if (const auto* skipped = std::get_if<schedule::Skipped>(&decision)) {
    auto line = line_of(skipped->schedule, "skipped");
    line.due = skipped->first;
    line.count = int64_t(skipped->count);
    line.text = skipped->reason;
    tell(line);
  } else if (const auto* failed = std::get_if<schedule::Failed>(&decision)) {
    auto line = line_of(failed->fire.schedule, "failed");
    line.due = failed->fire.due;
    line.text = failed->reason;
    tell(line);
  } else if (const auto* cancel = std::get_if<schedule::CancelRun>(&decision)) {
    const auto [served, name] = of_id(cancel->schedule);
    if (!served) return;
    for (auto& [id, begun] : served->runs) {
      if (begun.schedule != name || begun.due != cancel->due) continue;
      try {
        served->state().cancel(id, cancel->reason);
      } catch (const Error&) {
        // Killed before it has ended it is begun again, and asked to stop again.
      }
      auto line = ask_to_end(*served, id, begun, cancel->reason);
      line.due = cancel->due;
      tell(line);
    }
  } else if (const auto* late = std::get_if<schedule::DeadlineMissed>(&decision)) {
    auto line = line_of(late->schedule, "late");
    line.due = late->due;
    line.next = late->deadline;
    tell(line);
  } else if (const auto* refused = std::get_if<schedule::Refused>(&decision)) {
    answer_request(refused->request,
                   {{"error", {{"code", "usage"}, {"message", refused->reason}}}});
  }
}

Told Serving::ask_to_end(const Served& served, const std::string& run, Served::Begun& begun,
                         const std::string& why) const {
  begun.cancel_asked = true;
  begun.run->cancel();
  auto line = told(served, "canceling");
  line.schedule = begun.schedule;
  line.run = run;
  line.text = why;
  return line;
}

void Serving::begin(Served& served, const history::Fire& fire, const std::string& retry_of) {
  const auto wish = read_wish(fire.request);
  const auto app = served.app();
  app::RunOptions options;
  options.id = fire.run;
  options.plan.select = wish.select;
  options.plan.exclude = wish.exclude;
  options.variables = wish.vars;
  options.jobs = wish.jobs > 0 ? wish.jobs : options_.jobs;
  options.fail_fast = wish.fail_fast;
  options.plan.full_refresh = wish.full_refresh;
  options.interval = wish.interval;
  options.retry_of = retry_of.empty() ? wish.retry_of : retry_of;
  options.schedule = fire.schedule;
  if (!fire.schedule.empty()) options.due = fire.due;
  options.command = "windrow serve";
  if (!fire.version.empty() && fire.version != served.version()->hash) {
    options.version = served.versions().find(fire.version);
    if (!options.version) {
      auto line = told(served, "trouble");
      line.schedule = fire.schedule;
      line.run = fire.run;
      line.text =
          "the project's files that it began with are not kept any more: it goes on with "
          "those of now";
      tell(line);
    }
  }
  auto& begun = served.runs[fire.run];
  begun.schedule = fire.schedule;
  begun.due = fire.due;
  begun.started = clock_.now();
  set_deadline(served, begun);
  begun.run = app->start(options, {});
  begun.run->when_ended([this, &served, run = fire.run] {
    inbox_.post([this, &served, run] { ended(served, run); });
  });
}

void Serving::ended(Served& served, const std::string& run) {
  const auto found = served.runs.find(run);
  if (found == served.runs.end()) return;
  const auto begun = std::move(found->second);
  served.runs.erase(found);
  app::RunResult result;
  auto line = told(served, "ended");
  try {
    result = begun.run->wait();
  } catch (const Error& error) {
    result.run = run;
    result.status = error.code() == Code::canceled ? "canceled" : "failed";
    line.problems = error.problems();
  } catch (const std::exception& error) {
    result.run = run;
    result.status = "failed";
    line.problems = {{Code::internal, error.what(), "", {}}};
  }
  if (result.status == "failed" && !line.problems.empty())
    remember_failure(served, run, begun, line.problems.front());
  line.schedule = begun.schedule;
  line.run = run;
  line.elapsed = clock_.now() - begun.started;
  line.status = result.status;
  for (const auto& task : result.tasks) {
    line.count += task.status == "failed" ? 1 : 0;
    if (task.problem && line.text.empty()) line.text = task.asset + ": " + task.problem->message;
  }
  const bool interrupted = stopping_ && result.status == "canceled" && !begun.cancel_asked;
  const auto now = clock_.now();
  try {
    if (interrupted) {
      line.event = "interrupted";
      served.state().close_run(run, "interrupted", now);
    } else {
      served.state().ended(run, result.status, now);
    }
  } catch (const Error& error) {
    line.problems.push_back(error.problem());  // after a restart the run's own record says it
  }
  if (!interrupted && !begun.schedule.empty()) {
    const auto id = id_of(served, begun.schedule);
    observations_.push_back(
        schedule::RunEnded{id, begun.due, outcome_of(result.status), begun.started, now});
    if (const auto status = scheduler_.status(id)) line.next = status->next;
    looked_.erase(served.name);  // its tables may have moved
  }
  sensing_->run_ended(served);
  tell(line);
  auto answer = app::json_of(result);
  if (!line.problems.empty()) answer["problem"] = app::json_of(line.problems.front());
  for (const auto& each : begun.waiting) each(compact(answer));
}

void Serving::remember_failure(Served& served, const std::string& run, const Served::Begun& begun,
                               const Problem& problem) {
  const auto history = served.app()->history();
  if (history->run(run)) return;
  history::Run record;
  record.id = run;
  record.environment = served.environment();
  record.command = "windrow serve";
  record.version = std::string(kVersion);
  record.started = begun.started;
  record.ended = clock_.now();
  record.status = "failed";
  record.schedule = begun.schedule;
  if (!begun.schedule.empty()) record.due = begun.due;
  record.project_version = served.version()->hash;
  history->begin(record);
  history::Task task;
  task.run = run;
  task.asset = "(the whole run)";
  task.status = "failed";
  task.started = record.started;
  task.ended = record.ended;
  task.error_code = std::string(name_of(problem.code));
  task.error = secrets_.redact(problem.message);
  task.hint = secrets_.redact(problem.hint);
  history->add(task);
}

void Serving::resume(Served& served) {
  try {
    resume_all(served);
    served.resumed = true;
  } catch (const Error& error) {
    auto line = told(served, "trouble");
    line.text = "what the last server left cannot be taken up, and is tried again";
    line.problems = error.problems();
    if (!write_failed_) tell(line);
    write_failed_ = true;
    write_again_ = clock_.steady() + kWriteAgain;
  }
}

void Serving::resume_all(Served& served) {
  for (const auto& fire : scheduler_.in_flight()) {
    if (of_id(fire.schedule).first != &served) continue;
    const auto written = served.state().fire_at(name_in(fire.schedule), fire.due);
    if (!written || written->run.empty()) {  // its file was taken away and the memory was not
      observations_.push_back(schedule::RunEnded{fire.schedule, fire.due,
                                                 schedule::RunEnded::Outcome::canceled, fire.since,
                                                 clock_.now()});
    } else if (written->ended) {
      told_end(served, *written);
    }
  }
  for (const auto& fire : served.state().going_on()) {
    const bool ours = served.runs.contains(fire.run) ||
                      std::any_of(served.ingests.begin(), served.ingests.end(), [&](auto& each) {
                        return each.second.run && each.second.run->id() == fire.run;
                      });
    if (!ours) resume(served, fire);
  }
}

void Serving::told_end(Served& served, const history::Fire& fire) {
  if (fire.schedule.empty()) return;
  observations_.push_back(schedule::RunEnded{id_of(served, fire.schedule), fire.due,
                                             outcome_of(fire.status), fire.decided,
                                             fire.ended.value_or(clock_.now())});
}

void Serving::resume(Served& served, const history::Fire& fire) {
  auto& state = served.state();
  const auto now = clock_.now();
  const auto run = served.app()->history()->run(fire.run);
  const auto close = [&](const std::string& status, Time at) {
    state.ended(fire.run, status, at);
    auto over = fire;
    over.status = status;
    over.ended = at;
    told_end(served, over);
  };
  if (!read_wish(fire.request).ingest.empty()) {
    state.close_run(fire.run, "interrupted", now);
    state.ended(fire.run, "interrupted", now);
  } else if (run && run->ended && (run->status == "done" || run->status == "failed")) {
    close(run->status, *run->ended);
  } else if (!fire.reason.empty()) {  // somebody wanted it to stop
    if (run) state.close_run(fire.run, "canceled", now);
    close("canceled", now);
  } else {
    auto again = fire;
    again.run = new_ordered_uuid(now);
    state.again(fire, again.run, now);
    auto line = told(served, "resumed");
    line.schedule = fire.schedule;
    line.due = fire.due;
    line.run = again.run;
    line.text = fire.run;
    tell(line);
    begin(served, again, fire.run);
  }
}

void Serving::look_at_tables(Served& served) {
  std::vector<std::string> tables;
  for (const auto& name : scheduler_.tables_watched())
    if (name.project == served.name) tables.push_back(name.table);
  if (tables.empty()) {
    looked_.erase(served.name);
    return;
  }
  const auto now = clock_.steady();
  if (const auto found = looked_.find(served.name); found != looked_.end() && found->second > now)
    return;
  looked_[served.name] = now + kLookAtTables;
  // A store may take its time to answer, and nobody here waits for it.
  worker_->post([this, &served, tables, app = served.app()] {
    std::vector<schedule::Observation> seen;
    try {
      for (const auto& table : app->look_at(tables))
        seen.push_back(
            schedule::TableSeen{{served.name, table.table}, table.version, table.complete_to});
    } catch (const Error& error) {
      return;  // it is looked at again soon
    }
    inbox_.post([this, seen = std::move(seen)] {
      observations_.insert(observations_.end(), seen.begin(), seen.end());
    });
  });
}

}  // namespace windrow::server
