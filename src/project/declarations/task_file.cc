#include <algorithm>

#include "project/declarations/files.h"
#include "project/declarations/task_body.h"
#include "project/names.h"
#include "project/task.h"

namespace windrow::project {
namespace {

const char* const kTaskBodies[] = {"command", "sql", "http", "run"};
const char* const kSensorBodies[] = {"file", "table", "sql", "http", "project"};
/// Keys of tasks, and of one kind of them alone.
const std::pair<const char*, TaskKind> kOfKind[] = {
    {"env", TaskKind::command},    {"folder", TaskKind::command}, {"exit", TaskKind::command},
    {"limits", TaskKind::command}, {"grace", TaskKind::command},  {"on", TaskKind::sql},
    {"transaction", TaskKind::sql}};
const char* const kOfTasks[] = {"finally",    "on_failure", "otherwise",   "output",
                                "idempotent", "for_each",   "repeat_until"};

template <class M>
void of_sensor(Keys<Task>& keys, const std::string& key, Type<M> type, std::string sentence) {
  keys.bound(false, key, std::move(type), "", std::move(sentence),
             [](Task&, M&&, const Node&, Reading&) {});
}

void named(Keys<Task>& keys, const std::string& key, bool sensor, std::string sentence) {
  keys.bound(false, key, label_type(), "", std::move(sentence),
             [sensor](Task& task, std::string&& name, const Node& node, Reading& reading) {
               task.name = std::move(name);
               task.sensor = sensor;
               task.place = reading.place(node);
             });
}

/// A request of a task is read with its keys, which those of a sensor are not held to.
Type<Value> http_type() {
  auto out = anything_type("URL, or request");
  const auto request = http_keys().type().shape;
  out.shape.form = Shape::Form::either;
  out.shape.expected = "a URL or a mapping";
  out.shape.parts = {text_type().shape, request};
  return out;
}

void read_http(const Node& node, Reading& reading, HttpBody& http) {
  if (node.kind == Node::Kind::map) {
    http_keys().read(node, reading, http);
    return;
  }
  placed_text_type().read(node, reading, http.url);
}

/// One of `task` and `sensor`, and exactly one thing to do or to look at.
bool check_body(const Node& node, Reading& reading) {
  const bool is_task = node.find("task") != nullptr, is_sensor = node.find("sensor") != nullptr;
  if (is_task == is_sensor) {
    reading.problem(node, is_task ? "a file has \"task\" or \"sensor\", not both"
                                  : "key \"task\" (or \"sensor\") is missing");
    return false;
  }
  std::vector<std::string> allowed;
  if (is_sensor)
    allowed.assign(std::begin(kSensorBodies), std::end(kSensorBodies));
  else
    allowed.assign(std::begin(kTaskBodies), std::end(kTaskBodies));
  size_t found = 0;
  std::string words;
  for (const auto& key : allowed) {
    found += node.find(key) != nullptr ? 1 : 0;
    words += (words.empty() ? "" : ", ") + key;
  }
  for (const char* key : {"command", "run", "file", "table", "project"}) {
    const bool known = std::find(allowed.begin(), allowed.end(), key) != allowed.end();
    if (!known && node.find(key)) {
      reading.problem(
          *node.find(key),
          std::string("a ") + (is_sensor ? "sensor" : "task") + " has no \"" + key + "\"",
          "it has one of " + words);
      return false;
    }
  }
  if (found != 1) {
    reading.problem(
        node,
        (is_sensor ? "a sensor needs exactly one of " : "a task needs exactly one of ") + words);
  }
  return found == 1;
}

/// Keys that would do nothing.
void check_keys_of(const Node& node, Reading& reading, const Task& task) {
  for (const auto& [key, kind] : kOfKind) {
    if (!node.find(key) || (!task.sensor && task.kind == kind)) continue;
    if (task.sensor && kind == TaskKind::sql) continue;
    reading.problem(*node.find(key), std::string("\"") + key + "\" belongs to a task with \"" +
                                         std::string(name_of(kind)) + "\"");
  }
  for (const char* key : kOfTasks) {
    if (task.sensor && node.find(key))
      reading.problem(*node.find(key), std::string("a sensor has no \"") + key + "\"");
  }
}

void settle_body(const Node& node, Reading& reading, Task& task) {
  if (!check_body(node, reading)) return;
  if (task.sensor) {
    task.body = reading.value(node);
    reading.notice(node, "sensor " + in_quotes(task.name) +
                             " is read and checked, but not run by this version of windrow");
  } else {
    task.kind = node.find("command") ? TaskKind::command
                : node.find("sql")   ? TaskKind::sql
                : node.find("http")  ? TaskKind::http
                                     : TaskKind::run;
    if (const Node* http = node.find("http")) {
      Reading::Inside inside(reading, *http);
      read_http(*http, reading, task.http);
    }
  }
  check_keys_of(node, reading, task);
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
  named(keys, "task", false, "The task's name; or write `sensor`.");
  named(keys, "sensor", true,
        "The sensor's name: a task that waits until what it looks at is there. Not run by this "
        "version.");
  keys.include(common_keys(), &Task::common).include(command_keys());
  keys.bound(false, "sql", one_or_list_type(sql_type()), "",
             "Statements, on a connection; without `on` one SELECT over the lake. A sensor waits "
             "until it is true.",
             [](Task& task, std::vector<Text>&& statements, const Node&, Reading&) {
               task.sql.statements = std::move(statements);
             })
      .bound(false, "on", placed_text_type(), "the lake", "Of SQL: a connection.",
             [](Task& task, Text&& on, const Node&, Reading&) { task.sql.on = std::move(on); })
      .bound(false, "transaction", boolean_type(), "true",
             "Of SQL: whether its statements are one transaction.",
             [](Task& task, bool one, const Node&, Reading&) { task.sql.transaction = one; })
      .bound(false, "http", http_type(), "", "A request. A sensor waits until it succeeds.",
             [](Task&, Value&&, const Node&, Reading&) {})
      .optional("run", &Task::run, run_type(), "",
                "A run of another project, or of other assets of this one.");
  of_sensor(keys, "file", text_type(), "A sensor waits until the file is there.");
  of_sensor(keys, "table", text_type(), "A sensor waits until the table has a new version.");
  of_sensor(keys, "project", anything_type("text or mapping"),
            "A sensor waits for a run of another project.");
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
