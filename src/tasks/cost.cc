#include "tasks/cost.h"

#include "lake/statistics.h"
#include "tasks/interval_batches.h"

namespace windrow::tasks {

namespace {

std::optional<Cost> of_intervals(const plan::Model& facts, const project::Model& model,
                                 const graph::Graph& graph, const IntervalSet& stale,
                                 Tables& tables, duck::Database& database) {
  const auto rows = occupied(facts, tables, stale, database);
  if (!rows.known) return {};
  const auto plan = interval_batches(facts, model, graph, stale, rows, database);
  Cost out{rows.files, rows.rows, rows.bytes, plan.batches.occupied_count(), plan.batches.count()};
  if (rows.intervals) out.intervals = facts.grain->count(*rows.intervals & stale);
  if (!rows.first || stale.empty()) return out;
  const IntervalSet before =
      stale & IntervalSet{{stale.hull().start, facts.grain->floor(*rows.first)}};
  out.first = facts.grain->around(*rows.first);
  out.empty_before = facts.grain->count(before);
  return out;
}

std::optional<Cost> of_tables(const plan::Model& facts, Tables& tables) {
  Cost out;
  for (const auto& input : facts.inputs) {
    if (!tables.exists(input.name)) return {};
    const auto held = tables.snapshot(input.name);
    for (const auto& add : held->files) {
      const auto rows = lake::rows_of(add);
      if (!rows) return {};
      ++out.files;
      out.rows += *rows;
      out.bytes += add.size;
    }
  }
  return out;
}

}  // namespace

std::optional<Cost> cost_of(const plan::Model& facts, const project::Model& model,
                            const graph::Graph& graph, const plan::Assessment& assessment,
                            Tables& tables, duck::Database& database) {
  if (!assessment.stale || assessment.problem || assessment.new_rows_from) return {};
  try {
    return facts.grain ? of_intervals(facts, model, graph, assessment.intervals, tables, database)
                       : of_tables(facts, tables);
  } catch (const Error&) {
    return {};  // the step itself says what does not read
  }
}

}  // namespace windrow::tasks
