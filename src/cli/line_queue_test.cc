#include "cli/line_queue.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

namespace windrow::cli {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe(ends), 0); }
  ~Pipe() {
    close_reader();
    ::close(ends[1]);
  }
  void close_reader() {
    if (ends[0] >= 0) ::close(std::exchange(ends[0], -1));
  }
  std::string read_all() {
    std::string out;
    char buffer[65536];
    while (true) {
      const auto got = ::read(ends[0], buffer, sizeof buffer);
      if (got <= 0) return out;
      out.append(buffer, size_t(got));
    }
  }
  int ends[2];
};

std::string lost(size_t count) { return "lost " + std::to_string(count) + "\n"; }

TEST(LineQueue, AReaderWhoIsStoppedHoldsNobodyUp) {
  Pipe pipe;
  const std::string line(999, 'x');
  constexpr size_t kLines = 4 * LineQueue::kBytesMax / 1000;
  std::string read;
  std::thread reader;
  {
    LineQueue queue(pipe.ends[1], lost);
    for (size_t i = 0; i < kLines; ++i) queue.push(line + "\n");
    reader = std::thread([&] { read = pipe.read_all(); });
    // Once there is room again it is said what is lacking.
    for (int i = 0; i < 500; ++i) {
      queue.push("after\n");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  ::close(std::exchange(pipe.ends[1], -1));
  reader.join();
  const size_t xs = size_t(std::count(read.begin(), read.end(), 'x')) / line.size();
  const auto at = read.find("lost ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(xs, kLines);
  EXPECT_EQ(read.substr(read.size() - 6), "after\n");
  size_t said = 0, afters = 0;
  for (size_t p = at; p != std::string::npos; p = read.find("lost ", p + 1))
    said += std::stoull(read.substr(p + 5));
  for (size_t p = read.find("after"); p != std::string::npos; p = read.find("after", p + 1))
    ++afters;
  EXPECT_EQ(xs + afters + said, kLines + 500);
}

TEST(LineQueue, EndsThoughNobodyReads) {
  Pipe pipe;
  const auto begun = std::chrono::steady_clock::now();
  {
    LineQueue queue(pipe.ends[1], lost);
    for (int i = 0; i < 200; ++i) queue.push(std::string(1000, 'x') + "\n");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
}

TEST(LineQueue, AReaderWhoIsGoneHoldsNobodyUp) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close_reader();
  LineQueue queue(pipe.ends[1], lost);
  for (int i = 0; i < 5000; ++i) queue.push(std::string(1000, 'x') + "\n");
}

}  // namespace
}  // namespace windrow::cli
