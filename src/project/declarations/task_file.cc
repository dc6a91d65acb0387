#include <algorithm>

#include "project/declarations/files.h"
#include "project/declarations/task_body.h"
#include "project/names.h"
#include "project/task.h"

namespace windrow::project {
namespace {

const char* const kTaskBodies[] = {"command", "sql", "http", "run"};
/// Keys of tasks, and of one kind of them alone.
const std::pair<const char*, TaskKind> kOfKind[] = {
    {"env", TaskKind::command},    {"folder", TaskKind::command}, {"exit", TaskKind::command},
    {"limits", TaskKind::command}, {"grace", TaskKind::command},  {"on", TaskKind::sql},
    {"transaction", TaskKind::sql}};

/// Exactly one thing to do.
bool check_body(const Node& node, Reading& reading) {
  size_t found = 0;
  std::string words;
  for (const char* key : kTaskBodies) {
    found += node.find(key) != nullptr ? 1 : 0;
    words += (words.empty() ? "" : ", ") + std::string(key);
  }
  if (found != 1) reading.problem(node, "a task needs exactly one of " + words);
  return found == 1;
}

void settle_body(const Node& node, Reading& reading, Task& task) {
  if (!check_body(node, reading)) return;
  task.kind = node.find("command") ? TaskKind::command
              : node.find("sql")   ? TaskKind::sql
              : node.find("http")  ? TaskKind::http
                                   : TaskKind::run;
  for (const auto& [key, kind] : kOfKind) {
    if (!node.find(key) || task.kind == kind) continue;
    reading.problem(*node.find(key), std::string("\"") + key + "\" belongs to a task with \"" +
                                         std::string(name_of(kind)) + "\"");
  }
}

void control_keys(Keys<Task>& keys) {
  const auto names = one_or_list_type(placed_text_type());
  keys.bound(false, "finally", names, "",
             "It is done once these have ended, whatever became of them; `run`: once everything "
             "else of the run has.",
             [](Task& task, std::vector<Text>&& of, const Node& node, Reading& reading) {
               task.after_all = of.size() == 1 && of[0].value == "run";
               if (task.after_all) return;
               for (const auto& each : of)
                 if (each.value == "run") reading.expected(node, "\"run\" alone, or assets");
               task.anyhow = std::move(of);
             })
      .optional("on_failure", &Task::on_failure, names, "",
                "It is done only where one of these failed, or was skipped by a failure.")
      .optional("otherwise", &Task::otherwise, names, "",
                "Tasks that are done only where this one's `when` passed it over.")
      .optional("for_each", &Task::for_each, for_each_type(), "",
                "A variable and a SELECT: for each of its rows the task is one of its own, "
                "`task.name[key]`, and `${variable}` in it is the row's first column, "
                "`${variable.column}` another.")
      .optional("repeat_until", &Task::repeat_until, repeat_until_type(), "",
                "A loop with a bound.")
      .optional("output", &Task::output, word_type({"text", "json"}), "none",
                "What it hands on as `${task.NAME.output}`. `text`: of a command the last line of "
                "its output, of SQL the first value, of a request the answer. `json`: the same, "
                "read as JSON; of SQL the first row.")
      .optional("idempotent", &Task::idempotent, boolean_type(), "false",
                "It may be done again where nobody knows whether it was done: when windrow was "
                "killed meanwhile.");
}

Keys<Task> task_keys() {
  Keys<Task> keys("task");
  keys.bound(true, "task", label_type(), "", "The task's name.",
             [](Task& task, std::string&& name, const Node& node, Reading& reading) {
               task.name = std::move(name);
               task.place = reading.place(node);
             });
  keys.include(common_keys(), &Task::common).include(command_keys());
  keys.bound(false, "sql", one_or_list_type(sql_type()), "",
             "Statements, on a connection; without `on` one SELECT over the lake.",
             [](Task& task, std::vector<Text>&& statements, const Node&, Reading&) {
               task.sql.statements = std::move(statements);
             })
      .bound(false, "on", placed_text_type(), "the lake", "Of SQL: a connection.",
             [](Task& task, Text&& on, const Node&, Reading&) { task.sql.on = std::move(on); })
      .bound(false, "transaction", boolean_type(), "true",
             "Of SQL: whether its statements are one transaction.",
             [](Task& task, bool one, const Node&, Reading&) { task.sql.transaction = one; })
      .optional("http", &Task::http, http_type(), "", "A request.")
      .optional("run", &Task::run, run_type(), "",
                "A run of another project, or of other assets of this one.");
  control_keys(keys);
  keys.then(settle_body);
  return keys;
}

}  // namespace

const Keys<Task>& task_file() {
  static const Keys<Task> keys = task_keys();
  return keys;
}

}  // namespace windrow::project
