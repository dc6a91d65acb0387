#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace windrow {

/// A point in time, UTC, in microseconds since 1970: the resolution of Delta and of DuckDB.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

class Clock;  // base/clock.h

inline int64_t micros(Time t) { return t.time_since_epoch().count(); }
inline Time time_from_micros(int64_t us) { return Time(std::chrono::microseconds(us)); }

/// `2025-10-17T14:00:00Z`; with a fraction of up to six digits only where there is one.
std::string iso(Time t);
/// Reads `2025-10-17`, `2025-10-17 14:00[:00[.123456]]`, with `T` or a blank, and `Z` or `+hh:mm`
/// at the end. Without an offset the text is taken as local time of `zone`. Nothing when it is not
/// a time.
std::optional<Time> parse_time(std::string_view text, std::string_view zone = "UTC");

/// `60s`, `30m`, `23h`, `90d`, `500ms`, `2w`; also sums such as `1h30m`. Nothing when it is not a
/// duration.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads back: `90s`, `1h30m`, `90d`.
std::string duration_text(std::chrono::microseconds d);

}  // namespace windrow
