#include "cli/plan_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/usage_text.h"

namespace windrow::cli {

namespace {

/// The first and the last interval by their names: `2025-10-17 … 2025-10-18` are two days.
std::string labels(const Interval& part, const std::optional<Grain>& grain) {
  if (!grain) return short_time(part.start) + " … " + short_time(part.end);
  const auto first = grain->label(grain->around(part.start));
  const auto last = grain->label(grain->around(part.end - std::chrono::microseconds(1)));
  return first == last ? first : first + " … " + last;
}

std::string range_text(const std::vector<Interval>& parts, const std::optional<Grain>& grain) {
  if (parts.empty()) return "";
  std::string out = labels({parts.front().start, parts.back().end}, grain);
  if (parts.size() > 1) out += fmt::format(" in {} ranges", parts.size());
  return out;
}

std::string kind_of(const app::PlannedStep& step) {
  return step.grain.empty() ? step.kind : step.kind + " " + step.grain;
}

constexpr size_t kEmptyWorthTelling = 100;

/// `259,952 rows in 1 file (2.1 MB), of 176 intervals, by about 3 commits`
std::string cost_text(const app::PlannedStep& step) {
  const auto& cost = *step.cost;
  std::string out = fmt::format("reads {} in {} ({})", counted(cost.rows, "row"),
                                counted(cost.files, "file"), bytes_text(cost.bytes));
  if (step.grain.empty()) return out;
  if (cost.intervals < step.interval_count)
    out += ", of " + counted(int64_t(cost.intervals), "interval");
  return out + (cost.commits > 1 ? ", by about " : ", by ") +
         counted(int64_t(cost.commits), "commit");
}

std::string step_text(const app::PlannedStep& step, const std::optional<Grain>& grain,
                      const Style& style, bool explain) {
  const std::string indent = "     ";
  std::string text;
  for (const auto& reason : step.reasons)
    text += indent + (step.certain ? reason : style.dim(reason)) + "\n";
  if (!step.how.empty() && step.certain) text += indent + style.dim(step.how) + "\n";
  if (step.cost && step.certain) text += indent + style.dim(cost_text(step)) + "\n";
  if (step.cost && step.cost->empty_before >= kEmptyWorthTelling) {
    text += indent + style.yellow("note:") +
            fmt::format(
                " {} lie before the first row, which is of {}: \"begin\" says from where on "
                "there are any\n",
                counted(int64_t(step.cost->empty_before), "interval"), step.cost->first);
  }
  if (explain && step.intervals.size() > 1) {
    for (const auto& part : step.intervals)
      text += indent + style.dim("range " + labels(part, grain)) + "\n";
  }
  if (step.sealed_count > 0) {
    text += indent + style.yellow(counted(int64_t(step.sealed_count), "interval") + " sealed") +
            "  " + range_text(step.sealed, grain) + ": inputs lie beyond their retention " +
            style.dim("(--rebuild-sealed)") + "\n";
  }
  if (step.outside_count > 0) {
    text += indent +
            style.dim(counted(int64_t(step.outside_count), "interval") +
                      " stale outside of --start and --end") +
            "\n";
  }
  if (step.problem) {
    text += indent + style.red("error:") + " " + step.problem->message + "\n";
    if (step.problem->place.known()) text += indent + "  at " + step.problem->place.text() + "\n";
    if (!step.problem->hint.empty())
      text += indent + "  " + style.dim("hint:") + " " + step.problem->hint + "\n";
  }
  if (!explain) return text;
  for (const auto& [name, version] : step.inputs) {
    std::string line = fmt::format("reads {} at version {}", name, version);
    for (const auto& files : step.files) {
      if (files.table == name)
        line += fmt::format(": {} of {}", count_text(int64_t(files.read)),
                            counted(int64_t(files.there), "file"));
    }
    text += indent + style.dim(line) + "\n";
  }
  return text;
}

std::string plan_summary(const app::PlanView& plan, const Style& style) {
  int64_t certain = 0, perhaps = 0, problems = 0, waiting = 0;
  for (const auto& step : plan.steps) {
    ++(step.problem ? problems : step.reasons.empty() ? waiting : step.certain ? certain : perhaps);
  }
  const auto up_to_date = counted(int64_t(plan.up_to_date), "asset");
  if (plan.steps.empty()) return "everything is up to date (" + up_to_date + ")\n";
  std::string text = "\n" + counted(certain, "asset") + " to do";
  if (perhaps > 0) text += ", " + count_text(perhaps) + " only if an input changes";
  if (waiting > 0)
    text += ", " + count_text(waiting) + " with sealed or other intervals left as they are";
  text += ", " + count_text(int64_t(plan.up_to_date)) + " up to date";
  if (problems > 0) text += ", " + style.red(count_text(problems) + " that cannot be built");
  return text + "\n";
}

/// What the run before did not tell; of the others how many there are.
std::string warnings_text(const app::RunResult& result, const Style& style, bool all) {
  std::string text, before;
  int64_t known = 0;
  for (const auto& task : result.tasks) {
    int64_t here = 0;
    for (size_t i = 0; i < task.warnings.size(); ++i) {
      const bool old = i < task.known_warnings.size() && task.known_warnings[i];
      here += old;
      if (!old || all)
        text += style.yellow("warning:") + " " + task.asset + ": " + task.warnings[i] + "\n";
    }
    known += here;
    if (here > 0) before += (before.empty() ? "" : ", ") + task.asset;
  }
  if (known > 0 && !all) {
    text += style.yellow("warnings:") + " " + count_text(known) + " as in the run before, of " +
            before + style.dim(" (--verbose, or windrow runs " + short_run(result.run) + ")") +
            "\n";
  }
  return text;
}

std::string outcomes_text(const app::RunResult& result, const Style& style, bool verbose) {
  std::string text = warnings_text(result, style, verbose);
  for (const auto& task : result.tasks) {
    if (task.status != "skipped") continue;
    text += style.yellow("skipped:") + " " + task.asset;
    text += task.caused_by.empty() ? "\n" : ", because " + task.caused_by + " was not built\n";
  }
  for (const auto& task : result.tasks) {
    if (!task.problem || task.status == "canceled") continue;
    text += style.red("failed:") + " " + task.asset + ": " + task.problem->message + "\n";
    if (task.problem->place.known()) text += "  at " + task.problem->place.text() + "\n";
    if (!task.problem->hint.empty())
      text += "  " + style.dim("hint:") + " " + task.problem->hint + "\n";
  }
  return text;
}

}  // namespace

std::string plan_text(const app::PlanView& plan, const std::string& zone, const Style& style,
                      bool explain) {
  size_t name_width = 0, kind_width = 0, count_width = 0;
  for (const auto& step : plan.steps) {
    name_width = std::max(name_width, display_width(step.asset));
    kind_width = std::max(kind_width, kind_of(step).size());
    count_width = std::max(count_width, counted(int64_t(step.interval_count), "interval").size());
  }
  std::string text;
  for (const auto& step : plan.steps) {
    const auto grain = Grain::parse(step.grain, zone);
    std::string line = "  " + style.bold(step.asset) +
                       std::string(name_width - display_width(step.asset) + 2, ' ') +
                       fmt::format("{:<{}}", kind_of(step), kind_width);
    if (step.interval_count > 0) {
      line += fmt::format("  {:>{}}  {}", counted(int64_t(step.interval_count), "interval"),
                          count_width, range_text(step.intervals, grain));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n" + step_text(step, grain, style, explain);
  }
  text += plan_summary(plan, style);
  for (const auto& notice : plan.notices) text += style.yellow("note:") + " " + notice + "\n";
  return text;
}

std::string result_text(const app::RunResult& result, const TextTable::Layout& layout,
                        bool verbose) {
  const auto& style = layout.style;
  std::vector<std::string> heads = {"asset",   "kind",      "status",  "rows",
                                    "version", "intervals", "quality", "time"};
  if (verbose)
    for (auto& head : usage_heads()) heads.push_back(std::move(head));
  TextTable table(heads);
  for (size_t i = 3; i < heads.size(); ++i) table.align_right(i);
  table.give_way({1});
  std::map<std::string, size_t> counts;
  for (const auto& task : result.tasks) {
    ++counts[task.status];
    if (task.status == "up to date" && !verbose) continue;
    std::vector<TextTable::Cell> cells = {
        task.asset,
        task.kind,
        {task.status, tone_of(task.status)},
        task.rows >= 0 ? count_text(task.rows) : "",
        task.version >= 0 ? std::to_string(task.version) : "",
        task.intervals > 0 ? count_text(int64_t(task.intervals)) : "",
        task.quality_score ? fmt::format("{:.1f} %", *task.quality_score * 100) : "",
        task.status == "skipped" ? "" : seconds_text(task.elapsed)};
    if (verbose)
      for (auto& cell : usage_cells(task.usage)) cells.push_back(std::move(cell));
    table.add(std::move(cells));
  }
  std::string text;
  if (!table.empty()) text += table.text(layout) + "\n";
  if (const auto used = usage_text(result.usage); verbose && !used.empty())
    text += style.dim(used) + "\n\n";
  const auto outcomes = outcomes_text(result, style, verbose);
  if (!outcomes.empty()) text += outcomes + "\n";
  for (const auto& warning : result.warnings)
    text += style.yellow("warning:") + " " + warning + "\n";
  std::string summary;
  for (const auto& [status, count] : counts)
    summary += (summary.empty() ? "" : ", ") + fmt::format("{} {}", count, status);
  const auto status = result.status == "done" ? style.green("done") : style.red(result.status);
  return text + fmt::format("run {}: {} in {}{}\n", short_run(result.run), status,
                            seconds_text(result.elapsed),
                            summary.empty() ? "" : " (" + summary + ")");
}

TextTable::Tone tone_of(const std::string& status) {
  if (status == "done") return TextTable::Tone::good;
  if (status == "failed") return TextTable::Tone::bad;
  if (status == "skipped" || status == "canceled" || status == "running")
    return TextTable::Tone::warn;
  return TextTable::Tone::dim;
}

std::string short_run(const std::string& run) { return run.substr(0, 13); }

}  // namespace windrow::cli
