#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

/// What a look at a sensor's subject sees, and what of it is new.
namespace windrow::sensors {

/// One thing that is there: a file in one state, or a value.
struct Thing {
  uint64_t mark = 0;  ///< the same for the same thing, in every process
  std::string name;   ///< for people
  auto operator<=>(const Thing&) const = default;
};
Thing thing(std::string_view identity, std::string name);

struct Sight {
  std::vector<Thing> things;  ///< none: nothing is there
  std::string text;           ///< in words: `3 files`, `version 7`
  /// Something is about to be seen: it is to be looked at again after so long.
  std::optional<std::chrono::microseconds> again;
  /// Local folders that exist, in which a change may be another sight.
  std::vector<std::string> folders;
};

/// What was seen so far: a value, durable before anything follows from it.
struct Seen {
  /// Grows whenever something new is there; 0: nothing ever was. What schedules compare.
  int64_t turn = 0;
  std::vector<uint64_t> marks;  ///< of the last sight, ordered
  std::string text;             ///< what was new last
  std::optional<Time> at;       ///< and when
  bool operator==(const Seen&) const = default;

  std::string token() const { return turn == 0 ? std::string() : std::to_string(turn); }
};

/// Whether something is there that was not there at the last sight. What was gone in between is new
/// again.
bool is_new(const Seen& seen, const Sight& sight);
/// What is remembered after a sight.
Seen after(const Seen& seen, const Sight& sight, Time now);

/// JSON.
std::string text(const Seen& seen);
/// Nothing where it does not read: then all that is there is new.
Seen read_seen(std::string_view text);

}  // namespace windrow::sensors
