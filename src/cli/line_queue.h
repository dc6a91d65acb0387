#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace windrow::cli {

/// Lines for a reader who may be slow, stopped or gone: who has something to say never waits for
/// him. A thread of its own writes them. While too much waits, what comes is dropped; so is what
/// cannot be written. How many lines that were is said before the next one.
class LineQueue {
 public:
  static constexpr size_t kBytesMax = 1 << 20;

  /// `lost` gives the line that says how many are lacking. The file stays open.
  LineQueue(int file, std::function<std::string(size_t)> lost);
  /// Waits a second at most for the reader.
  ~LineQueue();
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  void push(std::string line);

 private:
  void write_all();
  /// False: not now; it is tried again.
  bool write_some(std::string_view& rest);

  const int file_;
  const std::function<std::string(size_t)> lost_text_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
  size_t bytes_ = 0;
  size_t lost_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace windrow::cli
