#include "cli/serve_lines.h"

#include <fmt/format.h>

#include "base/zone.h"
#include "cli/out.h"
#include "cli/plan_lines.h"

namespace windrow::cli {

namespace {

std::string clock_text(Time moment, const Zone& zone) {
  return zone.text(std::chrono::floor<std::chrono::seconds>(moment));
}

std::string due_text(const server::Told& told, const Zone& zone) {
  if (!told.due || told.schedule.empty()) return {};
  return ", due " + clock_text(*told.due, zone);
}

std::string run_part(const server::Told& told) {
  return told.run.empty() ? std::string() : ", run " + short_run(told.run);
}

std::string because(const server::Told& told) {
  return told.text.empty() ? std::string() : ": " + told.text;
}

std::string ended_text(const server::Told& told, const Zone& zone, const Style& style) {
  std::string out = told.status == "done"     ? style.green("done")
                    : told.status == "failed" ? style.red("failed")
                                              : style.yellow(told.status);
  if (told.elapsed) out += " in " + seconds_text(*told.elapsed);
  out += run_part(told) + due_text(told, zone);
  if (told.count > 0) out += fmt::format(", {} failed", counted(told.count, "task"));
  if (told.next) out += ", next " + clock_text(*told.next, zone);
  return out + because(told);
}

/// What happened, without when and to whom.
std::string what_happened(const server::Told& told, const Zone& zone, const Style& style) {
  const auto& event = told.event;
  if (event == "serving")
    return "serving " + counted(told.count, "schedule") + ", version " + told.text;
  if (event == "reloaded")
    return "files changed: " + counted(told.count, "schedule") + ", version " + told.text;
  if (event == "waiting")
    return style.red("is broken") + ": it is served once its files are mended";
  if (event == "broken")
    return style.red("files changed, and are broken") + ": the last good ones stay";
  if (event == "fires") return "fires" + due_text(told, zone) + run_part(told) + because(told);
  if (event == "ended") return ended_text(told, zone, style);
  if (event == "skipped") {
    return style.yellow("skips") + " " +
           (told.count > 1 ? counted(told.count, "due time") + " from"
                           : std::string("what was due")) +
           " " + clock_text(told.due.value_or(told.at), zone) + because(told);
  }
  if (event == "failed")
    return style.red("failed without a run") + due_text(told, zone) + because(told);
  if (event == "canceling") return "is asked to stop" + run_part(told) + because(told);
  if (event == "late") {
    return style.red("is late") + due_text(told, zone) + ", deadline " +
           clock_text(told.next.value_or(told.at), zone);
  }
  if (event == "late_expected") {
    return style.yellow("will be late") + due_text(told, zone) + run_part(told) +
           ": expected to end " + clock_text(told.expected.value_or(told.at), zone) +
           ", deadline " + clock_text(told.next.value_or(told.at), zone) + because(told);
  }
  if (event == "interrupted")
    return "interrupted" + run_part(told) + ": the next server begins it again";
  if (event == "resumed") {
    return "begins again" + due_text(told, zone) + run_part(told) + ": run " +
           short_run(told.text) + " was interrupted";
  }
  if (event == "paused" || event == "resumed_by_hand")
    return event == "paused" ? "paused by hand" : "resumed by hand";
  if (event == "ingesting") return "is read for good" + run_part(told);
  if (event == "ingest_ended") {
    std::string out =
        told.status == "failed" ? style.red("stopped being read") : "stopped being read";
    out += run_part(told);
    if (told.wait) out += ", again in " + duration_text(*told.wait);
    return out;
  }
  if (event == "backfilling") return "is built in the background";
  if (event == "backfill_ended") {
    std::string out = told.status == "done" ? style.green("done") : style.yellow(told.status);
    if (told.count > 0) out += fmt::format(", {} failed", counted(told.count, "interval"));
    return out + because(told);
  }
  if (event == "sensor_lost") {
    std::string out = style.red("cannot be looked at");
    if (told.wait) out += ", again in " + seconds_text(*told.wait);
    return out;
  }
  if (event == "sensor_back") return "is looked at again";
  if (event == "stopping") {
    if (told.count == 0) return "stopping";
    return fmt::format("stopping: {} may end within {}", counted(told.count, "run"),
                       duration_text(told.wait.value_or(std::chrono::microseconds(0))));
  }
  if (event == "listening" || event == "set_up") return told.text;
  return event == "trouble" ? style.yellow("trouble") + because(told) : event + because(told);
}

}  // namespace

bool is_trouble(const server::Told& told) {
  return told.event == "set_up" || !told.problems.empty() || told.status == "failed" ||
         told.event == "failed" || told.event == "late" || told.event == "late_expected" ||
         told.event == "trouble";
}

std::string told_text(const server::Told& told, bool several, const Style& style) {
  const Zone zone(told.zone.empty() ? "UTC" : told.zone);
  std::string subject = told.schedule.empty() ? told.source : told.schedule;
  if (!told.backfill.empty()) subject = "backfill " + short_run(told.backfill);
  if (!told.sensor.empty()) subject = "sensor " + told.sensor;
  if (several || subject.empty()) subject = told.project + (subject.empty() ? "" : "/") + subject;
  std::string out = style.dim(clock_text(told.at, zone)) + "  ";
  if (!subject.empty()) out += style.bold(subject) + "  ";
  out += what_happened(told, zone, style) + "\n";
  for (const auto& problem : told.problems) out += problem_text(problem, style);
  return out;
}

}  // namespace windrow::cli
