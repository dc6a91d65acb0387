#include "cli/run_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"

namespace windrow::cli {

namespace {

constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);
constexpr auto kShownAfter =
    std::chrono::milliseconds(500);  // what is over sooner would only flicker
constexpr size_t kLinesMax = 8;

}  // namespace

std::string progress_bar(double fraction) {
  constexpr int kCells = 20;
  const int full = std::clamp(int(fraction * kCells), 0, kCells);
  std::string out;
  for (int i = 0; i < kCells; ++i) out += i < full ? "█" : "░";
  return out;
}

std::string running_line(const std::string& asset, const RunningTask& task, size_t width) {
  std::string line = "  " + asset;
  const double fraction = std::min(task.last.fraction, 1.0);
  const double seconds = double(task.elapsed.count()) / 1e6;
  if (!task.last.phase.empty()) line += "  " + task.last.phase;
  if (fraction > 0) {
    line += fmt::format("  {} {:3.0f} %", progress_bar(fraction), fraction * 100);
    const double left = seconds * (1 - fraction) / fraction;
    if (seconds >= 1 && left < 1e6)
      line += "  " + seconds_text(std::chrono::microseconds(int64_t(left * 1e6))) + " left";
  }
  if (task.last.rows > 0) {
    line += "  " + counted(task.last.rows, "row");
    if (seconds > 0) line += ", " + count_text(int64_t(double(task.last.rows) / seconds)) + "/s";
  }
  return clipped(line + "  " + seconds_text(task.elapsed), width);
}

RunView::RunView(const Out& out, const Clock& clock)
    : out_(out), clock_(clock), live_(out.error_terminal() && !out.quiet() && !out.json()) {
  if (live_) ticker_ = std::thread([this] { tick(); });
}

RunView::~RunView() {
  if (!live_) return;
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  end_.notify_all();
  ticker_.join();
  clear();
}

void RunView::tick() {
  std::unique_lock lock(mutex_);
  while (!end_.wait_for(lock, kBetweenDrawings, [this] { return ending_; })) draw();
}

void RunView::told(const observe::Event& event) {
  std::lock_guard lock(mutex_);
  std::visit([this](const auto& what) { show(what); }, event.what);
}

void RunView::show(const observe::RunStarted& run) { tasks_ = size_t(run.tasks); }

void RunView::show(const observe::TaskStarted& task) {
  running_[task.asset] = {clock_.steady(), {}};
}

void RunView::show(const Progress& progress) {
  if (auto found = running_.find(progress.task); found != running_.end())
    found->second.last = progress;
}

void RunView::show(const observe::TaskRetrying& task) {
  scroll(fmt::format("{}  {}: attempt {}: {}; again in {}", out_.error_style().yellow("retry"),
                     task.asset, task.attempt, task.problem.message, seconds_text(task.wait)));
}

void RunView::show(const observe::TaskSaid& task) {
  if (out_.verbose()) scroll(out_.error_style().dim(task.asset + " | ") + task.line);
}

void RunView::show(const observe::TaskHeld& task) {
  scroll(fmt::format("{}  {} until its window opens at {}", out_.error_style().dim("waits"),
                     task.asset, iso(task.until)));
}

void RunView::show(const observe::TaskGaveWay& task) {
  running_.erase(task.asset);
  scroll(fmt::format("{}  {} after its last commit, for {}", out_.error_style().dim("waits"),
                     task.asset, task.to));
}

void RunView::show(const observe::TaskWentOn& task) {
  running_[task.asset] = {clock_.steady(), {}};
}

void RunView::show(const observe::BreakerMoved& breaker) {
  if (!breaker.open)
    return scroll(fmt::format("{}  connection {} answers again", out_.error_style().green("good"),
                              breaker.connection));
  scroll(fmt::format("{}  connection {}: {} failures in a row, tried again in {}: {}",
                     out_.error_style().yellow("waits"), breaker.connection, breaker.failures,
                     seconds_text(breaker.wait), breaker.why));
}

void RunView::show(const observe::TaskOutcome& task) {
  running_.erase(task.asset);
  ++ended_;
  if (task.status == "up to date" && !out_.verbose()) return;
  const auto& style = out_.error_style();
  const auto status = fmt::format("{:<6}", task.status);
  std::string line = task.status == "done"     ? style.green(status)
                     : task.status == "failed" ? style.red(status)
                                               : style.dim(status);
  line += " " + task.asset;
  if (task.rows >= 0) line += "  " + counted(task.rows, "row");
  if (task.elapsed.count() > 0) line += "  " + seconds_text(task.elapsed);
  scroll(line);
}

void RunView::scroll(const std::string& line) {
  if (out_.quiet() || out_.json()) return;
  clear();
  out_.raw_error(line + "\n");
}

void RunView::clear() {
  if (drawn_ == 0) return;
  out_.raw_error(fmt::format("\033[{}A\033[J", drawn_));
  drawn_ = 0;
}

void RunView::draw() {
  const auto now = clock_.steady();
  const size_t width = out_.error_width() - 1;
  std::string text;
  size_t lines = 0;
  for (const auto& [asset, running] : running_) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now - running.since);
    if (elapsed < kShownAfter) continue;
    if (lines == kLinesMax) break;
    text += running_line(out_.secrets().redact(asset), {elapsed, running.last}, width) + "\n";
    ++lines;
  }
  if (lines > 0 && tasks_ > 1) {
    text += out_.error_style().dim(fmt::format("  {} of {} tasks", ended_, tasks_)) + "\n";
    ++lines;
  }
  clear();
  if (lines > 0) out_.raw_error(text);
  drawn_ = lines;
}

}  // namespace windrow::cli
