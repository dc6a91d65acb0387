#pragma once

#include <string>

#include "app/app.h"
#include "cli/out.h"

namespace windrow::cli {

/// A plan for a person: a line per step, its reasons below.
std::string plan_text(const app::PlanView& plan, const Out& out, bool explain);
std::string plan_json(const app::PlanView& plan);
/// The end of a run for a person, and for a program.
std::string result_text(const app::RunResult& result, const Out& out);
std::string result_json(const app::RunResult& result);

}  // namespace windrow::cli
