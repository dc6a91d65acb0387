#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interval.h"
#include "base/time.h"
#include "base/usage.h"
#include "observe/event.h"

/// What is to be seen of a project, a plan, a run: for the terminal, and for programs
/// (app/json.h).
namespace windrow::app {

/// How many of a table's files a SELECT would open; the others are ruled out by their statistics.
struct FilesOf {
  std::string table;
  size_t read = 0, there = 0;
};

/// What a step would read, as the logs of its inputs say.
struct PlannedCost {
  int64_t files = 0, rows = 0, bytes = 0;
  size_t intervals = 0;  ///< that may have rows
  size_t commits = 1;
  size_t empty_before = 0;  ///< of these intervals, how many lie before the first row
  std::string first;        ///< the interval of the first row; empty: nobody knows
};

/// One line of a plan, ready to be shown.
struct PlannedStep {
  std::string asset;
  std::string kind;     ///< source, seed, table, interval, append, merge, scd2, view, publication
  bool certain = true;  ///< false: only if what it reads changes in this run
  std::vector<std::string> reasons;
  std::string how;  ///< of tables: `by key (server): …`, `built whole: it has a LIMIT`; or empty
  std::string former;  ///< the name under which its table still lies; the first reason says so
  std::vector<Interval> intervals;  ///< contiguous, coalesced; empty for whole tables
  size_t interval_count = 0;        ///< in grains
  size_t sealed_count = 0, outside_count = 0;
  std::vector<Interval> sealed;
  std::string grain;
  std::map<std::string, int64_t> inputs;  ///< pinned versions
  std::vector<FilesOf> files;             ///< of inputs that are in the lake, where asked for
  std::optional<PlannedCost> cost;
  std::optional<Problem> problem;
};
struct PlanView {
  std::vector<PlannedStep> steps;  ///< stale or possibly stale, in the order of the run
  size_t up_to_date = 0;
  std::vector<std::string> notices;
};

/// A table as its lake has it now.
struct TableNow {
  std::string table;
  int64_t version = -1;             ///< -1: there is none
  std::optional<Time> complete_to;  ///< nothing: not known
};

/// How a run ended.
struct RunResult {
  std::string run;
  std::string status;                       ///< done, failed, canceled
  std::vector<observe::TaskOutcome> tasks;  ///< in the order of the plan
  std::vector<std::string> warnings;        ///< of the run itself, such as records that were lost
  std::chrono::microseconds elapsed{};
  std::optional<observe::StreamStatus> stream;  ///< of an ingest: how far it came
  Usage usage = {};  ///< of all tasks; the memory is that of the whole process since it began
};

/// What files hold that no source reads yet, and the source that would read them.
struct TriedSource {
  struct Column {
    std::string name, type;
    int64_t filled = 0;   ///< rows that have a value
    std::string example;  ///< one of the values; empty: none
  };
  std::string name;  ///< `bronze.orders`
  std::string what;  ///< `3 files, 1.4 MB`: those that were looked at
  int64_t rows = 0, set_aside = 0;
  std::string fault;  ///< of the first record that was set aside
  std::vector<Column> columns;
  std::string file, yaml;  ///< of the source; relative to the project
};

struct AssetView {
  std::string name, kind, file, layer, description;
  std::vector<std::string> tags;
  std::optional<int64_t> version;
  std::optional<int64_t> rows, bytes, files;
  std::optional<Time> updated;
};

struct HealthLine {
  std::string what;  ///< `project`, `lake`, `table silver.movies`, `connection serving`, `disk`
  bool ok = true;
  std::string finding, hint;
};

/// A rule by which S3 moves or removes a table's files, in days since they were written.
struct LifecycleLine {
  std::string table, prefix;
  std::optional<int> infrequent, archive, remove;
};

/// An environment of the project, and what its lake holds.
struct EnvironmentView {
  std::string name, lake;
  bool chosen = false;
  bool publishes = false;
  std::optional<int64_t> tables, bytes;  ///< nothing: there is no lake yet, or nobody knows
  std::vector<std::string> shared_with;  ///< whose lake is the same, or lies inside of it
  std::optional<Problem> problem;
};

/// What was removed of an environment, or would be.
struct DroppedEnvironment {
  struct Table {
    std::string name;
    int64_t files = 0, bytes = 0;
  };
  std::string environment, lake;
  std::vector<Table> tables;
  std::vector<std::string> left;  ///< what is not ours in the lake's folder
  bool there = false;             ///< there is a lake
};

/// What the retention of its layer did to a table.
struct RetainedTable {
  std::string table;
  std::chrono::microseconds retention{};
  bool undated = false;           ///< nothing says how old its rows are, so all of them stay
  std::string by;                 ///< the column, or `partitions`
  std::optional<Time> keep_from;  ///< rows before it are gone
  int64_t rows = 0, files_removed = 0, files_rewritten = 0;
  int64_t bytes = 0;     ///< of the replaced files, freed by vacuum
  int64_t version = -1;  ///< committed; -1: nothing was too old
  std::optional<Problem> problem;
};

/// A place that was looked into for rows with a key, and what became of it.
struct ErasedPlace {
  std::string kind;      ///< `table`, `store` or `history`
  std::string name;      ///< `silver.orders`; of a store `CONNECTION: TABLE`
  std::string how;       ///< `columns`, or `text` where a record is only known as it came
  int64_t rows = 0;      ///< removed, or found where nothing was to be changed
  int64_t files = 0;     ///< of the lake, that were removed or written anew
  int64_t purged = 0;    ///< files of older versions that held the rows
  int64_t version = -1;  ///< of the table afterwards
  std::optional<Problem> problem;
};
struct ErasureReceipt {
  std::vector<ErasedPlace> places;
  std::vector<std::string>
      passed_over;  ///< with the reason: tables without the columns, deliveries

  int64_t rows() const;
  bool failed() const;  ///< in some place
};

}  // namespace windrow::app
