#include "server/requests.h"

#include <unistd.h>

#include <algorithm>

#include "base/id.h"
#include "base/nearest.h"
#include "server/fields.h"
#include "server/serving.h"

namespace windrow::server {

namespace {

using app::Json;

Json refusal(const Error& error) { return {{"error", app::json_of(error.problem())}}; }

}  // namespace

void Serving::asked(Served& served, const std::string& text, const Control::Answer& answer) {
  const Json request = app::parsed(text);
  const auto what = request.is_object() ? text_in(request, "do") : "";
  try {
    if (what == "status") return answer(compact(status_of(served)));
    if (stopping_)
      throw Error(Code::unavailable, "the server is stopping", "ask again once it is up");
    if (!served.app())
      throw Error(Code::configuration, "the project's files are broken", "`windrow check`");
    if (what == "trigger") return trigger(served, request, answer);
    if (what == "run" || what == "retry") return run_by_hand(served, request, answer);
    if (what == "schedules") return answer(compact(schedules_of(served)));
    if (what == "wait") return wait_for(served, text_in(request, "run"), answer);
    if (what == "backfill") return answer(compact(backfill_asked(served, request)));
    if (what == "sensors") return answer(compact({{"sensors", sensing_->status(served)}}));
    if (what == "cancel") return answer(compact(cancel(served, request)));
    if (what == "pause" || what == "resume" || what == "as declared")
      return answer(compact(pause(served, request)));
    throw Error(Code::unsupported, "this server does not know what is asked",
                "it is of another version: restart it");
  } catch (const Error& error) {
    answer(compact(refusal(error)));
  }
}

Json Serving::status_of(Served& asked) {
  Json out{{"pid", ::getpid()},
           {"asked", asked.name},
           {"jobs", options_.jobs > 0 ? options_.jobs : slots_by_itself()},
           {"projects", Json::array()}};
  const auto standing = resources_->standing();
  for (const auto& served : projects_) {
    Json one{{"project", served->name},
             {"folder", served->root()},
             {"environment", served->environment()},
             {"broken", !served->app()},
             {"runs", Json::array()},
             {"ingests", Json::array()}};
    if (served->app()) {
      one["version"] = served->version()->hash;
      one["weight"] = served->app()->workspace()->project.weight;
    }
    one["tasks"] = served->underway->tasks(served->name, standing, clock_.now());
    for (const auto& [id, begun] : served->runs) {
      Json run{{"run", id}, {"started", iso(begun.started)}};
      if (!begun.schedule.empty())
        run.update({{"schedule", begun.schedule}, {"due", iso(begun.due)}});
      one["runs"].push_back(std::move(run));
    }
    for (const auto& [source, ingest] : served->ingests) {
      Json stream{{"source", source}};
      if (ingest.run) stream["run"] = ingest.run->id();
      one["ingests"].push_back(std::move(stream));
    }
    out["projects"].push_back(std::move(one));
  }
  // Of projects that tasks run, and that are served by nobody.
  std::set<std::string> others;
  for (const auto& each : standing)
    if (!served_named(each.asker.project)) others.insert(each.asker.project);
  for (const auto& other : others)
    out["projects"].push_back(
        {{"project", other}, {"tasks", Underway().tasks(other, standing, clock_.now())}});
  return out;
}

void Serving::wait_for(Served& served, const std::string& run, Control::Answer answer) {
  const auto found = served.runs.find(run);
  if (found == served.runs.end())
    throw Error(Code::not_found, "run \"" + run + "\" does not go on here");
  found->second.waiting.push_back(std::move(answer));
}

void Serving::answer_request(const std::string& request, const Json& answer) {
  auto found = requests_.extract(request);
  if (!found) return;
  auto& [tell, waits] = found.mapped();
  if (waits && answer.contains("run")) {
    for (auto& served : projects_) {
      const auto begun = served->runs.find(answer["run"].get<std::string>());
      if (begun == served->runs.end()) continue;
      begun->second.waiting.push_back(std::move(tell));
      return;
    }
  }
  tell(compact(answer));
}

void Serving::trigger(Served& served, const Json& request, const Control::Answer& answer) {
  const auto name = text_in(request, "schedule");
  const auto id = id_of(served, name);
  if (!scheduler_.status(id)) {
    std::vector<std::string> known;
    for (const auto& each : scheduler_.all())
      if (each.schedule->project == served.name) known.push_back(each.schedule->name);
    throw Error(Code::usage, "there is no schedule \"" + name + "\"", did_you_mean(name, known));
  }
  schedule::Wanted wanted;
  wanted.schedule = id;
  wanted.request = "by hand " + std::to_string(next_request_++);
  wanted.vars = texts_in(request, "vars");
  wanted.interval = interval_in(request);
  requests_[wanted.request] = {answer, true_in(request, "wait")};
  observations_.push_back(std::move(wanted));
}

Json Serving::pause(Served& served, const Json& request) {
  const auto what = text_in(request, "do"), tag = text_in(request, "tag");
  std::set<std::string> names;
  if (const auto list = request.find("schedules"); list != request.end() && list->is_array()) {
    for (const auto& each : *list)
      if (each.is_string()) names.insert(id_of(served, each.get<std::string>()));
  }
  Json out{{"schedules", Json::array()}};
  for (const auto& status : scheduler_.all()) {
    const auto& schedule = *status.schedule;
    const bool tagged = !tag.empty() && std::find(schedule.tags.begin(), schedule.tags.end(),
                                                  tag) != schedule.tags.end();
    if (!tagged && !names.contains(schedule.id())) continue;
    schedule::PauseSet set{schedule.id(), std::nullopt};
    if (what != "as declared") set.paused = what == "pause";
    observations_.push_back(set);
    out["schedules"].push_back(schedule.id());
    names.erase(schedule.id());
    auto line = told(*of_id(schedule.id()).first, what == "pause" ? "paused" : "resumed_by_hand");
    line.schedule = schedule.name;
    tell(line);
  }
  if (!names.empty()) {
    throw Error(Code::usage, "there is no schedule \"" + name_in(*names.begin()) + "\"",
                "`windrow schedule list` names them");
  }
  if (out["schedules"].empty()) throw Error(Code::usage, "no schedule has the tag \"" + tag + "\"");
  return out;
}

Json Serving::cancel(Served& served, const Json& request) {
  const auto id = text_in(request, "run");
  const auto found = served.runs.find(id);
  if (found == served.runs.end()) {
    throw Error(Code::usage, "run \"" + id + "\" does not go on in this server",
                "`windrow runs` shows what goes on");
  }
  // Before it is asked: killed in between, it is not begun again.
  served.state().cancel(id, "canceled by hand");
  tell(ask_to_end(served, id, found->second, "by hand"));
  return {{"run", id}};
}

history::Fire Serving::asked_for(Served& served, const Wish& wish) {
  history::Fire out;
  out.due = out.decided = clock_.now();
  while (served.state().fire_at("", out.due)) out.due += std::chrono::microseconds(1);
  out.run = new_ordered_uuid(clock_.now());
  out.request = text_of(wish);
  out.version = served.version()->hash;
  served.state().decide({}, {out});
  return out;
}

void Serving::run_by_hand(Served& served, const Json& request, const Control::Answer& answer) {
  Wish wish;
  wish.cause = "hand";
  wish.retry_of = text_in(request, "run");
  wish.select = text_in(request, "select");
  wish.exclude = text_in(request, "exclude");
  wish.vars = texts_in(request, "vars");
  wish.jobs = int(whole_in(request, "jobs").value_or(0));
  wish.fail_fast = true_in(request, "fail_fast");
  wish.full_refresh = true_in(request, "full_refresh");
  const auto fire = asked_for(served, wish);
  auto line = told(served, "fires");
  line.run = fire.run;
  line.text = wish.retry_of.empty() ? "by hand" : "retry of " + wish.retry_of;
  tell(line);
  begin(served, fire, "");
  if (true_in(request, "wait")) return wait_for(served, fire.run, answer);
  answer(compact({{"run", fire.run}}));
}

Json Serving::schedules_of(const Served& served) const {
  Json out{{"schedules", Json::array()}};
  for (const auto& status : scheduler_.all()) {
    if (status.schedule->project != served.name) continue;
    Json one{{"schedule", status.schedule->name},
             {"paused", status.paused},
             {"behind", status.behind},
             {"running", Json::array()}};
    if (status.next) one["next"] = iso(*status.next);
    for (const auto& [id, begun] : served.runs)
      if (begun.schedule == status.schedule->name) one["running"].push_back(id);
    out["schedules"].push_back(std::move(one));
  }
  return out;
}

}  // namespace windrow::server
