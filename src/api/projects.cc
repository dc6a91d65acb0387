#include <algorithm>
#include <set>

#include "api/api.h"
#include "api/endpoint.h"
#include "api/tables.h"
#include "app/app.h"
#include "base/text.h"
#include "project/project.h"

namespace windrow::api {

namespace {

constexpr size_t kRunsOfAsset = 20;

/// Those of the server, with what it is busy with; one answer tells all of them.
Json all_projects(Call& call) {
  Json out = Json::array();
  const auto projects = call.api.server().projects();
  if (projects.empty()) return out;
  call.path["project"] = projects.front().name;
  for (const auto& each : projects)
    if (each.app) call.path["project"] = each.name;
  const auto status = call.ask({{"do", "status"}});
  for (const auto& one : status.value("projects", Json::array())) {
    if (!one.contains("folder")) continue;  // nobody serves it: a task of another runs it
    Json each = one;
    for (const auto& project : projects)
      if (project.root == each.value("folder", "") && project.app) each["timezone"] = project.zone;
    out.push_back(std::move(each));
  }
  return out;
}

http::Response list_projects(Call& call) { return json_answer(all_projects(call)); }

http::Response one_project(Call& call) {
  const auto name = call.path.at("project");
  const auto projects = call.api.server().projects();
  if (std::none_of(projects.begin(), projects.end(),
                   [&](const auto& each) { return each.name == name; }))
    call.project();  // says which there are
  for (const auto& each : all_projects(call))
    if (each.value("project", "") == name) return json_answer(each);
  throw Error(Code::not_found, "project \"" + name + "\" is not served yet", "try again");
}

const project::Common* common_of(const project::Project& project, const std::string& asset) {
  if (const auto* model = project.model(asset)) return &model->common;
  if (const auto* source = project.source(asset)) return &source->common;
  if (const auto* seed = project.seed(asset)) return &seed->common;
  if (const auto* task = project.task(asset)) return &task->common;
  return nullptr;
}

bool found_in(const app::AssetView& asset, const std::string& wanted) {
  const auto has = [&](const std::string& text) {
    return lower(text).find(wanted) != std::string::npos;
  };
  return has(asset.name) || has(asset.description) ||
         std::any_of(asset.tags.begin(), asset.tags.end(), has);
}

http::Response list_assets(Call& call) {
  auto assets = call.app().list(call.text("select"));
  const auto kind = call.text("kind"), layer = call.text("layer"), tag = call.text("tag"),
             search = lower(call.text("search"));
  std::erase_if(assets, [&](const auto& asset) {
    return (!kind.empty() && asset.kind != kind) || (!layer.empty() && asset.layer != layer) ||
           (!tag.empty() &&
            std::find(asset.tags.begin(), asset.tags.end(), tag) == asset.tags.end()) ||
           (!search.empty() && !found_in(asset, search));
  });
  size_t begin = 0;
  if (const auto after = call.text("after"); !after.empty()) {
    const auto at = std::find_if(assets.begin(), assets.end(),
                                 [&](const auto& each) { return each.name == after; });
    if (at == assets.end())
      throw Error(Code::usage, "there is no asset \"" + after + "\" in this list to go on after");
    begin = size_t(at - assets.begin()) + 1;
  }
  const auto end = std::min(assets.size(), begin + size_t(call.number("limit", 1000)));
  Json out = Json::array();
  for (size_t i = begin; i < end; ++i) out.push_back(app::json_of(assets[i]));
  return page_of(call, out, assets.size(), end < assets.size() ? assets[end - 1].name : "");
}

Json check_texts(const std::vector<project::Check>& checks) {
  Json out = Json::array();
  for (const auto& check : checks) out.push_back(check.label.empty() ? check.name : check.label);
  return out;
}

/// Of the table where it is there, with what the project says of each; else what that says.
Json columns_of(const std::vector<project::ColumnDeclaration>& declared,
                const std::vector<lake::Field>& there) {
  Json out = Json::array();
  std::set<std::string> told;
  const auto add = [&](const std::string& name, const std::string& type) {
    Json one{{"name", name}, {"checks", Json::array()}};
    if (!type.empty()) one["type"] = type;
    for (const auto& each : declared) {
      if (lower(each.name) != lower(name)) continue;
      if (!each.description.empty()) one["description"] = each.description;
      one["checks"] = check_texts(each.checks);
    }
    told.insert(lower(name));
    out.push_back(std::move(one));
  };
  for (const auto& field : there) add(field.name, field.type.text());
  for (const auto& each : declared)
    if (!told.contains(lower(each.name))) add(each.name, each.type);
  return out;
}

http::Response one_asset(Call& call) {
  const auto workspace = call.app().workspace();
  const auto& graph = workspace->graph;
  const auto& project = workspace->project;
  const auto* asset = graph.resolve(call.path.at("asset"));
  if (!asset)
    throw Error(Code::not_found, "there is no asset \"" + call.path.at("asset") + "\"",
                "GET …/assets lists them");
  const auto views = call.app().list(asset->name);
  if (views.empty()) throw Error(Code::conflict, "the project has just changed", "ask again");
  auto out = app::json_of(views.front());
  const auto* common = common_of(project, asset->name);
  if (common && !common->owner.empty()) out["owner"] = common->owner;
  if (common && !common->description.empty()) out["description"] = common->description;
  std::vector<project::ColumnDeclaration> declared;
  std::vector<project::Check> checks;
  if (const auto* model = project.model(asset->name)) {
    out["build"] = project::name_of(model->build.kind);
    out["sql"] = model->sql;
    declared = model->columns;
    checks = model->checks;
  } else if (const auto* source = project.source(asset->name)) {
    declared = source->columns;
    checks = source->checks;
  }
  for (const char* key : {"upstream", "downstream"}) {
    out[key] = Json::array();
    for (const size_t at : key[0] == 'u' ? asset->upstream : asset->downstream)
      out[key].push_back(graph.assets[at].name);
  }
  std::vector<lake::Field> there;
  if (views.front().version) there = table_of(call, asset->name).snapshot().schema.fields;
  out["columns"] = columns_of(declared, there);
  out["checks"] = check_texts(checks);
  out["runs"] = Json::array();
  for (const auto& task :
       call.app().history()->tasks_of(asset->name, call.project().environment, kRunsOfAsset)) {
    auto one = app::json_of(task);
    one["run"] = task.run;
    out["runs"].push_back(std::move(one));
  }
  return json_answer(out);
}

http::Response show_lineage(Call& call) {
  return json_answer(app::parsed(graph::as_json(call.app().lineage(call.text("subject")))));
}

http::Response show_graph(Call& call) {
  const auto workspace = call.app().workspace();
  const auto& assets = workspace->graph.assets;
  Json out{{"nodes", Json::array()}, {"edges", Json::array()}};
  std::vector<int64_t> level(assets.size(), 0);  // upstream comes before, as assets are in order
  for (size_t i = 0; i < assets.size(); ++i) {
    for (const size_t up : assets[i].upstream) {
      level[i] = std::max(level[i], level[up] + 1);
      out["edges"].push_back({{"from", assets[up].name}, {"to", assets[i].name}});
    }
    Json node{{"asset", assets[i].name},  {"kind", graph::name_of(assets[i].kind)},
              {"layer", assets[i].layer}, {"file", assets[i].file},
              {"tags", assets[i].tags},   {"level", level[i]}};
    if (const auto* model = workspace->project.model(assets[i].name))
      node["kind"] = project::name_of(model->build.kind);
    const auto* common = common_of(workspace->project, assets[i].name);
    if (common && !common->owner.empty()) node["owner"] = common->owner;
    out["nodes"].push_back(std::move(node));
  }
  return json_answer(out);
}

http::Response show_plan(Call& call) {
  app::PlanOptions options;
  options.select = call.text("select");
  options.exclude = call.text("exclude");
  options.full_refresh = call.is("full_refresh");
  options.rebuild_sealed = call.is("rebuild_sealed");
  options.files = call.is("files");
  options.start = call.time("start");
  options.end = call.time("end");
  if (options.start && options.end && *options.start >= *options.end)
    throw Error(Code::usage, "the range is empty", "the end is not part of the range");
  return json_answer(app::json_of(call.app().plan(options, *call.request.gone)));
}

http::Response accept(Call& call) {
  return json_answer({{"accepted", call.app().accept(call.body.at("select").get<std::string>())}});
}

}  // namespace

void add_project_endpoints(std::vector<Endpoint>& all) {
  const auto add = [&](const char* path, const char* summary, std::vector<Parameter> query,
                       Answer answer, auto handle, bool slow = true) {
    Endpoint out{"GET", path, summary, "project"};
    out.query = std::move(query);
    out.answers = {std::move(answer)};
    out.slow = slow;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  const Parameter select{"select", "text(0..2000)", "a selector, as of `ls --select`"};
  add("/projects", "The projects that are served, and what goes on", {},
      {200, "[Project]", "all of them"}, list_projects, false);
  add("/projects/{project}", "One of them", {}, {200, "Project", "it"}, one_project, false);
  add("/projects/{project}/assets", "Assets, with their tables",
      {select,
       {"kind", "text(1..40)", "of one kind"},
       {"layer", "text(1..100)", "of one layer"},
       {"tag", "text(1..100)", "with this tag"},
       {"search", "text(1..200)", "in names, descriptions and tags"},
       {"limit", "whole(1..10000)", "at most so many (1,000)"},
       {"after", "text(1..300)", "those behind this one"}},
      {200, "[Asset]", "in the order of a run", "application/json", {"Link", "X-Total-Count"}},
      list_assets);
  add("/projects/{project}/assets/{asset}", "One asset", {}, {200, "AssetDetail", "it"}, one_asset);
  add("/projects/{project}/lineage", "What is made of what",
      {{"subject", "text(1..300)", "an asset, or `asset.column`"}},
      {200, "Lineage", "as `lineage`"}, show_lineage);
  add("/projects/{project}/graph", "All assets and who reads whom, without a look at the lake", {},
      {200, "Graph", "it"}, show_graph, false);
  add("/projects/{project}/plan", "What a run would do, and why",
      {select,
       {"exclude", "text(0..2000)", "which of them not"},
       {"start", "text(1..40)", "only intervals from this time on"},
       {"end", "text(1..40)", "only intervals before this time"},
       {"full_refresh", "truth", "from scratch"},
       {"rebuild_sealed", "truth", "also what lies beyond its retention"},
       {"files", "truth", "count the files that would be read"}},
      {200, "Plan", "as `plan`"}, show_plan);
  Endpoint accepting{"POST", "/projects/{project}/accept",
                     "Take present definitions as done, without a rebuild", "project"};
  accepting.role = access::Role::editor;
  accepting.body = "{select: text(1..2000)}";
  accepting.answers = {{200, "{accepted: [text]}", "as `plan --accept`"}};
  accepting.slow = true;
  accepting.handle = accept;
  all.push_back(std::move(accepting));
}

}  // namespace windrow::api
