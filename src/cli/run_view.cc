#include "cli/run_view.h"

#include <fmt/format.h>

namespace windrow::cli {

namespace {

constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);
constexpr size_t kLinesMax = 8;

std::string bar(double fraction) {
  constexpr int kCells = 20;
  const int full = int(fraction * kCells);
  std::string out;
  for (int i = 0; i < kCells; ++i) out += i < full ? "█" : "░";
  return out;
}

}  // namespace

app::RunEvents RunView::events() {
  app::RunEvents out;
  out.started = [this](const std::string&, size_t tasks) {
    std::lock_guard lock(mutex_);
    tasks_ = tasks;
  };
  out.task_started = [this](const std::string& asset) {
    std::lock_guard lock(mutex_);
    running_[asset] = {clock_.steady(), {}};
    draw(false);
  };
  out.progress = [this](const Progress& progress) {
    std::lock_guard lock(mutex_);
    if (auto found = running_.find(progress.task); found != running_.end())
      found->second.last = progress;
    draw(false);
  };
  out.retrying = [this](const std::string& asset, int attempt, const Problem& problem,
                        std::chrono::microseconds wait) {
    std::lock_guard lock(mutex_);
    scroll(fmt::format("{} {}: attempt {} failed: {}; again in {}", out_.yellow("retry"), asset,
                       attempt, problem.message, seconds_text(wait)));
  };
  out.task_finished = [this](const app::TaskOutcome& outcome) {
    std::lock_guard lock(mutex_);
    running_.erase(outcome.asset);
    ++ended_;
    if (outcome.status == "up to date" && tasks_ > 50) return draw(false);
    std::string line = outcome.status == "done" ? out_.green("done  ")
                       : outcome.status == "failed"
                           ? out_.red("failed")
                           : out_.dim(fmt::format("{:<6}", outcome.status));
    line += " " + outcome.asset;
    if (outcome.rows >= 0) line += "  " + count_text(outcome.rows) + " rows";
    if (outcome.elapsed.count() > 0) line += "  " + seconds_text(outcome.elapsed);
    scroll(line);
  };
  return out;
}

void RunView::scroll(const std::string& line) {
  if (out_.quiet() || out_.json()) return;
  clear();
  out_.raw_error(line + "\n");
  draw(true);
}

void RunView::clear() {
  if (drawn_ == 0) return;
  out_.raw_error(fmt::format("\033[{}A\033[J", drawn_));
  drawn_ = 0;
}

void RunView::draw(bool force) {
  if (!out_.error_terminal() || out_.quiet() || out_.json()) return;
  const auto now = clock_.steady();
  if (!force && now - last_drawn_ < kBetweenDrawings) return;
  last_drawn_ = now;
  clear();
  std::string text;
  for (const auto& [asset, running] : running_) {
    if (drawn_ >= kLinesMax) break;
    const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now - running.since);
    if (elapsed < std::chrono::milliseconds(500)) continue;
    const double fraction = running.last.fraction;
    std::string line = "  " + asset + "  " + running.last.phase;
    if (fraction > 0) {
      const auto left =
          std::chrono::microseconds(int64_t(double(elapsed.count()) * (1 - fraction) / fraction));
      line +=
          fmt::format("  {} {:3.0f} %  {} left", bar(fraction), fraction * 100, seconds_text(left));
    }
    if (running.last.rows > 0) {
      line += fmt::format("  {} rows, {:.0f} a second", count_text(running.last.rows),
                          double(running.last.rows) * 1e6 / double(elapsed.count()));
    }
    text += clipped(line + "  " + seconds_text(elapsed), size_t(out_.width())) + "\n";
    ++drawn_;
  }
  if (drawn_ > 0) {
    text += out_.dim(fmt::format("  {} of {} tasks", ended_, tasks_)) + "\n";
    ++drawn_;
  }
  out_.raw_error(text);
}

}  // namespace windrow::cli
