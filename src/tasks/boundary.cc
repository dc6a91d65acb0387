#include "tasks/boundary.h"

#include <algorithm>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/extent.h"

namespace windrow::tasks {

namespace {

constexpr std::string_view kMaintenance = "maintenance";

/// How a table was built as a version of it shows; nothing where the log does not tell any more.
std::optional<lake::Provenance> record_at(const Context& context, const std::string& name,
                                          int64_t version) {
  if (context.tables.version(name).version == version) return context.tables.provenance(name).last;
  for (const auto& entry : context.tables.table(name).history()) {
    if (entry.version <= version && entry.provenance && entry.provenance->kind != kMaintenance)
      return entry.provenance;
  }
  return {};
}

/// The end of the interval with the last row; nothing where there is none, or nobody knows.
std::optional<Time> end_of_rows(const Context& context, const project::Model& model,
                                const Grain& grain, int64_t version) {
  duck::Connection connection(context.database);
  const auto rows = context.tables.version(model.name).version == version
                        ? context.tables.snapshot(model.name)
                        : std::make_shared<const lake::Snapshot>(
                              context.tables.table(model.name).snapshot(version, &connection));
  const auto extent = lake::extent_of(*rows, duck::quote_name(model.build.column), grain, {});
  if (!extent || extent->intervals.empty()) return {};
  return extent->intervals.hull().end;
}

std::optional<Time> of_intervals(const Context& context, const project::Model& model,
                                 const lake::Provenance& record, int64_t version) {
  const auto begin = context.project.begin_of(model);
  if (record.complete.empty() || !begin) return {};
  const auto& first = record.complete.parts().front();
  const auto grain = Grain::parse(model.build.grain, context.project.zone);
  if (first.start > grain->floor(*begin)) return {};
  // Intervals after the last row are built, but of a source that has ended they say nothing.
  const auto rows = end_of_rows(context, model, *grain, version);
  return rows ? std::min(*rows, first.end) : first.end;
}

bool is_lookup(const Context& context, const project::Model& model, const std::string& input) {
  return std::any_of(model.reads.begin(), model.reads.end(), [&](const auto& read) {
    const auto* asset = context.graph.resolve(read.first);
    return read.second.lookup && asset && asset->name == input;
  });
}

std::optional<Time> boundary_at(const Context& context, const std::string& name, int64_t version) {
  const auto* model = context.project.model(name);
  const auto record = model ? record_at(context, name, version) : std::nullopt;
  if (!record) return {};
  if (model->build.kind == project::BuildKind::interval)
    return of_intervals(context, *model, *record, version);
  std::optional<Time> least;
  for (const auto& [input, read] : record->inputs) {
    if (is_lookup(context, *model, input)) continue;
    if (!context.tables.exists(input) || context.tables.version(input).table_id != read.table_id)
      return {};
    const auto one = boundary_at(context, input, read.version);
    if (!one) return {};
    least = least ? std::min(*least, *one) : *one;
  }
  return least;
}

}  // namespace

std::optional<Time> boundary_of(const Context& context, const std::string& table) {
  return boundary_at(context, table, context.tables.version(table).version);
}

}  // namespace windrow::tasks
