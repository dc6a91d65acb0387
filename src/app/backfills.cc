#include "app/backfills.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/id.h"
#include "base/zone.h"

namespace windrow::app {

namespace {

using plan::BackfillFailure;
using plan::BackfillTable;
using Only = BackfillRequest::Only;
using Order = plan::Backfill::Order;

constexpr const char* kOnly[] = {"missing", "failed", "all"};

Json ranges_json(const IntervalSet& set) {
  Json out = Json::array();
  for (const auto& part : set.parts()) out.push_back({micros(part.start), micros(part.end)});
  return out;
}

Interval range_in(const Json& json) {
  return {time_from_micros(json.at(0).get<int64_t>()), time_from_micros(json.at(1).get<int64_t>())};
}

IntervalSet ranges_in(const Json& json) {
  std::vector<Interval> out;
  for (const auto& each : json) out.push_back(range_in(each));
  return IntervalSet(out);
}

/// For people and programs outside.
Json told_ranges(const IntervalSet& set) {
  Json out = Json::array();
  for (const auto& part : set.parts())
    out.push_back({{"start", iso(part.start)}, {"end", iso(part.end)}});
  return out;
}

Json request_json(const BackfillRequest& request) {
  return {{"range", {micros(request.range.start), micros(request.range.end)}},
          {"select", request.select},
          {"assets", request.assets},
          {"newest", request.order == Order::newest},
          {"only", kOnly[int(request.only)]},
          {"max_active", request.max_active},
          {"jobs", request.jobs},
          {"fail_fast", request.fail_fast},
          {"rebuild_sealed", request.rebuild_sealed},
          {"sample", request.sample},
          {"defer", request.defer},
          {"variables", request.variables},
          {"withheld", request.withheld},
          {"command", request.command}};
}

BackfillRequest request_in(const Json& json) {
  BackfillRequest out;
  out.range = range_in(json.at("range"));
  out.select = json.at("select").get<std::string>();
  out.assets = json.at("assets").get<std::vector<std::string>>();
  out.order = json.at("newest").get<bool>() ? Order::newest : Order::oldest;
  const auto only = json.at("only").get<std::string>();
  const auto found = std::find(std::begin(kOnly), std::end(kOnly), only);
  if (found == std::end(kOnly)) throw Error(Code::corrupt, "\"" + only + "\" chooses no intervals");
  out.only = Only(found - std::begin(kOnly));
  out.max_active = json.at("max_active").get<int>();
  out.jobs = json.at("jobs").get<int>();
  out.fail_fast = json.at("fail_fast").get<bool>();
  out.rebuild_sealed = json.at("rebuild_sealed").get<bool>();
  out.sample = json.at("sample").get<std::string>();
  out.defer = json.at("defer").get<std::string>();
  out.variables = json.at("variables").get<std::map<std::string, std::string>>();
  out.withheld = json.value("withheld", out.withheld);  // not in older ones
  out.command = json.at("command").get<std::string>();
  return out;
}

Grain grain_named(const std::string& text, const std::string& zone) {
  const auto out = Grain::parse(text, zone);
  if (!out) throw Error(Code::corrupt, "\"" + text + "\" is no interval");
  return *out;
}

void read_progress(BackfillState& state) {
  const auto progress = Json::parse(state.record.progress);
  state.zone = progress.at("zone").get<std::string>();
  state.before_done = progress.at("before_done").get<bool>();
  state.first_done = progress.at("first_done").get<bool>();
  state.found = progress.at("found").get<int64_t>();
  state.retries = progress.at("retries").get<int64_t>();
  state.runs = progress.at("runs").get<int64_t>();
  state.rows = progress.at("rows").get<int64_t>();
  state.worked = std::chrono::microseconds(progress.at("worked").get<int64_t>());
  for (const auto& each : progress.at("tables")) {
    state.tables.push_back({each.at("asset").get<std::string>(),
                            grain_named(each.at("grain").get<std::string>(), state.zone),
                            ranges_in(each.at("total")),
                            ranges_in(each.at("done")),
                            {}});
  }
  for (const auto& each : Json::parse(state.record.failures)) {
    const auto asset = each.at("asset").get<std::string>();
    for (auto& table : state.tables) {
      if (table.asset != asset) continue;
      table.failures.push_back(
          {range_in(each.at("range")),
           {code_named(each.at("code").get<std::string>()),
            each.at("message").get<std::string>(),
            each.at("hint").get<std::string>(),
            {each.value("file", ""), each.value("line", 0), each.value("column", 0)}},
           each.at("because").get<std::string>()});
    }
  }
}

/// What earlier backfills could not build of a table.
IntervalSet failed_before(const std::string& asset, const std::vector<history::Backfill>& before) {
  IntervalSet out;
  for (const auto& record : before) {
    try {
      for (const auto& table : read_backfill(record).tables)
        if (table.asset == asset) out.add(table.failed());
    } catch (const Error&) {
      // Of another version, or broken: it says nothing of what failed.
    }
  }
  return out;
}

/// As clocks of the zone show it.
std::string clock_time(Time t, const std::string& zone) {
  return Zone(zone).text(std::chrono::floor<std::chrono::seconds>(t));
}

void look_at_range(const Interval& range, const std::string& zone, Time now) {
  if (range.empty()) {
    throw Error(Code::usage,
                fmt::format("the range from {} to {} is empty", clock_time(range.start, zone),
                            clock_time(range.end, zone)),
                "START comes before END, and END is not part of the range");
  }
  if (range.end > now) {
    throw Error(Code::usage, "the end " + clock_time(range.end, zone) + " lies in the future",
                "a backfill builds intervals that are over: give the end of the last of them; what "
                "comes later `windrow run` builds, or a schedule");
  }
}

}  // namespace

BackfillState::Counts BackfillState::counts(const BackfillTable& table) {
  const auto n = [&](const IntervalSet& set) { return int64_t(table.grain.count(set)); };
  return {n(table.total), n(table.done), n(table.failed()), n(table.left())};
}

BackfillState::Counts BackfillState::counts() const {
  Counts out;
  for (const auto& table : tables) {
    const auto one = counts(table);
    out.total += one.total;
    out.done += one.done;
    out.failed += one.failed;
    out.left += one.left;
  }
  return out;
}

std::optional<std::chrono::microseconds> BackfillState::time_left() const {
  const auto now = counts();
  const int64_t built = now.done - found;
  if (now.left == 0) return std::chrono::microseconds(0);
  if (built <= 0 || worked.count() <= 0) return {};
  return std::chrono::microseconds(
      int64_t(double(worked.count()) * double(now.left) / double(built)));
}

BackfillState read_backfill(history::Backfill record) {
  BackfillState out;
  out.record = std::move(record);
  try {
    out.request = request_in(Json::parse(out.record.request));
    read_progress(out);
    [[maybe_unused]] const Zone known(out.zone);
  } catch (const std::exception&) {  // not JSON, or other values than this version knows
    throw Error(Code::corrupt, "what is kept of backfill " + out.record.id + " does not read",
                (out.record.ended ? "" : "`windrow backfills cancel " + out.record.id + "`, and ") +
                    std::string("begin another one: what is done is in the lake"));
  }
  return out;
}

void write_backfill(BackfillState& state) {
  Json tables = Json::array(), failures = Json::array();
  for (const auto& table : state.tables) {
    tables.push_back({{"asset", table.asset},
                      {"grain", table.grain.text()},
                      {"total", ranges_json(table.total)},
                      {"done", ranges_json(table.done)}});
    for (const auto& failure : table.failures) {
      failures.push_back({{"asset", table.asset},
                          {"range", {micros(failure.range.start), micros(failure.range.end)}},
                          {"code", name_of(failure.problem.code)},
                          {"message", failure.problem.message},
                          {"hint", failure.problem.hint},
                          {"file", failure.problem.place.file},
                          {"line", failure.problem.place.line},
                          {"column", failure.problem.place.column},
                          {"because", failure.because}});
    }
  }
  state.record.request = dumped_line(request_json(state.request));
  state.record.progress = dumped_line({{"zone", state.zone},
                                       {"before_done", state.before_done},
                                       {"first_done", state.first_done},
                                       {"found", state.found},
                                       {"retries", state.retries},
                                       {"runs", state.runs},
                                       {"rows", state.rows},
                                       {"worked", state.worked.count()},
                                       {"tables", std::move(tables)}});
  state.record.failures = dumped_line(failures);
}

Json json_of(const BackfillState& backfill, const std::string& now) {
  const auto& record = backfill.record;
  const auto& request = backfill.request;
  const auto all = backfill.counts();
  Json out{{"backfill", record.id},
           {"status", now.empty() ? record.state : now},
           {"start", iso(request.range.start)},
           {"end", iso(request.range.end)},
           {"select", request.select},
           {"order", request.order == Order::newest ? "newest" : "oldest"},
           {"only", kOnly[int(request.only)]},
           {"max_active", request.max_active},
           {"created", iso(record.created)},
           {"intervals",
            {{"total", all.total}, {"done", all.done}, {"failed", all.failed}, {"left", all.left}}},
           {"rows", backfill.rows},
           {"runs", backfill.runs},
           {"retries", backfill.retries},
           {"seconds", double(backfill.worked.count()) / 1e6}};
  if (!record.name.empty()) out["name"] = record.name;
  if (!record.reason.empty()) out["reason"] = record.reason;
  if (record.ended) out["ended"] = iso(*record.ended);
  if (const auto left = backfill.time_left()) out["seconds_left"] = double(left->count()) / 1e6;
  out["tables"] = Json::array();
  out["failures"] = Json::array();
  for (const auto& table : backfill.tables) {
    const auto one = BackfillState::counts(table);
    out["tables"].push_back({{"asset", table.asset},
                             {"grain", table.grain.text()},
                             {"total", one.total},
                             {"done", one.done},
                             {"failed", one.failed},
                             {"left", one.left},
                             {"left_ranges", told_ranges(table.left())}});
    for (const auto& failure : table.failures) {
      Json each{{"asset", table.asset},
                {"start", iso(failure.range.start)},
                {"end", iso(failure.range.end)},
                {"intervals", table.grain.count(IntervalSet{failure.range})}};
      if (failure.because.empty())
        each["problem"] = json_of(failure.problem);
      else
        each["caused_by"] = failure.because;
      out["failures"].push_back(std::move(each));
    }
  }
  return out;
}

std::vector<std::string> interval_models(const Workspace& workspace,
                                         const std::vector<std::string>& assets) {
  std::vector<std::string> out;
  for (const auto& name : assets) {
    const auto* model = workspace.project.model(name);
    if (model && model->build.kind == project::BuildKind::interval) out.push_back(name);
  }
  return out;
}

BackfillPhases phases_of(const Workspace& workspace, const std::vector<std::string>& assets) {
  const auto& graph = workspace.graph;
  const auto models = interval_models(workspace, assets);
  const auto reached = [&](const std::vector<size_t> graph::Asset::*next) {
    std::set<size_t> out;
    std::vector<size_t> open;
    for (const auto& name : models) {
      if (const auto found = graph.by_name.find(name); found != graph.by_name.end())
        open.push_back(found->second);
    }
    while (!open.empty()) {
      const size_t at = open.back();
      open.pop_back();
      for (const size_t each : graph.assets[at].*next)
        if (out.insert(each).second) open.push_back(each);
    }
    return out;
  };
  const auto above = reached(&graph::Asset::upstream), below = reached(&graph::Asset::downstream);
  BackfillPhases out;
  for (const auto& name : assets) {
    const auto found = graph.by_name.find(name);
    if (found == graph.by_name.end()) continue;
    const size_t i = found->second;
    const bool model = std::find(models.begin(), models.end(), name) != models.end();
    auto& phase = model || (above.contains(i) && below.contains(i)) ? out.during
                  : above.contains(i)                               ? out.before
                                                                    : out.after;
    phase.push_back(name);
  }
  return out;
}

PlanView stale_in_range(App& app, const BackfillRequest& request,
                        const std::vector<std::string>& models, bool rebuild, Cancel& cancel) {
  PlanOptions options;
  options.select = fmt::format("{}", fmt::join(models, " "));
  options.start = request.range.start;
  options.end = request.range.end;
  options.rebuild = rebuild;
  options.rebuild_sealed = request.rebuild_sealed;
  if (!request.sample.empty()) options.sample = tasks::parse_sample(request.sample);
  return app.plan(options, cancel);
}

PlannedBackfill plan_backfill(App& app, BackfillRequest& request, const std::string& exclude,
                              const std::vector<history::Backfill>& before, const Clock& clock,
                              Cancel& cancel) {
  look_at_range(request.range, app.workspace()->project.zone, clock.now());
  std::set<std::string> without;
  if (!exclude.empty())
    for (const auto& each : app.list(exclude)) without.insert(each.name);
  request.assets.clear();
  for (const auto& each : app.list(request.select))
    if (!without.contains(each.name)) request.assets.push_back(each.name);
  const auto workspace = app.workspace();
  const auto models = interval_models(*workspace, request.assets);
  if (models.empty()) {
    throw Error(Code::usage, "nothing that is chosen is built by intervals",
                "a backfill is for models with `build: {interval: …}`; others `windrow run "
                "--full-refresh` builds anew");
  }
  PlannedBackfill out;
  out.plan = stale_in_range(app, request, models, request.only == Only::all, cancel);
  std::vector<Problem> problems;
  for (auto& step : out.plan.steps) {
    if (step.problem) problems.push_back(*step.problem);
    out.sealed += int64_t(step.sealed_count);
    BackfillTable table{
        step.asset, grain_named(step.grain.empty() ? "day" : step.grain, workspace->project.zone),
        IntervalSet(step.intervals)};
    if (request.only == Only::failed) {
      table.total = table.total & failed_before(step.asset, before);
      step.intervals = table.total.parts();
      step.interval_count = table.grain.count(table.total);
      step.cost.reset();
    }
    if (!table.total.empty()) out.tables.push_back(std::move(table));
  }
  if (!problems.empty()) throw Error(problems);
  return out;
}

std::string option_of_command(const BackfillRequest& request) {
  if (!request.sample.empty()) return "--sample";
  if (!request.defer.empty()) return "--defer";
  return request.variables.empty() && request.withheld.empty() ? "" : "--var";
}

void refuse_overlap(const BackfillRequest& request, const std::string& id,
                    const std::vector<history::Backfill>& running) {
  for (const auto& record : running) {
    if (record.id == id) continue;
    BackfillState other;
    try {
      other = read_backfill(record);
    } catch (const Error&) {
      continue;  // nobody builds it, as nobody can read it
    }
    if (!other.request.range.overlaps(request.range)) continue;
    for (const auto& table : other.tables) {
      const auto& mine = request.assets;
      if (std::find(mine.begin(), mine.end(), table.asset) == mine.end()) continue;
      throw Error(
          Code::conflict,
          fmt::format("backfill {} builds \"{}\" from {} to {} already", record.id.substr(0, 13),
                      table.asset, clock_time(other.request.range.start, other.zone),
                      clock_time(other.request.range.end, other.zone)),
          fmt::format("wait for it, or stop it: windrow backfills cancel {0}; `windrow backfills "
                      "{0}` shows how far it is",
                      record.id.substr(0, 13)));
    }
  }
}

BackfillState new_backfill(const BackfillRequest& request, const PlannedBackfill& planned,
                           const std::string& name, const std::string& zone, Time now) {
  BackfillState out;
  out.request = request;
  out.zone = zone;
  out.tables = planned.tables;
  out.record.id = new_ordered_uuid(now);
  out.record.name = name;
  out.record.state = "running";
  out.record.created = now;
  write_backfill(out);
  return out;
}

Json nothing_to_backfill(const BackfillRequest& request, Time now) {
  BackfillState none;
  none.record.state = "done";
  none.record.created = now;
  none.request = request;
  auto out = json_of(none, "");
  out.erase("backfill");
  return out;
}

void need_backfill_name(const std::string& name, const history::Backfills& store) {
  if (name.empty()) return;
  if (name == "pause" || name == "resume" || name == "cancel" ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") !=
          std::string::npos) {
    throw Error(Code::usage, "a backfill cannot be called \"" + name + "\"",
                "take letters, digits, `-`, `_` and `.`");
  }
  const auto others = store.named(name);
  if (!others.empty() && others.front().name == name && !others.front().ended)
    throw Error(Code::usage, "backfill " + others.front().id.substr(0, 13) + " is called \"" +
                                 name + "\" already");
}

}  // namespace windrow::app
