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
      now_there->sample != mine.sample || now_there->inputs != mine.inputs) {
    return {};
  }
  const IntervalSet built_by_others = now_there->complete - basis.complete;
  for (const auto& part : mine.intervals.parts()) {
    if (built_by_others.overlaps(part)) return {};
  }
  record.complete = now_there->complete | mine.intervals;
  return record;
}

}  // namespace windrow::plan
