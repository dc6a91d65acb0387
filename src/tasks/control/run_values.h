#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/rows.h"
#include "project/task.h"

namespace windrow::tasks {

/// What `${…}` of a task stands for in a run.
struct RunValues {
  std::map<std::string, std::string> named;  ///< run_id, run_time, …
  std::string variable;                      ///< of for_each; empty: none
  std::map<std::string, std::string> row;    ///< its columns as JSON; under "" the first
  /// The output of a task as JSON; Error(data) where there is none.
  std::function<std::string(const std::string& task)> output;
};

/// How a value is written where it is put.
enum class Fills {
  text,    ///< as it is; an object as JSON
  url,     ///< percent-encoded
  literal  ///< of standard SQL: quotes doubled
};
/// What is not filled in by a run stays. Error(data) where a value is not there.
std::string fill(std::string_view text, const RunValues& values, Fills how = Fills::text);
/// The same of every text in it; one that is a reference alone becomes what that is, with its type.
nlohmann::ordered_json fill(const project::Value& value, const RunValues& values);
/// For SQL over the lake, in which parameters stand for them (project::with_run_parameters).
Parameters parameters_for(std::string_view sql, const RunValues& values);

}  // namespace windrow::tasks
