#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "history/history.h"
#include "history/recorder.h"
#include "observe/run_log.h"
#include "run/executor.h"

/// `task_bench FOLDER`: how long the executor takes for tasks that do nothing, each of them in the
/// log and durable in the history when the time is taken.
namespace {

using namespace windrow;

class Record : public run::Observer {
 public:
  Record(const std::string& folder, const Secrets& secrets, const Clock& clock,
         const std::vector<run::Task>& tasks)
      : clock_(clock),
        tasks_(tasks),
        history_(folder + "/history.db"),
        recorder_(history_),
        log_(folder + "/run.jsonl", secrets, clock) {
    tell(observe::RunStarted{"dev", "bench", "0", "", int64_t(tasks.size())});
  }
  void started(size_t i, int attempt) override {
    tell(observe::TaskStarted{tasks_[i].name, attempt});
  }
  void finished(size_t i, const run::Outcome& outcome) override {
    observe::TaskOutcome out;
    out.asset = tasks_[i].name;
    out.status = run::name_of(outcome.status);
    out.started = outcome.started;
    out.ended = outcome.ended;
    tell(out);
  }
  void end() {
    tell(observe::RunEnded{"done", 0, {}, {}});
    history_.flush();
  }

 private:
  template <class What>
  void tell(What what) {
    const observe::Event event{"run", clock_.now(), std::move(what)};
    recorder_.told(event);
    log_.told(event);
  }
  const Clock& clock_;
  const std::vector<run::Task>& tasks_;
  history::History history_;
  history::Recorder recorder_;
  observe::RunLog log_;
};

void measure(const std::string& folder, const char* what, size_t count, bool chained, int jobs,
             const char* pool) {
  std::filesystem::remove_all(folder);
  std::vector<run::Task> tasks(count);
  for (size_t i = 0; i < count; ++i) {
    tasks[i].name = fmt::format("task.t{}", i);
    tasks[i].work = [](run::Context&) { return true; };
    if (chained && i > 0) tasks[i].ties = {{i - 1, run::Tie::Kind::after}};
    if (pool) tasks[i].shares = {{pool, 1, 0}};
  }
  const auto clock = system_clock();
  const Secrets secrets;
  run::Settings settings;
  settings.jobs = jobs;
  settings.pools = {{"pool", {8, 0}}};
  Cancel cancel;
  const std::clock_t cpu = std::clock();
  const auto began = std::chrono::steady_clock::now();
  Record record(folder, secrets, *clock, tasks);
  run::execute(tasks, settings, cancel, *clock, record);
  record.end();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  fmt::print("{:<44} {:>7.3f} s  {:>8.0f} a second  cpu {:>6.3f} s\n", what, wall,
             double(count) / wall, double(std::clock() - cpu) / CLOCKS_PER_SEC);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: task_bench FOLDER\n");
    return 2;
  }
  const auto folder = std::string(argv[1]) + "/task_bench";
  for (int round = 0; round < 3; ++round) {
    measure(folder, "40 chained", 40, true, 2, nullptr);
    measure(folder, "1,000 independent", 1000, false, 2, nullptr);
    measure(folder, "10,000 independent", 10'000, false, 2, nullptr);
    measure(folder, "10,000 independent, 100 jobs", 10'000, false, 100, nullptr);
    measure(folder, "10,000 in a pool of 8 slots, 100 jobs", 10'000, false, 100, "pool");
    measure(folder, "10,000 chained", 10'000, true, 2, nullptr);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
