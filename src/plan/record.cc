#include "plan/plan.h"

namespace windrow::plan {

std::optional<lake::Provenance> next_record(const lake::Provenance& mine, const Assessment& basis,
                                            const std::optional<lake::Provenance>& planned_on,
                                            const std::optional<lake::Provenance>& now_there) {
  lake::Provenance record = mine;
  if (now_there == planned_on) {
    record.complete = basis.complete | mine.intervals;
    return record;
  }
  // Somebody else built in between. Two builders of different intervals from the same inputs and
  // the same meaning can be combined; anything else is planned again.
  if (!now_there || mine.intervals.empty() || now_there->definition != mine.definition ||
      now_there->inputs != mine.inputs) {
    return {};
  }
  const IntervalSet built_by_others = now_there->complete - basis.complete;
  for (const auto& part : mine.intervals.parts()) {
    if (built_by_others.overlaps(part)) return {};
  }
  record.complete = now_there->complete | mine.intervals;
  return record;
}

std::vector<Interval> batches(const IntervalSet& stale, const Grain& grain, int batch) {
  std::vector<Interval> out;
  for (const auto& part : stale.parts()) {
    Time start = part.start;
    while (start < part.end) {
      Time end = start;
      for (int i = 0; i < batch && end < part.end; ++i) end = grain.next(end);
      out.push_back({start, std::min(end, part.end)});
      start = end;
    }
  }
  return out;
}

}  // namespace windrow::plan
