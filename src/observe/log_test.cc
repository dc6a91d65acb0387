#include "observe/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"

namespace windrow::observe {
namespace {

TEST(Log, WritesMaskedLines) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("windrow log " + std::to_string(::getpid()));
  Secrets secrets;
  secrets.learn("hunter22");
  FakeClock clock(time_from_micros(0));
  {
    Log log(folder / "a/run.jsonl", secrets, clock);
    log.write("info", "task.done",
              {{"asset", std::string("gold.x")},
               {"rows", int64_t(5)},
               {"url", std::string("p:hunter22\xff\"")}});
    EXPECT_EQ(log.lost(), 0);
  }
  std::ifstream in(folder / "a/run.jsonl");
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line,
            "{\"ts\":\"1970-01-01T00:00:00Z\",\"level\":\"info\",\"event\":\"task.done\",\"asset\":"
            "\"gold.x\",\"rows\":5,"
            "\"url\":\"p:***\xef\xbf\xbd\\\"\"}");
  std::filesystem::remove_all(folder);
}

TEST(Log, AnUnwritableLogStopsNothing) {
  Secrets secrets;
  FakeClock clock(time_from_micros(0));
  Log log("/proc/nowhere/run.jsonl", secrets, clock);
  log.write("info", "x");
  EXPECT_EQ(log.lost(), 1);
}

}  // namespace
}  // namespace windrow::observe
