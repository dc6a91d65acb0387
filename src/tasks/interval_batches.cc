#include "tasks/interval_batches.h"

#include <algorithm>

#include "base/local_time.h"
#include "duck/duck.h"
#include "lake/changes.h"
#include "lake/extent.h"
#include "sql/interval_column.h"

namespace windrow::tasks {

namespace {

// Rows of every interval are kept for the commit as a table of the session's own.
constexpr int kSelectsMax = 250;
// A log of so many commits is read in a moment, and saves as many intervals.
constexpr int64_t kVersionsRead = 500;
constexpr size_t kIntervalsWorthIt = 30;

/// Moved and widened by how far a model reads beyond its intervals.
IntervalSet reached_from(const IntervalSet& rows, const plan::InputUse& input, const Grain& grain) {
  IntervalSet out;
  for (const auto& part : rows.parts()) {
    out.add({earlier_by(part.start, input.after, grain.zone()),
             later_by(part.end, input.before, grain.zone())});
  }
  return grain.widen(out);
}

/// One file may hold the days of ten years: what its commits say they touched is closer.
IntervalSet within_files(const IntervalSet& extent, const lake::Snapshot& now,
                         const plan::InputUse& input, const IntervalSet& stale, const Grain& grain,
                         Tables& tables, duck::Database& database) {
  if (now.version > kVersionsRead || grain.count(extent & stale) < kIntervalsWorthIt) return extent;
  duck::Connection connection(database);
  const auto recorded =
      lake::recorded_intervals(tables.table(input.name), now, input.expression, grain, connection);
  return recorded ? extent & *recorded : extent;
}

}  // namespace

Occupied occupied(const plan::Model& facts, Tables& tables, const IntervalSet& stale,
                  duck::Database& database) {
  Occupied out;
  out.intervals.emplace();
  for (const auto& input : facts.inputs) {
    const bool by_intervals = !input.expression.empty() && tables.exists(input.name);
    const auto now = by_intervals ? tables.snapshot(input.name) : nullptr;
    const auto extent =
        now ? lake::extent_of(*now, input.expression, *facts.grain, stale) : std::nullopt;
    if (!extent) {
      out.intervals.reset();
      if (!input.expression.empty()) return {};
      continue;
    }
    out.known = true;
    out.files += extent->files;
    out.rows += extent->rows;
    out.bytes += extent->bytes;
    const auto within =
        within_files(extent->intervals, *now, input, stale, *facts.grain, tables, database);
    if (within.empty()) continue;
    const auto reached = reached_from(within, input, *facts.grain);
    out.first = std::min(out.first.value_or(Time::max()), reached.hull().start);
    if (out.intervals) out.intervals->add(reached);
  }
  return out;
}

std::vector<Interval> IntervalBatches::selects(const Interval& batch) const {
  if (together) return {batch};
  std::vector<Interval> out;
  const auto with_rows = occupied ? *occupied & IntervalSet{batch} : IntervalSet{batch};
  for (const auto& part : with_rows.parts()) {
    const auto single = grain.split(part);
    out.insert(out.end(), single.begin(), single.end());
  }
  if (out.empty()) out.push_back(batch);  // for its columns
  return out;
}

IntervalBatches interval_batches(const plan::Model& facts, const project::Model& model,
                                 const graph::Graph& graph, const IntervalSet& stale,
                                 const Occupied& rows, duck::Database& database) {
  plan::Batches::Sizes sizes;
  sizes.most = model.build.batch;
  bool told_apart = false;
  if (facts.grain->count(stale) > 1) {
    duck::Connection connection(database);
    told_apart = sql::stays_in_interval(connection, graph.selects.at(model.name),
                                        model.build.column, *facts.grain);
  }
  // What an operator makes of a row depends on those that come with it.
  const bool together = told_apart && !model.through;
  if (told_apart) sizes.occupied = rows.intervals;
  if (rows.known) sizes.rows = rows.rows;
  if (!together) sizes.limit = kSelectsMax;
  auto occupied = sizes.occupied;
  return {plan::Batches(stale, *facts.grain, std::move(sizes)), *facts.grain, together,
          std::move(occupied)};
}

}  // namespace windrow::tasks
