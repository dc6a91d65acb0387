#include <fmt/format.h>

#include <algorithm>

#include "app/backfill_work.h"
#include "base/id.h"
#include "base/secret_text.h"
#include "base/zone.h"
#include "cli/backfill_view.h"
#include "cli/json_text.h"
#include "cli/plan_lines.h"
#include "cli/server_channel.h"
#include "cli/session.h"
#include "server/backfilling.h"

// backfill, backfills.
namespace windrow::cli {

namespace {

using app::BackfillRequest;
using app::BackfillState;

constexpr auto kLookAtBackfill = std::chrono::milliseconds(300);
/// A server takes up what it was asked for at once; one that was killed does not.
constexpr int kLooksWithoutServer = 30;
constexpr int kClaimTries = 20;
constexpr size_t kMatchesNamed = 5;

/// Backfills of a project, for who builds none: its files may be broken.
struct BackfillHome {
  std::string root, state_folder, environment;
  history::Backfills store;
  explicit BackfillHome(const Session& session)
      : root(project_root(session)),
        state_folder(root + "/.windrow"),
        environment(session.arguments.environment),
        store(state_folder + "/history.db", environment) {}
};

/// That a server builds backfills of this environment.
bool served(Session& session, const BackfillHome& place) {
  const auto status = ask_server(session, place.root, {{"do", "status"}}, false);
  if (!status) return false;
  for (const auto& project : status->value("projects", Json::array()))
    if (project.value("folder", "") == place.root)
      return project.value("environment", "") == place.environment;
  return false;
}

BackfillRequest request_of(const Session& session, const std::string& zone) {
  const auto& a = session.arguments;
  BackfillRequest out;
  out.range = {time_argument(a.start, "START", zone), time_argument(a.end, "END", zone)};
  out.select = joined(a.select);
  if (a.order == "newest") out.order = plan::Backfill::Order::newest;
  out.only = a.only == "all"      ? BackfillRequest::Only::all
             : a.only == "failed" ? BackfillRequest::Only::failed
                                  : BackfillRequest::Only::missing;
  out.max_active = a.max_active;
  out.jobs = a.jobs;
  out.fail_fast = a.fail_fast;
  out.rebuild_sealed = a.rebuild_sealed;
  out.sample = a.sample;
  out.defer = a.defer;
  for (const auto& text : a.variables) {
    const auto [name, value] = pair_argument(text, "--var", "NAME=VALUE");
    if (names_secret(name))
      out.withheld.push_back(name);
    else
      out.variables[name] = value;
  }
  if (out.only == BackfillRequest::Only::all && out.max_active > 1) {
    throw Error(Code::usage, "with --only all one part is built at a time",
                "leave --max-active out: each would take back what the others say is done");
  }
  if (!a.sample.empty() && !tasks::parse_sample(a.sample)) {
    throw Error(Code::usage, "--sample takes a share of the rows, but \"" + a.sample + "\" is none",
                "write it in percent, more than 0 and less than 100: --sample 1%");
  }
  out.command = session.secrets.redact(session.command);
  return out;
}

int exit_of(const std::string& state, bool stopped) {
  if (state == "done") return kDone;
  return stopped || state == "canceled" ? kStopped : kFailed;
}

int report_backfill(Session& session, const BackfillHome& place, const BackfillState& backfill,
                    bool stopped) {
  const auto state = server::state_now(place.state_folder, backfill.record);
  const auto& out = session.out;
  if (out.json())
    out.write(dumped(json_of(backfill, state)));
  else
    out.write(backfill_text(backfill, state, out));
  return exit_of(state, stopped);
}

/// Shows what the server does until that is over.
int follow(Session& session, BackfillHome& place, const std::string& id) {
  auto& stop = session.interrupts.cancel();
  std::optional<BackfillState> now;
  {
    BackfillView view(session.out, session.clock);
    for (int alone = 0; alone < kLooksWithoutServer;) {
      now = app::read_backfill(*place.store.find(id));
      view.changed(*now);
      if (now->record.state != "running") break;
      alone = server::state_now(place.state_folder, now->record) == "running" ? 0 : alone + 1;
      if (stop.wait_for(kLookAtBackfill)) break;
    }
  }
  if (now->record.state == "running" && stop.requested()) {
    session.out.note("the server goes on with it: `windrow backfills pause " + short_run(id) +
                     "` stops it");
  }
  return report_backfill(session, place, *now, stop.requested());
}

int work_alone(Session& session, BackfillHome& place, app::App& app, const std::string& id) {
  auto& stop = session.interrupts.cancel();
  BackfillState state;
  {
    BackfillView view(session.out, session.clock);
    state = app::BackfillWork(app, place.store, session.clock, {},
                              {[&](const auto& now) { view.changed(now); },
                               [&](const observe::Event& event) { view.told(event); }})
                .run(id, stop);
  }
  auto& record = state.record;
  if (stop.requested() && record.state == "running") {
    place.store.move(id, "running", "paused", "stopped by hand", {});
    record = place.store.find(id).value_or(record);
  }
  if (record.ended) server::remove_backfill_lock(place.state_folder, id);
  const int out = report_backfill(session, place, state, stop.requested());
  if (record.state == "paused")
    session.out.note("`windrow backfills resume " + short_run(id) + "` goes on with it");
  return out;
}

int show_dry_run(Session& session, const app::PlannedBackfill& planned, const std::string& zone) {
  const auto& out = session.out;
  if (out.json()) {
    auto json = json_of(planned.plan);
    json["dry_run"] = true;
    out.write(dumped(json));
    return kDone;
  }
  TextTable table({"asset", "interval", "intervals", "ranges", "rows read", "files", "commits"},
                  {2, 4, 5, 6});
  table.give_way({3});
  int64_t intervals = 0;
  for (const auto& step : planned.plan.steps) {
    const auto grain = Grain::parse(step.grain, zone);
    if (!grain || step.intervals.empty()) continue;
    std::string ranges;
    for (const auto& part : step.intervals)
      ranges += (ranges.empty() ? "" : ", ") + interval_label(part, *grain);
    intervals += int64_t(step.interval_count);
    const auto number = [&](int64_t n) { return step.cost ? count_text(n) : std::string(); };
    const auto cost = step.cost.value_or(app::PlannedCost{});
    table.add({step.asset, step.grain, count_text(int64_t(step.interval_count)), ranges,
               number(cost.rows), number(cost.files), number(int64_t(cost.commits))});
  }
  if (!table.empty()) out.table(table);
  out.print((table.empty() ? "" : "\n") +
            (intervals == 0 ? std::string("nothing would be built")
                            : counted(intervals, "interval") + " would be built") +
            (planned.sealed > 0 ? ", " + counted(planned.sealed, "interval") + " sealed" : ""));
  return kDone;
}

void tell_notices(Session& session, app::App& app) {
  for (const auto& notice : app.check()) {
    if (!session.out.json())
      session.out.note(session.out.error_style().yellow("note:") + " " + notice);
  }
}

int nothing_to_build(Session& session, const BackfillRequest& request,
                     const app::PlannedBackfill& planned) {
  if (session.out.json()) {
    session.out.write(dumped(app::nothing_to_backfill(request, session.clock.now())));
    return kDone;
  }
  session.out.print(request.only == BackfillRequest::Only::failed
                        ? "nothing to build: no backfill has failed on an interval that is missing"
                        : "nothing to build: what can be there of the range is there" +
                              std::string(planned.sealed > 0 ? " or sealed" : ""));
  if (request.only == BackfillRequest::Only::missing)
    session.out.note("`--only all` builds again what is there");
  return kDone;
}

}  // namespace

int backfill_verb(Session& session) {
  const auto& a = session.arguments;
  BackfillHome place(session);
  app::need_backfill_name(a.name, place.store);
  const auto app = open_app(session);
  const auto& zone = app->workspace()->project.zone;
  auto request = request_of(session, zone);
  const bool by_server = !a.dry_run && served(session, place);
  if (a.background && !by_server && !a.dry_run) {
    throw Error(Code::usage,
                "nobody would go on with it in the background: no server runs for this project and "
                "environment",
                "begin one with `windrow serve`; or leave --background out: then it is built here");
  }
  if (const auto option = app::option_of_command(request); by_server && !option.empty()) {
    throw Error(Code::usage, "the server does not take " + option + " of a backfill",
                "leave it out; or stop the server, then it is built here");
  }
  tell_notices(session, *app);
  const auto planned = app::plan_backfill(*app, request, joined(a.exclude), place.store.all(1000),
                                          session.clock, session.interrupts.cancel());
  if (a.dry_run) return show_dry_run(session, planned, zone);
  if (planned.tables.empty()) return nothing_to_build(session, request, planned);
  const auto state = app::new_backfill(request, planned, a.name, zone, session.clock.now());
  const auto& id = state.record.id;
  // Before it is written: a server that begins just then leaves it to us.
  const auto claim =
      by_server ? nullptr : server::Claim::take(place.state_folder, server::backfill_lock(id));
  place.store.add(state.record,
                  [&](const auto& running) { app::refuse_overlap(request, id, running); });
  if (!by_server) return work_alone(session, place, *app, id);
  ask_server(session, place.root, {{"do", "backfill"}, {"backfill", id}}, false);
  if (!a.background) return follow(session, place, id);
  if (session.out.json())
    session.out.write(dumped({{"backfill", id}}));
  else
    session.out.print("backfill " + short_run(id) +
                      " is built in the background: `windrow backfills " + short_run(id) +
                      "` shows how far it is");
  return kDone;
}

namespace {

history::Backfill backfill_named(BackfillHome& place, const std::string& which) {
  const auto found = place.store.named(which);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw Error(Code::usage, "there is no backfill \"" + which + "\"",
                "`windrow backfills` shows which there are");
  }
  std::string names;
  for (size_t i = 0; i < found.size() && i < kMatchesNamed; ++i)
    names += (i > 0 ? ", " : "") + found[i].id;
  if (found.size() > kMatchesNamed) names += ", …";
  throw Error(
      Code::usage,
      counted(int64_t(found.size()), "backfill") + " begin with \"" + which + "\": " + names,
      "say more of the id, or all of it");
}

/// One whose record is damaged, or of a later version, hides no others.
void list_unread(const history::Backfill& record, const std::string& state, const Error& error,
                 TextTable& table, Json& json) {
  json.push_back({{"backfill", record.id},
                  {"status", state},
                  {"created", iso(record.created)},
                  {"problem", app::json_of(error.problem())}});
  if (!record.name.empty()) json.back()["name"] = record.name;
  table.add({short_run(record.id),
             record.name,
             {state, tone_of(state)},
             {"does not read", TextTable::Tone::bad},
             "",
             "",
             "",
             "",
             "",
             "",
             record.ended ? "" : "windrow backfills cancel " + short_run(record.id)});
}

int list_backfills(Session& session, BackfillHome& place) {
  const auto all = place.store.all(size_t(session.arguments.limit.value_or(20)));
  TextTable table({"backfill", "name", "status", "from", "to", "done", "failed", "left",
                   "time left", "only", "select"},
                  {5, 6, 7});
  table.give_way({10, 9, 1});
  Json json = Json::array();
  for (const auto& record : all) {
    const auto state = server::state_now(place.state_folder, record);
    BackfillState backfill;
    try {
      backfill = app::read_backfill(record);
    } catch (const Error& error) {
      list_unread(record, state, error, table, json);
      continue;
    }
    json.push_back(json_of(backfill, state));
    const Zone zone(backfill.zone);
    const auto counts = backfill.counts();
    const auto left = record.ended ? std::nullopt : backfill.time_left();
    table.add({short_run(record.id),
               record.name,
               {state, tone_of(state)},
               short_time(zone.local(backfill.request.range.start)),
               short_time(zone.local(backfill.request.range.end)),
               count_text(counts.done),
               count_text(counts.failed),
               count_text(counts.left),
               left ? seconds_text(*left) : "",
               json.back()["only"].get<std::string>(),
               backfill.request.select});
  }
  if (session.out.json())
    session.out.write(dumped(json));
  else if (table.empty())
    session.out.note("no backfills yet");
  else
    session.out.table(table);
  return kDone;
}

int told_state(Session& session, const std::string& id, const std::string& state,
               const std::string& text) {
  if (session.out.json())
    session.out.write(dumped({{"backfill", id}, {"status", state}}));
  else
    session.out.print("backfill " + short_run(id) + " " + text);
  return kDone;
}

[[noreturn]] void refuse_state(const history::Backfill& record, const std::string& hint) {
  throw Error(Code::usage, "backfill " + short_run(record.id) + " is " + record.state + " already",
              hint);
}

int pause_backfill(Session& session, BackfillHome& place) {
  const auto record = backfill_named(place, session.arguments.run);
  if (!place.store.move(record.id, "running", "paused", "by hand", {}))
    refuse_state(record, "only one that runs can be paused");
  return told_state(session, record.id, "paused",
                    "stops, and is paused: `windrow backfills resume " + short_run(record.id) +
                        "` goes on with it");
}

int cancel_backfill(Session& session, BackfillHome& place) {
  const auto record = backfill_named(place, session.arguments.run);
  if (!place.store.move(record.id, "running paused", "canceled", "by hand", session.clock.now()))
    refuse_state(record, "what it has built stays");
  if (server::Claim::take(place.state_folder, server::backfill_lock(record.id)))
    server::remove_backfill_lock(place.state_folder, record.id);
  return told_state(session, record.id, "canceled", "is canceled: what it has built stays");
}

/// The project with the variables it was begun with.
std::unique_ptr<app::App> open_again(Session& session, const BackfillRequest& request) {
  auto options = options_of(session);
  options.defer = request.defer;
  for (const auto& name : request.withheld) {
    if (options.variables.contains(name)) continue;
    throw Error(Code::usage,
                "it was begun with --var " + name + "=…, whose value is not kept, as it is secret",
                "give it again: windrow --var " + name + "=… backfills resume …");
  }
  for (const auto& [name, value] : request.variables) options.variables.emplace(name, value);
  return session.open(options, session.secrets, session.clock);
}

int resume_backfill(Session& session, BackfillHome& place) {
  const auto record = backfill_named(place, session.arguments.run);
  const auto now = server::state_now(place.state_folder, record);
  if (record.state != "paused" && now != "interrupted") {
    refuse_state(record, record.ended ? "`windrow backfill START END --only failed` tries again "
                                        "what failed"
                                      : "`windrow backfills` shows how far it is");
  }
  auto state = app::read_backfill(record);
  app::refuse_overlap(state.request, record.id, place.store.running());
  const bool by_server = app::option_of_command(state.request).empty() && served(session, place);
  // Before anything is changed: whoever cannot read the project leaves it as it is.
  const auto app = by_server ? nullptr : open_again(session, state.request);
  std::unique_ptr<server::Claim> claim;
  for (int tries = 0; !by_server && !claim; ++tries) {  // whoever is stopping has it still
    claim = server::Claim::take(place.state_folder, server::backfill_lock(record.id));
    if (claim || tries == kClaimTries) break;
    if (session.interrupts.cancel().wait_for(kLookAtBackfill)) return kStopped;
  }
  if (!by_server && !claim) {
    throw Error(Code::conflict, "backfill " + short_run(record.id) + " is still at work elsewhere",
                "try again when it has stopped");
  }
  if (record.state == "paused") {  // whoever resumes it may have mended what failed
    for (auto& table : state.tables) table.failures.clear();
    app::write_backfill(state);
    place.store.progress(record.id, state.record.progress, state.record.failures);
  }
  place.store.move(record.id, "paused", "running", "", {});
  if (by_server) {
    ask_server(session, place.root, {{"do", "backfill"}, {"backfill", record.id}}, false);
    return told_state(session, record.id, "running", "goes on in the server");
  }
  tell_notices(session, *app);
  return work_alone(session, place, *app, record.id);
}

}  // namespace

int backfills_verb(Session& session) {
  BackfillHome place(session);
  const auto& verb = session.arguments.sub_verb;
  if (verb == "pause") return pause_backfill(session, place);
  if (verb == "resume") return resume_backfill(session, place);
  if (verb == "cancel") return cancel_backfill(session, place);
  if (session.arguments.run.empty()) return list_backfills(session, place);
  report_backfill(session, place, app::read_backfill(backfill_named(place, session.arguments.run)),
                  false);
  return kDone;
}

}  // namespace windrow::cli
