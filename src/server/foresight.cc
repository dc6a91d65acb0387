#include <utility>

#include "app/forecast.h"
#include "server/serving.h"

namespace windrow::server {

namespace {

constexpr auto kFirstLookAhead = std::chrono::seconds(1);
constexpr auto kLookAhead = std::chrono::seconds(15);

}  // namespace

void Serving::set_deadline(const Served& served, Served::Begun& begun) const {
  const auto status = scheduler_.status(id_of(served, begun.schedule));
  if (!status || !status->schedule->deadline) return;
  begun.deadline = begun.due + *status->schedule->deadline;
  begun.look_ahead = clock_.steady() + kFirstLookAhead;
}

bool Serving::foreseeable(const Served::Begun& begun) const {
  return begun.deadline && !begun.late_told && clock_.now() < *begun.deadline;
}

void Serving::look_ahead(Served& served) {
  const auto now = clock_.steady();
  for (auto& [run, begun] : served.runs) {
    if (!foreseeable(begun) || begun.look_ahead > now) continue;
    begun.look_ahead = now + kLookAhead;
    if (std::exchange(begun.looked_at, true)) continue;
    // The history is a file: nobody here waits for it.
    worker_->post([this, &served, run, app = served.app()] {
      app::CriticalPath path;
      try {
        const auto history = app->history();
        const auto record = history->run(run);
        if (record && !record->ended)
          path = app::critical_path(*app->workspace(), *history, *record, clock_.now());
      } catch (const std::exception&) {
        path = {};  // it is looked at again soon
      }
      inbox_.post([this, &served, run, path = std::move(path)] { foresee(served, run, path); });
    });
  }
}

void Serving::foresee(Served& served, const std::string& run, const app::CriticalPath& path) {
  const auto found = served.runs.find(run);
  if (found == served.runs.end()) return;
  auto& begun = found->second;
  begun.looked_at = false;
  if (!foreseeable(begun) || !path.expected || *path.expected <= *begun.deadline) return;
  begun.late_told = true;
  auto line = told(served, "late_expected");
  line.schedule = begun.schedule;
  line.run = run;
  line.due = begun.due;
  line.next = begun.deadline;
  line.expected = path.expected;
  const app::CriticalStep* longest = nullptr;
  for (const auto& step : path.steps)
    if (!step.ended && (!longest || step.time > longest->time)) longest = &step;
  const auto rounded = [](std::chrono::microseconds time) {
    return duration_text(std::chrono::round<std::chrono::seconds>(time));
  };
  if (longest && longest->took) {
    line.text = longest->asset + " usually takes " + rounded(longest->took->median);
    if (longest->time > longest->took->median) line.text += ", now " + rounded(longest->time);
  }
  tell(line);
}

}  // namespace windrow::server
