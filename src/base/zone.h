#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

/// One time zone, found once: what its clocks show at a moment, and when they show a time. A local
/// time is kept as a Time as if it were UTC. (Intervals follow another rule: local_time.h.)
namespace windrow {

class Zone {
 public:
  Zone() : Zone("UTC") {}
  /// `name` is an IANA name. Throws Error(configuration) where it is unknown.
  explicit Zone(std::string_view name);

  /// Moments from `begin` to before `end`, in which clocks are ahead of UTC by `offset` and nobody
  /// moves them.
  struct Stretch {
    Time begin, end;
    std::chrono::microseconds offset;
  };
  Stretch at(Time moment) const;

  Time local(Time moment) const { return moment + at(moment).offset; }
  /// When the clocks show a local time: the first time where they do so twice, the end of the gap
  /// where they never do.
  Time moment(Time local) const;

  const std::string& name() const { return name_; }
  /// `2026-03-29 03:00 CEST`, with seconds where there are some.
  std::string text(Time moment) const;
  bool operator==(const Zone& o) const { return name_ == o.name_; }

 private:
  std::string name_;
  const void* table_ = nullptr;  ///< of the library, for ever; none for UTC
};

}  // namespace windrow
