#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/secrets.h"

namespace windrow::tasks {

/// What a command says, as lines for a log: masked, readable, and bounded, however much comes.
class CommandLines {
 public:
  static constexpr size_t kLineMax = 4096;      ///< bytes shown of a line
  static constexpr size_t kLineKept = 65536;    ///< bytes held of a line
  static constexpr size_t kLinesMax = 10'000;   ///< lines told
  static constexpr size_t kBytesMax = 1 << 20;  ///< of them
  static constexpr size_t kRateMax = 1000;      ///< lines told in a second

  using Told = std::function<void(bool error, std::string text)>;
  CommandLines(const Secrets& secrets, const Clock& clock, Told told)
      : secrets_(secrets), clock_(clock), told_(std::move(told)) {}

  void said(bool error, std::string_view bytes);
  /// The command has ended: a last line without an end is one too, and what was left out is said.
  void end();

  /// The last line of the output that is not empty, as it came.
  const std::string& last_output() const { return last_[0]; }
  bool last_output_cut() const { return last_cut_; }
  /// The last line of the errors, else of the output, as it may be shown; empty where there is
  /// none.
  std::string last_shown() const;

 private:
  struct Stream {
    std::string line;
    bool cut = false;
  };
  void line(bool error);
  std::string shown(std::string text, bool cut) const;

  const Secrets& secrets_;
  const Clock& clock_;
  const Told told_;
  Stream streams_[2];
  std::string last_[2];
  bool last_cut_ = false;
  size_t lines_ = 0, bytes_ = 0;
  SteadyTime second_{};
  size_t in_second_ = 0;
  uint64_t left_out_ = 0, bytes_left_out_ = 0;
};

}  // namespace windrow::tasks
