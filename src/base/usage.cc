#include "base/usage.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <string_view>
#include <utility>

namespace windrow {

namespace {

template <typename T>
void sum(std::optional<T>& into, const std::optional<T>& more) {
  if (more) into = into.value_or(T{}) + *more;
}

std::chrono::nanoseconds thread_cpu() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// How many pairs this thread is in, and what the outermost began with.
struct Running {
  int depth = 0;
  std::chrono::nanoseconds began{};
};
thread_local Running running;

}  // namespace

Usage& Usage::operator+=(const Usage& more) {
  sum(cpu, more.cpu);
  if (more.peak_memory) peak_memory = std::max(peak_memory.value_or(0), *more.peak_memory);
  sum(bytes_read, more.bytes_read);
  sum(files_read, more.files_read);
  sum(bytes_written, more.bytes_written);
  sum(files_written, more.files_written);
  return *this;
}

void Meter::add(const Usage& part) {
  std::lock_guard lock(mutex_);
  sum_ += part;
}

void Meter::read_inside(int64_t bytes) {
  std::lock_guard lock(mutex_);
  if (!outside_) sum(sum_.bytes_read, std::optional(bytes));
}

void Meter::opened_inside(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (!outside_ && opened_.insert(path).second) sum(sum_.files_read, std::optional<int64_t>(1));
}

void Meter::reads_outside() {
  std::lock_guard lock(mutex_);
  outside_ = true;
}

Usage Meter::usage() const {
  std::lock_guard lock(mutex_);
  return sum_;
}

void begin_cpu() noexcept {
  if (running.depth++ == 0) running.began = thread_cpu();
}

void end_cpu(Meter& meter) noexcept {
  if (--running.depth > 0) return;
  Usage part;
  part.cpu = thread_cpu() - running.began;
  meter.add(part);
}

CpuPause::CpuPause(bool wanted) noexcept {
  if (!wanted || running.depth == 0) return;
  depth_ = std::exchange(running.depth, 0);
  used_ = thread_cpu() - running.began;
}

CpuPause::~CpuPause() {
  if (depth_ == 0) return;
  running.depth = depth_;
  running.began = thread_cpu() - used_;
}

std::optional<int64_t> process_peak_memory() {
  // Not by getrusage: there a process begins with the peak of the one that started it.
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kKey = "VmHWM:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kKey)) continue;
    const auto digit = line.find_first_of("0123456789");
    int64_t kilobytes = 0;
    if (digit == std::string::npos) return {};
    std::from_chars(line.data() + digit, line.data() + line.size(), kilobytes);
    return kilobytes * 1024;
  }
  return {};
}

}  // namespace windrow
