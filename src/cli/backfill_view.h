#pragma once

#include <map>
#include <mutex>
#include <string>

#include "app/backfills.h"
#include "base/clock.h"
#include "cli/out.h"

namespace windrow::cli {

/// Intervals from the first to the last, in the zone and grain of their table.
std::string interval_label(const Interval& range, const Grain& grain);
/// How a backfill stands, for a person: its tables, what failed and why, and a last line.
std::string backfill_text(const app::BackfillState& backfill, const std::string& state,
                          const Out& out);

/// Shows how far a backfill is while it goes on: on a terminal one line with a bar, elsewhere a
/// line for each part. On stderr. Safe from any thread.
class BackfillView {
 public:
  BackfillView(const Out& out, const Clock& clock);
  ~BackfillView();
  void changed(const app::BackfillState& backfill);
  void told(const observe::Event& event);

 private:
  void draw();
  void clear();

  const Out& out_;
  const Clock& clock_;
  const bool live_;
  std::mutex mutex_;
  app::BackfillState::Counts counts_;
  std::optional<std::chrono::microseconds> left_;
  std::string now_;  ///< what is being built
  SteadyTime next_;  ///< when it is drawn again
  bool drawn_ = false, any_ = false;
};

}  // namespace windrow::cli
