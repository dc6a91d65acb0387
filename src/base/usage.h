#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>

/// What work uses of the machine.
namespace windrow {

/// Of one piece of work. What nobody has counted is not there, and is never 0.
struct Usage {
  std::optional<std::chrono::nanoseconds> cpu;  ///< processor time, over all threads
  std::optional<int64_t> peak_memory;           ///< bytes
  std::optional<int64_t> bytes_read, files_read;
  std::optional<int64_t> bytes_written, files_written;

  /// The sum; of memory the greater of the two.
  Usage& operator+=(const Usage& more);
  bool operator==(const Usage&) const = default;
};

/// Adds up what a piece of work uses, wherever in it that is noticed. Safe from any thread.
class Meter {
 public:
  void add(const Usage& part);
  /// An engine read these bytes, or opened a file of rows, which counts once however often it is
  /// opened.
  void read_inside(int64_t bytes);
  void opened_inside(const std::string& path);
  /// The rows come from outside: what an engine reads meanwhile are copies of them, and the table
  /// they go to. From here on only `add` counts what is read.
  void reads_outside();
  Usage usage() const;

 private:
  mutable std::mutex mutex_;
  Usage sum_;
  bool outside_ = false;
  std::set<std::string> opened_;
};

/// From `begin_cpu` to `end_cpu` on one thread its processor time goes to the meter. Pairs may lie
/// in each other: then the outer one counts all of it, and the inner ones nothing.
void begin_cpu() noexcept;
void end_cpu(Meter& meter) noexcept;

/// Such a pair, as long as it lives; none without a meter.
class CpuScope {
 public:
  explicit CpuScope(Meter* meter) : meter_(meter) {
    if (meter_) begin_cpu();
  }
  ~CpuScope() {
    if (meter_) end_cpu(*meter_);
  }
  CpuScope(const CpuScope&) = delete;
  CpuScope& operator=(const CpuScope&) = delete;

 private:
  Meter* meter_;
};

/// While it lives, the pairs that its thread is in count nothing: it only waits, though it may do
/// that by looking again and again. Pairs that begin inside of it count as ever.
class CpuPause {
 public:
  explicit CpuPause(bool wanted = true) noexcept;
  ~CpuPause();
  CpuPause(const CpuPause&) = delete;
  CpuPause& operator=(const CpuPause&) = delete;

 private:
  int depth_ = 0;
  std::chrono::nanoseconds used_{};
};

/// The most memory that this process has had since it began; nothing where the system does not say.
std::optional<int64_t> process_peak_memory();

}  // namespace windrow
