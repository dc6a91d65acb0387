#include <algorithm>

#include "api/api.h"
#include "api/endpoint.h"
#include "app/app.h"
#include "app/backfills.h"
#include "base/secret_text.h"
#include "graph/graph.h"
#include "history/backfills.h"
#include "server/backfilling.h"

namespace windrow::api {

namespace {

constexpr size_t kBackfillsLooked = 1000;

std::string state_folder_of(Call& call) { return call.project().root + "/.windrow"; }

history::Backfill backfill_of(Call& call) {
  const auto& which = call.path.at("backfill");
  const auto found = call.api.backfills_of(call.project()).named(which);
  if (found.size() == 1) return found.front();
  if (found.empty())
    throw Error(Code::not_found, "there is no backfill \"" + which + "\"",
                "GET …/backfills lists them");
  throw Error(Code::usage, std::to_string(found.size()) + " backfills begin with \"" + which + "\"",
              "say more of the id, or all of it");
}

/// One whose record does not read is told with what is wrong, and hides no others.
Json backfill_json(Call& call, const history::Backfill& record) {
  const auto state = server::state_now(state_folder_of(call), record);
  try {
    return app::json_of(app::read_backfill(record), state);
  } catch (const Error& error) {
    Json out{{"backfill", record.id},
             {"status", state},
             {"created", iso(record.created)},
             {"problem", app::json_of(error.problem())}};
    if (!record.name.empty()) out["name"] = record.name;
    return out;
  }
}

http::Response list_backfills(Call& call) {
  Json out = Json::array();
  for (const auto& record :
       call.api.backfills_of(call.project()).all(size_t(call.number("limit", 20))))
    out.push_back(backfill_json(call, record));
  return json_answer(out);
}

http::Response one_backfill(Call& call) {
  return json_answer(backfill_json(call, backfill_of(call)));
}

app::BackfillRequest backfill_request(Call& call) {
  const auto& body = call.body;
  app::BackfillRequest out;
  out.range = {*call.time_in_body("start"), *call.time_in_body("end")};
  out.select = body.value("select", "");
  if (body.value("order", "") == "newest") out.order = plan::Backfill::Order::newest;
  const auto only = body.value("only", "missing");
  using Only = app::BackfillRequest::Only;
  out.only = only == "all" ? Only::all : only == "failed" ? Only::failed : Only::missing;
  out.max_active = body.value("max_active", 1);
  out.jobs = body.value("jobs", 0);
  out.fail_fast = body.value("fail_fast", false);
  out.rebuild_sealed = body.value("rebuild_sealed", false);
  if (out.only == Only::all && out.max_active > 1) {
    throw Error(Code::usage, "with \"only\": \"all\" one part is built at a time",
                "leave \"max_active\" out: each would take back what the others say is done");
  }
  out.command = "windrow serve";
  return out;
}

http::Response start_backfill(Call& call) {
  auto request = backfill_request(call);
  const auto name = call.body.value("name", "");
  auto& store = call.api.backfills_of(call.project());
  app::need_backfill_name(name, store);
  auto& app = call.app();
  const auto planned =
      app::plan_backfill(app, request, call.body.value("exclude", ""), store.all(kBackfillsLooked),
                         call.api.clock(), *call.request.gone);
  if (call.body.value("dry_run", false)) {
    auto out = app::json_of(planned.plan);
    out["dry_run"] = true;
    return json_answer(out);
  }
  if (planned.tables.empty())
    return json_answer(app::nothing_to_backfill(request, call.api.clock().now()));
  const auto state = app::new_backfill(request, planned, name, app.workspace()->project.zone,
                                       call.api.clock().now());
  store.add(state.record,
            [&](const auto& running) { app::refuse_overlap(request, state.record.id, running); });
  return json_answer(call.ask({{"do", "backfill"}, {"backfill", state.record.id}}), 202);
}

http::Response told_state(const history::Backfill& record, const char* state) {
  return json_answer({{"backfill", record.id}, {"status", state}});
}

[[noreturn]] void refuse_move(const history::Backfill& record, const char* hint) {
  throw Error(Code::conflict, "backfill " + record.id + " is " + record.state + " already", hint);
}

http::Response pause_backfill(Call& call) {
  const auto record = backfill_of(call);
  if (!call.api.backfills_of(call.project()).move(record.id, "running", "paused", "by hand", {}))
    refuse_move(record, "only one that runs can be paused");
  return told_state(record, "paused");
}

http::Response cancel_backfill(Call& call) {
  const auto record = backfill_of(call);
  auto& store = call.api.backfills_of(call.project());
  if (!store.move(record.id, "running paused", "canceled", "by hand", call.api.clock().now()))
    refuse_move(record, "what it has built stays");
  const auto folder = state_folder_of(call);
  if (server::Claim::take(folder, server::backfill_lock(record.id)))
    server::remove_backfill_lock(folder, record.id);
  return told_state(record, "canceled");
}

http::Response resume_backfill(Call& call) {
  const auto record = backfill_of(call);
  auto& store = call.api.backfills_of(call.project());
  if (record.state != "paused") {
    refuse_move(record, record.ended ? "\"only\": \"failed\" tries again what failed"
                                     : "it is built, or will be within seconds");
  }
  auto state = app::read_backfill(record);
  if (const auto option = app::option_of_command(state.request); !option.empty()) {
    throw Error(Code::conflict, "it has " + option + ", which no server takes",
                "`windrow backfills resume` goes on with it");
  }
  app::refuse_overlap(state.request, record.id, store.running());
  for (auto& table : state.tables) table.failures.clear();  // who resumes it may have mended them
  app::write_backfill(state);
  store.progress(record.id, state.record.progress, state.record.failures);
  if (!store.move(record.id, "paused", "running", "", {}))
    refuse_move(backfill_of(call), "another was faster");
  call.ask({{"do", "backfill"}, {"backfill", record.id}});
  return told_state(record, "running");
}

}  // namespace

void add_backfill_endpoints(std::vector<Endpoint>& all) {
  const auto get = [&](const char* path, const char* summary, std::vector<Parameter> query,
                       Answer answer, auto handle) {
    Endpoint out{"GET", path, summary, "backfills"};
    out.query = std::move(query);
    out.answers = {std::move(answer)};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  const auto post = [&](const char* path, const char* summary, auto handle) -> Endpoint& {
    Endpoint out{"POST", path, summary, "backfills"};
    out.role = access::Role::operators;
    out.body = "{}";
    out.body_optional = true;
    out.answers = {{200, "BackfillState", "how it is now"}};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
    return all.back();
  };
  get("/projects/{project}/backfills", "Backfills, newest first",
      {{"limit", "whole(1..1000)", "at most so many (20)"}}, {200, "[Backfill]", "as `backfills`"},
      list_backfills);
  get("/projects/{project}/backfills/{backfill}", "One backfill", {},
      {200, "Backfill", "as `backfills BACKFILL`"}, one_backfill);
  auto& begin = post("/projects/{project}/backfills",
                     "Build the intervals of a range that are missing", start_backfill);
  begin.body =
      "{start: text(1..40), end: text(1..40), select?: text(0..2000), exclude?: text(0..2000), "
      "only?: "
      "'missing'|'failed'|'all', order?: 'oldest'|'newest', max_active?: whole(1..100), name?: "
      "text(0..100), jobs?: whole(0..10000), fail_fast?: truth, rebuild_sealed?: truth, dry_run?: "
      "truth}";
  begin.body_optional = false;
  begin.answers = {{202, "BackfillNamed", "it is built in the background"},
                   {200, "object", "with `dry_run` a plan; else that there is nothing to build"}};
  post("/projects/{project}/backfills/{backfill}/pause", "Stop it after what is committed",
       pause_backfill);
  post("/projects/{project}/backfills/{backfill}/resume", "Go on with one that is paused",
       resume_backfill);
  post("/projects/{project}/backfills/{backfill}/cancel", "End it; what it has built stays",
       cancel_backfill);
}

}  // namespace windrow::api
