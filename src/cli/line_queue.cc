#include "cli/line_queue.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace windrow::cli {

namespace {

constexpr int kLookMs = 100;  // a reader who is stopped: so often it is looked whether to end
constexpr auto kLast = std::chrono::seconds(1);

}  // namespace

LineQueue::LineQueue(int file, std::function<std::string(size_t)> lost)
    : file_(file), lost_text_(std::move(lost)), thread_([this] { write_all(); }) {}

LineQueue::~LineQueue() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LineQueue::push(std::string line) {
  std::lock_guard lock(mutex_);
  if (bytes_ + line.size() > kBytesMax) {
    ++lost_;
    return;
  }
  if (lost_ > 0) {
    lines_.push_back(lost_text_(std::exchange(lost_, 0)));
    bytes_ += lines_.back().size();
  }
  bytes_ += line.size();
  lines_.push_back(std::move(line));
  changed_.notify_one();
}

/// A pipe that has room takes so much at once: the write does not wait.
bool LineQueue::write_some(std::string_view& rest) {
  pollfd ready{file_, POLLOUT, 0};
  if (::poll(&ready, 1, kLookMs) <= 0) return false;
  const auto written = ::write(file_, rest.data(), std::min<size_t>(rest.size(), PIPE_BUF));
  if (written < 0) return errno != EINTR && errno != EAGAIN;  // it cannot be written: `rest` stays
  rest.remove_prefix(size_t(written));
  return true;
}

void LineQueue::write_all() {
  std::chrono::steady_clock::time_point give_up = std::chrono::steady_clock::time_point::max();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !lines_.empty() || ending_; });
    if (lines_.empty()) return;
    const auto line = std::move(lines_.front());
    lines_.pop_front();
    bytes_ -= line.size();
    std::string_view rest = line;
    bool taken = true;
    while (taken && !rest.empty()) {
      if (ending_) give_up = std::min(give_up, std::chrono::steady_clock::now() + kLast);
      lock.unlock();
      const size_t before = rest.size();
      const bool now = write_some(rest);
      lock.lock();
      taken = !now || rest.size() < before;
      if (!now && ending_ && std::chrono::steady_clock::now() >= give_up) return;
    }
    if (!taken) ++lost_;
  }
}

}  // namespace windrow::cli
