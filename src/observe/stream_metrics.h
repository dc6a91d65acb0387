#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "observe/event.h"

namespace windrow::observe {

/// Metrics of one stream in Prometheus' text format.
std::string metrics_text(const std::string& source, const StreamStatus& status);

/// Writes them into a file, whole or not at all for whoever reads it, at most once a second, and at
/// the end. A disk that is full stops no stream. Events of one run come one at a time.
class StreamMetricsFile {
 public:
  StreamMetricsFile(std::string path, std::string source, const Clock& clock)
      : path_(std::move(path)), clock_(clock), last_{std::move(source), {}} {}
  void told(const Event& event);

 private:
  void write();

  const std::string path_;
  const Clock& clock_;
  StreamMoved last_;
  std::optional<SteadyTime> written_;
};

}  // namespace windrow::observe
