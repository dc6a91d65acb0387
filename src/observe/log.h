#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/secrets.h"
#include "base/time.h"

namespace windrow::observe {

using LogValue = std::variant<std::string, int64_t, double, bool>;
using LogFields = std::vector<std::pair<std::string, LogValue>>;

/// A run's log: one JSON object a line, `{"ts", "level", "event", …}`. Every text goes through the
/// masker. A log that cannot be written (full disk) never stops a run; `lost` counts its lines.
/// Safe from any thread.
class Log {
 public:
  Log(const std::string& path, const Secrets& secrets, const Clock& clock);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(std::string_view level, std::string_view event, const LogFields& fields = {});
  int64_t lost() const { return lost_; }

 private:
  const Secrets& secrets_;
  const Clock& clock_;
  std::mutex mutex_;
  std::FILE* file_ = nullptr;
  int64_t lost_ = 0;
};

}  // namespace windrow::observe
