#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rows.h"
#include "base/time.h"
#include "duck/forward.h"

namespace windrow::app {

struct QueryOptions {
  std::map<std::string, int64_t> version_of;  ///< tables that are read at a version
  std::optional<Time> at;                     ///< all others as they were then; nothing: now
  bool allow_writes = false;                  ///< COPY, CREATE, ATTACH, … run too
  /// In an engine of its own: whatever a statement does to that is nobody else's trouble.
  bool apart = false;
};

/// SQL over the lake that somebody types: a connection in which the tables that a statement names
/// are views, at their latest versions unless the options say otherwise. One thread at a time.
class Query {
 public:
  virtual ~Query() = default;
  virtual duck::Connection& connection() = 0;
  /// Before a statement runs: opens what it names and nothing else. Throws SqlError where it does
  /// not parse, Error(usage) where it does more than read and that was not allowed.
  virtual void prepare(const std::string& statement) = 0;
  /// What went wrong with the prepared statement, in terms of the project's tables: which has not
  /// been loaded yet, which name is near.
  virtual Problem explained(const SqlError& error) = 0;
  /// Tables and view models, as a SELECT names them.
  virtual std::vector<std::string> tables() = 0;
};

}  // namespace windrow::app
