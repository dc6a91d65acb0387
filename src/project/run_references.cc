#include "project/task.h"

namespace windrow::project {

std::string_view name_of(TaskKind kind) {
  switch (kind) {
    case TaskKind::command: return "command";
    case TaskKind::sql: return "sql";
    case TaskKind::http: return "http";
    case TaskKind::run: return "run";
  }
  return "";
}

std::vector<RunReference> run_references(std::string_view text) {
  std::vector<RunReference> out;
  for (size_t at = 0; (at = text.find("${", at)) != std::string_view::npos;) {
    const size_t end = text.find('}', at);
    if (end == std::string_view::npos) break;
    RunReference reference{at, end + 1 - at, {}, {}};
    auto inside = text.substr(at + 2, end - at - 2);
    if (const auto dash = inside.find(":-"); dash != std::string_view::npos) {
      reference.otherwise = inside.substr(dash + 2);
      inside = inside.substr(0, dash);
    }
    while (true) {
      const auto dot = inside.find('.');
      reference.path.emplace_back(inside.substr(0, dot));
      if (dot == std::string_view::npos) break;
      inside.remove_prefix(dot + 1);
    }
    out.push_back(std::move(reference));
    at = end + 1;
  }
  return out;
}

std::string run_parameter(size_t at) { return "w" + std::to_string(at) + "_"; }

std::string with_run_parameters(std::string_view sql) {
  std::string out;
  size_t from = 0;
  for (const auto& reference : run_references(sql)) {
    out += sql.substr(from, reference.at - from);
    const auto name = "$" + run_parameter(reference.at);
    out += name;
    from = reference.at + reference.length;
    if (name.size() < reference.length) out.append(reference.length - name.size(), ' ');
  }
  out += sql.substr(from);
  return out;
}

}  // namespace windrow::project
