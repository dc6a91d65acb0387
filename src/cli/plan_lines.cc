#include "cli/plan_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/text_table.h"

namespace windrow::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Midnight without its clock, else to the minute.
std::string short_time(Time t) {
  std::string text = iso(t);
  if (text.ends_with("T00:00:00Z")) return text.substr(0, 10);
  if (text.ends_with(":00Z")) return text.substr(0, 16);
  return text;
}

std::string range_text(const std::vector<Interval>& parts) {
  if (parts.empty()) return "";
  if (parts.size() == 1) return short_time(parts[0].start) + " … " + short_time(parts[0].end);
  return fmt::format("{} … {} in {} parts", short_time(parts.front().start),
                     short_time(parts.back().end), parts.size());
}

std::string counted(size_t n) {
  return n == 1 ? "1 interval" : count_text(int64_t(n)) + " intervals";
}

Json intervals_json(const std::vector<Interval>& parts) {
  Json out = Json::array();
  for (const auto& part : parts) out.push_back({iso(part.start), iso(part.end)});
  return out;
}

Json problem_json(const Problem& problem) {
  Json out{{"code", name_of(problem.code)}, {"message", problem.message}};
  if (!problem.hint.empty()) out["hint"] = problem.hint;
  if (problem.place.known()) out["place"] = problem.place.text();
  return out;
}

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string plan_text(const app::PlanView& plan, const Out& out, bool explain) {
  size_t name_width = 0, kind_width = 0;
  const auto kind_of = [](const app::PlannedStep& step) {
    return step.grain.empty() ? step.kind : step.kind + " " + step.grain;
  };
  for (const auto& step : plan.steps) {
    name_width = std::max(name_width, display_width(step.asset));
    kind_width = std::max(kind_width, kind_of(step).size());
  }
  std::string text;
  size_t certain = 0, problems = 0;
  for (const auto& step : plan.steps) {
    certain += step.certain && !step.problem && !step.reasons.empty();
    problems += step.problem.has_value();
    text += out.bold(step.asset) + std::string(name_width - display_width(step.asset) + 2, ' ') +
            fmt::format("{:<{}}", kind_of(step), kind_width);
    if (step.interval_count > 0)
      text += "  " + counted(step.interval_count) + "  " + range_text(step.intervals);
    text += "\n";
    for (const auto& reason : step.reasons)
      text += "    " + (step.certain ? reason : out.dim(reason)) + "\n";
    if (step.sealed_count > 0) {
      text +=
          "    " +
          out.yellow(counted(step.sealed_count) + " sealed: inputs lie beyond their retention") +
          out.dim("  (--rebuild-sealed)") + "\n";
    }
    if (step.outside_count > 0)
      text +=
          "    " + out.dim(counted(step.outside_count) + " stale outside of --start/--end") + "\n";
    if (step.problem) {
      text += "    " + out.red(step.problem->message) + "\n";
      if (!step.problem->hint.empty())
        text += "    " + out.dim("hint: " + step.problem->hint) + "\n";
    }
    if (explain) {
      for (const auto& [name, version] : step.inputs)
        text += "    " + out.dim(fmt::format("reads {} at version {}", name, version)) + "\n";
    }
  }
  if (!plan.steps.empty()) text += "\n";
  if (certain == 0 && problems == 0 && plan.steps.empty()) {
    text += fmt::format("everything is up to date ({} assets)\n", plan.up_to_date);
  } else {
    text += fmt::format("{} to do, {} only if their input changes, {} up to date", certain,
                        plan.steps.size() - certain - problems, plan.up_to_date);
    text +=
        problems > 0 ? ", " + out.red(fmt::format("{} cannot be built", problems)) + "\n" : "\n";
  }
  for (const auto& notice : plan.notices) text += out.yellow("note: ") + notice + "\n";
  return text;
}

std::string plan_json(const app::PlanView& plan) {
  Json steps = Json::array();
  for (const auto& step : plan.steps) {
    Json one{{"asset", step.asset},
             {"kind", step.kind},
             {"certain", step.certain},
             {"reasons", step.reasons}};
    if (!step.grain.empty()) {
      one["grain"] = step.grain;
      one["interval_count"] = step.interval_count;
      one["intervals"] = intervals_json(step.intervals);
      one["sealed_count"] = step.sealed_count;
      one["sealed"] = intervals_json(step.sealed);
      one["outside_count"] = step.outside_count;
    }
    one["inputs"] = step.inputs;
    if (step.problem) one["problem"] = problem_json(*step.problem);
    steps.push_back(std::move(one));
  }
  return dumped(
      {{"steps", std::move(steps)}, {"up_to_date", plan.up_to_date}, {"notices", plan.notices}});
}

std::string result_text(const app::RunResult& result, const Out& out) {
  TextTable table({"asset", "kind", "status", "rows", "version", "intervals", "quality", "time"});
  for (const size_t right : {3, 4, 5, 6, 7}) table.align_right(right);
  std::map<std::string, size_t> counts;
  for (const auto& task : result.tasks) {
    ++counts[task.status];
    if (task.status == "up to date") continue;
    table.add({task.asset, task.kind, task.status, task.rows >= 0 ? count_text(task.rows) : "",
               task.version >= 0 ? std::to_string(task.version) : "",
               task.intervals > 0 ? count_text(int64_t(task.intervals)) : "",
               task.quality_score ? fmt::format("{:.1f} %", *task.quality_score * 100) : "",
               seconds_text(task.elapsed)});
  }
  std::string text;
  if (!table.empty())
    text += table.text(size_t(out.width()), out.terminal() ? "\033[2m" : "",
                       out.terminal() ? "\033[0m" : "");
  for (const auto& task : result.tasks) {
    for (const auto& warning : task.warnings)
      text += out.yellow("warning: ") + task.asset + ": " + warning + "\n";
  }
  for (const auto& task : result.tasks) {
    if (task.status == "skipped")
      text += out.yellow("skipped: ") + task.asset + ", because " + task.caused_by + " failed\n";
    if (!task.problem || task.status == "canceled") continue;
    text += out.red("failed: ") + task.asset + ": " + task.problem->message + "\n";
    if (task.problem->place.known()) text += "  at " + task.problem->place.text() + "\n";
    if (!task.problem->hint.empty()) text += "  hint: " + task.problem->hint + "\n";
  }
  std::string summary;
  for (const auto& [status, count] : counts)
    summary += (summary.empty() ? "" : ", ") + fmt::format("{} {}", count, status);
  text += fmt::format("\nrun {}: {} in {}{}\n", result.run.substr(0, 13), result.status,
                      seconds_text(result.elapsed), summary.empty() ? "" : " (" + summary + ")");
  return text;
}

std::string result_json(const app::RunResult& result) {
  Json tasks = Json::array();
  for (const auto& task : result.tasks) {
    Json one{{"asset", task.asset},
             {"kind", task.kind},
             {"status", task.status},
             {"seconds", double(task.elapsed.count()) / 1e6}};
    if (task.rows >= 0) one["rows"] = task.rows;
    if (task.version >= 0) one["version"] = task.version;
    if (task.intervals > 0) one["intervals"] = task.intervals;
    if (task.rejected > 0) one["rejected"] = task.rejected;
    if (task.quality_score) one["quality_score"] = *task.quality_score;
    if (!task.warnings.empty()) one["warnings"] = task.warnings;
    if (task.problem) one["problem"] = problem_json(*task.problem);
    if (!task.caused_by.empty()) one["caused_by"] = task.caused_by;
    tasks.push_back(std::move(one));
  }
  return dumped({{"run", result.run},
                 {"status", result.status},
                 {"seconds", double(result.elapsed.count()) / 1e6},
                 {"tasks", std::move(tasks)}});
}

}  // namespace windrow::cli
