#include "cli/backfill_view.h"

#include <fmt/format.h>

#include "cli/plan_lines.h"
#include "cli/run_view.h"

namespace windrow::cli {

namespace {

constexpr auto kDrawAgain = std::chrono::milliseconds(100);
constexpr size_t kFailuresShown = 20;

std::string progress_text(const app::BackfillState::Counts& counts,
                          const std::optional<std::chrono::microseconds>& left) {
  std::string out =
      fmt::format("{} of {}", count_text(counts.done), counted(counts.total, "interval"));
  if (counts.failed > 0) out += fmt::format(", {} failed", count_text(counts.failed));
  if (counts.left > 0 && left) out += ", " + seconds_text(*left) + " left";
  return out;
}

}  // namespace

std::string interval_label(const Interval& range, const Grain& grain) {
  const auto first = grain.label(grain.around(range.start));
  const auto last = grain.label(grain.around(range.end - std::chrono::microseconds(1)));
  return first == last ? first : first + " … " + last;
}

std::string backfill_text(const app::BackfillState& backfill, const std::string& state,
                          const Out& out) {
  const auto& style = out.style();
  TextTable table({"asset", "interval", "total", "done", "failed", "left", "still to be built"},
                  {2, 3, 4, 5});
  table.give_way({6});
  for (const auto& each : backfill.tables) {
    const auto counts = app::BackfillState::counts(each);
    std::string left;
    const auto ranges = each.left();
    for (const auto& part : ranges.parts()) {
      if (left.size() > 200) {
        left += " …";
        break;
      }
      left += (left.empty() ? "" : ", ") + interval_label(part, each.grain);
    }
    table.add({each.asset,
               each.grain.text(),
               count_text(counts.total),
               count_text(counts.done),
               {count_text(counts.failed),
                counts.failed > 0 ? TextTable::Tone::bad : TextTable::Tone::plain},
               count_text(counts.left),
               left});
  }
  std::string text = table.text({out.width(), style, &out.secrets()});
  size_t shown = 0, more = 0;
  for (const auto& each : backfill.tables) {
    for (const auto& failure : each.failures) {
      if (++shown > kFailuresShown && !out.verbose()) {
        ++more;
        continue;
      }
      text += style.red("failed:") + " " + each.asset + " " +
              interval_label(failure.range, each.grain) + ": " +
              (failure.because.empty()
                   ? failure.problem.message + (failure.problem.place.known()
                                                    ? " (" + failure.problem.place.text() + ")"
                                                    : "")
                   : "because " + failure.because + " was not built") +
              "\n";
      if (!failure.problem.hint.empty())
        text += "  " + style.dim("hint:") + " " + failure.problem.hint + "\n";
    }
  }
  if (more > 0)
    text += fmt::format("and {}: --verbose shows them\n", counted(int64_t(more), "more failure"));
  const auto& record = backfill.record;
  text += "\nbackfill " + short_run(record.id) + (record.name.empty() ? "" : " " + record.name) +
          ": " + (state == "done" ? style.green(state) : style.yellow(state)) + ", " +
          progress_text(backfill.counts(), backfill.time_left()) + ", " +
          counted(backfill.rows, "row") + ", " + seconds_text(backfill.worked) + " of work";
  if (backfill.retries > 0)
    text += fmt::format(", {} {}", count_text(backfill.retries),
                        backfill.retries == 1 ? "retry" : "retries");
  text += "\n";
  if (!record.reason.empty()) text += "  " + record.reason + "\n";
  return text;
}

BackfillView::BackfillView(const Out& out, const Clock& clock)
    : out_(out), clock_(clock), live_(out.error_terminal() && !out.quiet() && !out.json()) {}

BackfillView::~BackfillView() { clear(); }

void BackfillView::changed(const app::BackfillState& backfill) {
  std::lock_guard lock(mutex_);
  const auto before = counts_;
  counts_ = backfill.counts();
  left_ = backfill.time_left();
  if (live_) {
    draw();
  } else if (any_ && (counts_.done != before.done || counts_.failed != before.failed)) {
    out_.note(progress_text(counts_, left_));
  }
  any_ = true;
}

void BackfillView::told(const observe::Event& event) {
  const auto* progress = std::get_if<Progress>(&event.what);
  if (!progress || !live_) return;
  std::lock_guard lock(mutex_);
  now_ = progress->task + " " + progress->phase;
  if (clock_.steady() < next_) return;
  next_ = clock_.steady() + kDrawAgain;
  draw();
}

void BackfillView::draw() {
  clear();
  const double fraction =
      counts_.total > 0 ? double(counts_.done + counts_.failed) / double(counts_.total) : 0;
  const auto line = fmt::format("  {} {:3.0f} %  {}  {}", progress_bar(fraction), fraction * 100,
                                progress_text(counts_, left_), now_);
  out_.raw_error(clipped(out_.secrets().redact(line), out_.error_width() - 1) + "\n");
  drawn_ = true;
}

void BackfillView::clear() {
  if (drawn_) out_.raw_error("\033[1A\033[J");
  drawn_ = false;
}

}  // namespace windrow::cli
