#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

/// Private to cli/: the shapes that `--json` shares (docs/cli.md).
namespace windrow::cli {

using Json = nlohmann::ordered_json;

inline std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

inline Json problem_json(const Problem& problem) {
  Json out{{"code", name_of(problem.code)}, {"message", problem.message}};
  if (!problem.hint.empty()) out["hint"] = problem.hint;
  if (problem.place.known()) {
    out["file"] = problem.place.file;
    if (problem.place.line > 0) out["line"] = problem.place.line;
    if (problem.place.column > 0) out["column"] = problem.place.column;
  }
  return out;
}

}  // namespace windrow::cli
