#include <algorithm>

#include "project/declarations/files.h"
#include "project/names.h"
#include "project/project.h"

namespace windrow::project {
namespace {

const char* const kTaskBodies[] = {"command", "sql", "http"};
const char* const kSensorBodies[] = {"file", "table", "sql", "http", "project"};

template <class M>
void body(Keys<Task>& keys, const std::string& key, Type<M> type, std::string sentence) {
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

/// One of `task` and `sensor`, and exactly one thing to do or to look at.
void check_body(const Node& node, Reading& reading, Task& task) {
  const bool is_task = node.find("task") != nullptr, is_sensor = node.find("sensor") != nullptr;
  if (is_task == is_sensor) {
    reading.problem(node, is_task ? "a file has \"task\" or \"sensor\", not both"
                                  : "key \"task\" (or \"sensor\") is missing");
    return;
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
  for (const char* key : {"command", "file", "table", "project"}) {
    const bool known = std::find(allowed.begin(), allowed.end(), key) != allowed.end();
    if (!known && node.find(key)) {
      reading.problem(
          *node.find(key),
          std::string("a ") + (is_sensor ? "sensor" : "task") + " has no \"" + key + "\"",
          "it has one of " + words);
      return;
    }
  }
  if (found != 1) {
    reading.problem(
        node,
        (is_sensor ? "a sensor needs exactly one of " : "a task needs exactly one of ") + words);
  }
  task.body = reading.value(node);
}

Keys<Task> task_keys() {
  Keys<Task> keys("task");
  named(keys, "task", false, "The task's name; or write `sensor`.");
  named(keys, "sensor", true,
        "The sensor's name: a task that waits until what it looks at is there.");
  keys.include(common_keys(), &Task::common)
      .optional("after", &Task::after, one_or_list_type(placed_text_type()), "",
                "Assets that must be done before.");
  body(keys, "command", one_or_list_type(text_type()),
       "A program and its arguments, run in the project's folder.");
  body(keys, "sql", text_type(), "A SELECT; a sensor waits until it is true.");
  body(keys, "http", anything_type("text or mapping"),
       "A request; a sensor waits until it succeeds.");
  body(keys, "file", text_type(), "A sensor waits until the file is there.");
  body(keys, "table", text_type(), "A sensor waits until the table has a new version.");
  body(keys, "project", anything_type("text or mapping"),
       "A sensor waits for a run of another project.");
  keys.then(check_body).then([](const Node& node, Reading& reading, Task& task) {
    reading.notice(node, std::string(task.sensor ? "sensor " : "task ") + in_quotes(task.name) +
                             " is read and checked, but not run by this version of windrow");
  });
  return keys;
}

}  // namespace

const Keys<Task>& task_file() {
  static const Keys<Task> keys = task_keys();
  return keys;
}

}  // namespace windrow::project
