#include "run/executor.h"

#include <algorithm>
#include <cmath>

#include "run/execution.h"

namespace windrow::run {

using std::chrono::microseconds;

std::string_view name_of(Status status) {
  switch (status) {
    case Status::waiting: return "waiting";
    case Status::running: return "running";
    case Status::done: return "done";
    case Status::nothing_to_do: return "up to date";
    case Status::failed: return "failed";
    case Status::skipped: return "skipped";
    case Status::canceled: return "canceled";
    case Status::passed_over: return "passed over";
  }
  return "";
}

microseconds backoff(const Retry& retry, int attempt, double random) {
  const double cap = std::min(double(retry.max.count()),
                              double(retry.delay.count()) * std::pow(retry.factor, attempt - 1));
  return microseconds(int64_t(std::max(1.0, cap * (1 - random))));
}

std::vector<Outcome> execute(const std::vector<Task>& tasks, const Settings& settings,
                             Cancel& cancel, const Clock& clock, Observer& observer) {
  return Execution(tasks, settings, cancel, clock, observer).run();
}

}  // namespace windrow::run
