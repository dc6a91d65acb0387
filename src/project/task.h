#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "project/values.h"

namespace windrow::project {

/// A program with its arguments; no shell is between.
struct CommandBody {
  std::vector<Text> words;
  std::vector<std::pair<Text, Text>> environment;  ///< beside the few that every command has
  std::string folder;                              ///< relative to the project; empty: that
  std::vector<int> skip, retry;                    ///< exit codes
  uint64_t memory = 0;                             ///< bytes of address space; 0: any
  std::optional<Duration> cpu;                     ///< processor time
  Duration grace = std::chrono::seconds(10);       ///< between SIGTERM and SIGKILL
};

struct SqlBody {
  std::vector<Text> statements;
  Text on;  ///< a connection; empty: one SELECT over the lake
  bool transaction = true;
};

struct HttpBody {
  std::string method;  ///< empty: GET, with a body POST
  Text url;
  std::vector<std::pair<Text, Text>> headers;
  Text body;
  Value json;               ///< instead of `body`
  std::vector<int> expect;  ///< empty: 200 to 299
  std::vector<int> retry;   ///< answers that count as failures that may pass
  Duration timeout = std::chrono::minutes(1);
};

struct RunBody {
  Text project;  ///< its folder; empty: this project
  Text select, environment;
  std::map<std::string, Text> vars;
  bool wait = true;
  Place place;
};

/// The task is one of its own for each row.
struct ForEach {
  Text variable;
  Look look;
  int max = 1000;
};

/// The task is done again until `look` gives true.
struct RepeatUntil {
  Look look;
  int times = 0;
  Duration delay{0};
};

enum class TaskKind { command, sql, http, run };
std::string_view name_of(TaskKind kind);

/// `tasks/*.yaml`.
struct Task {
  std::string name;
  Common common;
  TaskKind kind = TaskKind::command;
  CommandBody command;
  SqlBody sql;
  HttpBody http;
  RunBody run;
  std::vector<Text> anyhow, on_failure, otherwise;
  bool after_all = false;  ///< `finally: run`
  std::string output;      ///< text, json; empty: none
  bool idempotent = false;
  std::optional<ForEach> for_each;
  std::optional<RepeatUntil> repeat_until;
  std::vector<Text> outputs;  ///< names of tasks whose outputs it is given
  std::string file;
  Place place;
};

/// A part of a text that the run fills in: `${run_id}`, `${task.load.output.rows:-0}`.
struct RunReference {
  size_t at = 0, length = 0;             ///< the whole `${…}`
  std::vector<std::string> path;         ///< `task`, `load`, `output`, `rows`
  std::optional<std::string> otherwise;  ///< after `:-`
};
std::vector<RunReference> run_references(std::string_view text);
/// What stands for one that begins at byte `at` of SQL over the lake: a parameter of that name.
std::string run_parameter(size_t at);
/// SQL with a parameter for each, as long as it where that can be, so that places stay.
std::string with_run_parameters(std::string_view sql);

}  // namespace windrow::project
