#include "app/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/why_tracer.h"
#include "app/work.h"
#include "base/nearest.h"
#include "duck/duck.h"

namespace windrow::app {

namespace {

Error no_table(const graph::Graph& graph, const lake::Lake* lake, const std::string& name) {
  auto known = lake ? lake->tables() : std::vector<std::string>{};
  for (const auto& asset : graph.assets) known.push_back(asset.name);
  auto hint = did_you_mean(name, known);
  return {Code::usage, "there is no table \"" + name + "\"",
          hint.empty() ? "`windrow ls --tables` names those that there are" : hint};
}

/// The version before the first one that was asked for.
int64_t before_since(lake::CommitLog& log, const std::string& name, const std::string& since,
                     const std::string& zone) {
  if (since.empty()) return -1;
  int64_t version = 0;
  const auto [end, failure] = std::from_chars(since.data(), since.data() + since.size(), version);
  if (failure == std::errc() && end == since.data() + since.size()) {
    if (version >= 0 && version <= log.latest()) return version - 1;
    throw Error(Code::usage, fmt::format("\"{}\" has no version {}", name, version),
                fmt::format("its versions are 0 to {}", log.latest()));
  }
  const auto time = parse_time(since, zone);
  if (!time) {
    throw Error(Code::usage, "--since \"" + since + "\" is neither a version nor a time",
                "write 12, 2025-10-17 or 2025-10-17T14:00:00Z");
  }
  int64_t before = log.latest();
  for (; before >= 0; --before) {
    const auto entry = log.entry(before);
    if (!entry || entry->timestamp < *time) break;
  }
  return before;
}

}  // namespace

WhyTable Work::why(const WhyOptions& options) {
  const auto* asset = graph_.resolve(options.table);
  const std::string name = asset ? asset->name : options.table;
  const auto* model = project_.model(name);
  if (model && model->build.kind == project::BuildKind::view) {
    throw Error(Code::usage,
                fmt::format("\"{}\" is a view: it has no versions, its rows are those of what it "
                            "reads",
                            name),
                "`windrow lineage " + name + "` names that");
  }
  const auto world = tables();
  if (std::count(name.begin(), name.end(), '.') != 1 || !world->exists(name)) {
    if (!asset) throw no_table(graph_, lake_if_there(), options.table);
    throw Error(Code::not_found, fmt::format("nothing has been loaded into \"{}\" yet", name),
                "windrow run --select +" + name);
  }
  const auto session = inside().open_inside({}, cancel_, {}, nullptr);
  WhyTracer tracer(
      {project_, graph_, *world, lake_if_there(), *files_, database_, *session, cancel_, options});
  auto& log = tracer.log_of(name);
  const int64_t before = before_since(log, name, options.since, project_.zone);
  return tracer.trace(name, {options.key, options.where}, before, log.latest(), options.depth);
}

}  // namespace windrow::app
