#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

/// What all files of a project are made of. Everything that a message may want to point at carries
/// its place.
namespace windrow::project {

using Duration = std::chrono::microseconds;

/// A text and where it stands.
struct Text {
  std::string value;
  Place place;
  std::string written;  ///< as it stands in the file, where `${…}` was filled in; empty otherwise
  /// For messages: never what came from outside.
  const std::string& shown() const { return written.empty() ? value : written; }
  bool empty() const { return value.empty(); }
  bool operator==(const std::string& o) const { return value == o; }
};

/// A YAML value that is handed on as it is: check arguments, test rows, connection settings.
struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<Text, Value>>;  ///< in the file's order
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> data;
  Place place;
  std::string written;  ///< as it was: of numbers and booleans (`1.10`), of texts with `${…}`

  bool is_null() const { return data.index() == 0; }
  const Value* find(std::string_view key) const;  ///< of a Map; nothing otherwise
  /// A scalar as text, as it was written; Error(configuration) for lists and maps.
  std::string text() const;
};

struct Retries {
  int times = 0;
  Duration delay = std::chrono::seconds(10);
  double factor = 2;
  Duration max = std::chrono::minutes(5);
};

/// A SELECT that something depends on: over the lake, or on a connection.
struct Look {
  Text sql;
  Text on;  ///< a connection; empty: the lake
};

/// What a task takes of a pool while it runs.
struct PoolShare {
  std::string pool;  ///< empty: nothing
  int slots = 1;
  uint64_t memory = 0;  ///< bytes
};

/// Hours of the day, in the project's time zone, in which something may begin.
struct Hours {
  std::string from, to;  ///< `22:00`
  bool stop = false;     ///< at their end it stops at its next commit
};

/// What any asset may say.
struct Common {
  std::string description, owner;
  PoolShare pool;
  std::vector<std::string> tags;
  std::optional<Retries> retries;
  std::optional<Duration> timeout;
  int priority = 0;
  std::vector<Text> after;
  std::optional<Look> when;
  bool when_changed = false;  ///< only where something that it comes after did something
  std::optional<Hours> window;
};

}  // namespace windrow::project
