#pragma once

#include <string>

#include "app/views.h"
#include "cli/text_table.h"

namespace windrow::cli {

/// A plan for a person: a line per step, its reasons below. `zone` names days and hours; `explain`
/// adds the versions of inputs and every range.
std::string plan_text(const app::PlanView& plan, const std::string& zone, const Style& style,
                      bool explain);

/// The end of a run for a person. `verbose` also lists what was up to date.
std::string result_text(const app::RunResult& result, const TextTable::Layout& layout,
                        bool verbose);

/// Green for done, red for failed, dim for nothing to do.
TextTable::Tone tone_of(const std::string& status);
/// The part of a run's id that tells runs apart for a person.
std::string short_run(const std::string& run);

}  // namespace windrow::cli
