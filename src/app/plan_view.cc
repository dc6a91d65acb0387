#include <fmt/format.h>

#include "app/work.h"
#include "base/clock.h"
#include "base/hash.h"
#include "duck/duck.h"
#include "tasks/cost.h"
#include "tasks/increment.h"
#include "tasks/model_facts.h"

namespace windrow::app {

namespace {

/// Builds nothing, but a plan of sources and publications needs the same context as a run; on a
/// lake that was never written to everything is new.
std::vector<std::string> pending(const tasks::Context& context, const graph::Asset& asset) {
  switch (asset.kind) {
    case graph::Kind::source:
      return tasks::pending_source(context, *context.project.source(asset.name));
    case graph::Kind::seed: {
      const auto waiting = tasks::pending_seed(context, *context.project.seed(asset.name));
      return waiting ? std::vector<std::string>{*waiting} : std::vector<std::string>{};
    }
    case graph::Kind::publication:
      for (const auto& publication : context.project.publications) {
        if ("publish." + publication.name == asset.name)
          return tasks::pending_publication(context, publication);
      }
      return {};
    default: return {};
  }
}

}  // namespace

PlannedStep Work::planned(const graph::Asset& asset, tasks::Tables& tables,
                          const plan::Choices& choices) {
  PlannedStep step;
  step.asset = asset.name;
  step.kind = std::string(graph::name_of(asset.kind));
  const auto* model = project_.model(asset.name);
  if (!model) {
    if (const auto* task = project_.task(asset.name)) {
      step.kind = std::string(project::name_of(task->kind));
      const auto& common = task->common;
      const bool depends = common.when || common.when_changed || !task->on_failure.empty();
      step.certain = !depends;
      step.reasons = {common.when                 ? "if its `when` is true"
                      : common.when_changed       ? "if what it comes after changes"
                      : !task->on_failure.empty() ? "if something fails"
                                                  : "in every run"};
      return step;
    }
    if (!lake_if_there()) {
      if (asset.kind != graph::Kind::publication || environment_.publish)
        step.reasons.push_back("new");
      return step;
    }
    step.reasons = pending(context(tables, choices, ""), asset);
    return step;
  }
  step.kind = std::string(project::name_of(model->build.kind));
  if (model->build.kind == project::BuildKind::view) return step;
  const auto facts = tasks::facts_of(project_, graph_, *model, tables, database_);
  const auto assessment = plan::assess(facts, tables, choices);
  step.problem = assessment.problem;
  for (const auto& reason : assessment.reasons) step.reasons.push_back(reason.text);
  if (!assessment.stale) step.reasons.clear();
  step.former = tables.former_name(model->name).value_or("");
  if (!step.former.empty())
    step.reasons.insert(step.reasons.begin(), "renamed from " + step.former);
  for (const auto& [name, version] : assessment.inputs) step.inputs[name] = version.version;
  const auto cost = tasks::cost_of(facts, *model, graph_, assessment, tables, database_);
  if (cost) {
    step.cost = {cost->files,
                 cost->rows,
                 cost->bytes,
                 cost->intervals,
                 cost->commits,
                 cost->empty_before,
                 cost->first ? facts.grain->label(*cost->first) : ""};
  }
  const auto increment = tasks::increment_of(project_, graph_, *model, facts, assessment, choices,
                                             tables, database_, *files_);
  if (const auto* found = std::get_if<tasks::Increment>(&increment)) {
    step.how = found->text();
    step.cost = {found->files_read, found->rows_read, found->bytes_read, 0, 1, 0, ""};
  } else if (const auto& reason = std::get<tasks::BuiltWhole>(increment).reason; !reason.empty()) {
    step.how = "built whole: " + reason;
  }
  if (!facts.grain) return step;
  step.grain = facts.grain->text();
  step.intervals = assessment.intervals.parts();
  step.interval_count = facts.grain->count(assessment.intervals);
  step.sealed = assessment.sealed.parts();
  step.sealed_count = facts.grain->count(assessment.sealed);
  step.outside_count = facts.grain->count(assessment.outside);
  return step;
}

PlanView Work::plan(const PlanOptions& options) {
  PlanView out;
  Problems problems;  // of connections: a run meets them, and `check` tells them
  out.notices = notices(problems);
  begin_sample(options);
  const auto world = tables();
  const auto wanted = without_lent_sources(chosen(options.select, options.exclude), *world);
  if (const auto note = full_refresh_note(options, wanted)) out.notices.push_back(*note);
  look_at(*world, wanted);
  std::set<size_t> moving;  // stale, or reading what is
  for (const size_t i : wanted) {
    const auto& asset = graph_.assets[i];
    auto step = planned(asset, *world, choices(options));
    std::string cause;
    for (const size_t up : asset.upstream) {
      if (!moving.count(up) || asset.checked_against.contains(up)) continue;
      cause += (cause.empty() ? "" : ", ") + graph_.assets[up].name;
    }
    const bool view = step.kind == "view";
    const bool unpublished = asset.kind == graph::Kind::publication && !environment_.publish;
    if (step.reasons.empty() && !step.problem && !cause.empty() && !view && !unpublished) {
      step.certain = false;
      step.reasons.push_back("if " + cause + " changes");
    }
    if (view && !cause.empty()) moving.insert(i);
    const bool sealed_only =
        step.reasons.empty() && !step.problem && step.sealed_count + step.outside_count > 0;
    if (step.reasons.empty() && !step.problem && !sealed_only) {
      ++out.up_to_date;
      continue;
    }
    // Another name alone changes no rows.
    if (step.reasons.size() > (step.former.empty() ? 0u : 1u)) moving.insert(i);
    const auto* model = project_.model(asset.name);
    if (options.files && model && !view && !step.reasons.empty())
      step.files = files_of_step(*model, step, *world);
    out.steps.push_back(std::move(step));
  }
  sql_cache_.save();
  return out;
}

void Work::look_at(tasks::Tables& tables, const std::set<size_t>& wanted) const {
  std::set<size_t> with_inputs;
  const auto add = [&](size_t i) {
    const auto kind = graph_.assets[i].kind;
    const bool table =
        kind == graph::Kind::model || kind == graph::Kind::source || kind == graph::Kind::seed;
    if (table) with_inputs.insert(i);
  };
  for (const size_t i : wanted) {
    add(i);
    for (const size_t up : graph_.assets[i].upstream) add(up);
  }
  std::vector<std::string> names;
  for (const size_t i : with_inputs) names.push_back(graph_.assets[i].name);
  tables.look_at(names);
}

std::vector<std::string> Work::accept(const std::string& select) {
  std::vector<std::string> out;
  const auto world = tables();
  for (const size_t i : chosen(select, "")) {
    const auto* model = project_.model(graph_.assets[i].name);
    if (!model || model->build.kind == project::BuildKind::view) continue;
    if (!world->exists(model->name)) {
      throw Error(Code::not_found,
                  fmt::format("\"{}\" is not built yet: there is nothing to accept", model->name),
                  "windrow run --select " + model->name, model->place);
    }
    if (const auto former = world->former_name(model->name)) {
      lake().take_over(*former, model->name);
      world->took_over(model->name);
    }
    const auto facts = tasks::facts_of(project_, graph_, *model, *world, database_);
    const auto state = world->provenance(model->name);
    lake::Provenance record = state.last.value_or(lake::Provenance{});
    record.asset = model->name;
    record.kind = std::string(project::name_of(model->build.kind));
    record.definition = facts.definition;
    const auto& text = graph_.selects.at(model->name).text;
    record.text_hash = sha256(text);
    record.dialect = "duckdb " + duck::version();
    lake().keep_definition(record.text_hash, text);
    record.touched = {};
    record.intervals = {};
    for (const auto& input : facts.inputs) {  // as the definition calls them
      if (record.inputs.contains(input.name)) continue;
      if (auto then = record.inputs.extract(input.former)) {
        then.key() = input.name;
        record.inputs.insert(std::move(then));
      }
    }
    if (!state.last || state.history_lost) {
      // Nobody knows what it was built from: taken as it stands, it counts as built from what there
      // is now.
      for (const auto& input : facts.inputs) {
        if (world->exists(input.name)) record.inputs[input.name] = world->version(input.name);
      }
      if (facts.grain) {
        record.complete = IntervalSet{plan::expected(facts, clock_.now())};
      }
    }
    const auto table = lake().table(model->name);
    lake::CommitRequest request;
    request.operation = "ACCEPT DEFINITION";
    request.read_version = table.latest_version();
    request.reads = lake::Reads::whole_table;
    request.provenance = record;
    lake::committed_version(table.commit(std::move(request), clock_), model->name);
    out.push_back(model->name);
  }
  return out;
}

}  // namespace windrow::app
