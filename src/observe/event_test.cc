#include "observe/event.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "observe/run_log.h"
#include "observe/stream_metrics.h"

namespace windrow::observe {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

class Told : public testing::Test {
 protected:
  Told()
      : folder_(std::filesystem::temp_directory_path() /
                ("windrow told " + std::to_string(::getpid()))) {}
  ~Told() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_;
  Secrets secrets_;
  FakeClock clock_{time_from_micros(0)};
};

TEST(Events, AreToldToWhoListens) {
  Events events;
  std::vector<std::string> heard;
  auto first = events.listen([&](const Event& event) { heard.push_back("1 " + event.run); });
  {
    const auto second =
        events.listen([&](const Event& event) { heard.push_back("2 " + event.run); });
    events.tell({"a", {}, RunStarted{}});
  }
  events.tell({"b", {}, RunStarted{}});
  first = {};
  events.tell({"c", {}, RunStarted{}});
  EXPECT_EQ(heard, (std::vector<std::string>{"1 a", "2 a", "1 b"}));
}

TEST(Events, AreToldFromManyThreadsWhileOthersComeAndGo) {
  Events events;
  std::atomic<int> heard{0};
  const auto stays = events.listen([&](const Event&) { ++heard; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto goes = events.listen([](const Event&) {});
        events.tell({"x", {}, TaskStarted{"a", 1}});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(heard, 2000);
}

TEST_F(Told, ALogHasALineForWhatCounts) {
  {
    RunLog log(folder_ / "run.jsonl", secrets_, clock_);
    log.told({"r", {}, RunStarted{"dev", "windrow run", "1", "", 2}});
    log.told({"r", {}, Progress{"a", "writing", 0.5, 10}});
    log.told({"r", {}, TaskRetrying{"a", 1, {Code::unavailable, "no", "", {}}, 90s}});
    StreamStatus status;
    log.told({"r", {}, StreamMoved{"a", status}});
    status.commits = 1;
    log.told({"r", {}, StreamMoved{"a", status}});
    status.problem = "broker is gone";
    log.told({"r", {}, StreamMoved{"a", status}});
    log.told({"r", {}, StreamMoved{"a", status}});
    TaskOutcome outcome;
    outcome.asset = "a";
    outcome.status = "failed";
    outcome.problem = Problem{Code::data, "bad", "", {}};
    log.told({"r", {}, outcome});
    log.told({"r", {}, RunEnded{"failed", 1, 2s}});
  }
  std::istringstream lines(text_of(folder_ / "run.jsonl"));
  std::string events, line;
  while (std::getline(lines, line)) {
    const auto begin = line.find("\"event\":\"") + 9;
    events += line.substr(begin, line.find('"', begin) - begin) + " ";
  }
  EXPECT_EQ(events,
            "run.started task.retrying ingest.committed ingest.waits task.failed run.ended ");
}

TEST_F(Told, MetricsAreWrittenOnceASecondAndAtTheEnd) {
  std::filesystem::create_directories(folder_);
  StreamMetricsFile metrics(folder_ / "m.prom", "bronze.x", clock_);
  const auto rows_written = [&](int64_t rows) {
    StreamStatus status;
    status.rows = rows;
    metrics.told({"r", {}, StreamMoved{"bronze.x", status}});
    return text_of(folder_ / "m.prom")
               .find("rows_total{source=\"bronze.x\"} " + std::to_string(rows) + "\n") !=
           std::string::npos;
  };
  EXPECT_TRUE(rows_written(1));
  EXPECT_FALSE(rows_written(22));
  clock_.advance(1s);
  EXPECT_TRUE(rows_written(333));
  EXPECT_FALSE(rows_written(4444));
  metrics.told({"r", {}, RunEnded{"done", 0, 2s}});
  EXPECT_NE(text_of(folder_ / "m.prom").find("4444\n"), std::string::npos);
}

}  // namespace
}  // namespace windrow::observe
