#include <algorithm>

#include "project/declarations/files.h"
#include "project/declarations/task_body.h"
#include "project/names.h"
#include "project/sensor.h"

namespace windrow::project {

std::string_view name_of(SensorKind kind) {
  static constexpr std::string_view kNames[] = {"file", "table", "sql", "http", "kafka", "project"};
  return kNames[size_t(kind)];
}

namespace {

using namespace std::chrono_literals;

constexpr SensorKind kKinds[] = {SensorKind::file, SensorKind::table, SensorKind::sql,
                                 SensorKind::http, SensorKind::kafka, SensorKind::project};
/// Keys that some kinds alone have.
const std::pair<const char*, std::vector<SensorKind>> kOfSensorKind[] = {
    {"at_rest", {SensorKind::file}},       {"of", {SensorKind::table}},
    {"rows", {SensorKind::table}},         {"on", {SensorKind::sql, SensorKind::kafka}},
    {"path", {SensorKind::http}},          {"equals", {SensorKind::sql, SensorKind::http}},
    {"group", {SensorKind::kafka}},        {"lag", {SensorKind::kafka}},
    {"schedule", {SensorKind::project}},   {"ends", {SensorKind::project}},
    {"environment", {SensorKind::project}}};

/// A problem at a byte of a text, where that stands in the file as it is.
void problem_in(Reading& reading, const Text& text, size_t at, std::string what, std::string hint) {
  Place place = text.place;
  if (text.written.empty()) place.column += int(at);
  reading.problems.add(Code::configuration, std::move(what), std::move(hint), place);
}

void check_glob(Reading& reading, const Text& text) {
  const std::string& glob = text.value;
  const auto wrong = [&](size_t at, const std::string& what, const std::string& hint) {
    problem_in(reading, text, at, "\"file\": " + what, hint);
  };
  if (glob.empty()) return wrong(0, "a pattern of files is empty", "such as /in/*.csv");
  const size_t scheme = glob.find("://");
  if (scheme != std::string::npos) {
    static const std::vector<std::string> kHomes = {"s3", "s3a", "hdfs", "webhdfs"};
    const auto name = glob.substr(0, scheme);
    if (std::find(kHomes.begin(), kHomes.end(), name) == kHomes.end())
      return wrong(0, "files cannot be looked for at " + in_quotes(name + "://"),
                   name.starts_with("http") ? "`http:` looks at what is on the web"
                                            : "on disk, s3://, hdfs:// and webhdfs:// they can");
  }
  if (glob.back() == '/')
    return wrong(glob.size() - 1, "it ends with \"/\", and names no file", "add a name or *");
  size_t open = std::string::npos;
  for (size_t i = 0; i < glob.size(); ++i) {
    if (glob[i] == '\\') {
      ++i;
    } else if (open == std::string::npos && glob[i] == '[') {
      open = i;
      if (i + 1 < glob.size() && glob[i + 1] == '!') ++i;
      if (i + 1 < glob.size() && glob[i + 1] == ']') ++i;
    } else if (open != std::string::npos && glob[i] == ']') {
      open = std::string::npos;
    } else if (glob[i] == '/' && open != std::string::npos) {
      break;
    }
  }
  if (open != std::string::npos)
    wrong(open, "\"[\" is not closed", "write \\[ where the name has that character");
  const size_t any = glob.find("**");
  const bool alone = any == std::string::npos || ((any == 0 || glob[any - 1] == '/') &&
                                                  (any + 2 == glob.size() || glob[any + 2] == '/'));
  if (!alone) wrong(any, "\"**\" stands for whole folders", "write /**/ or *");
}

/// `$.state`, `$.jobs[0].id`
void check_path(Reading& reading, const Text& text) {
  const std::string& path = text.value;
  const auto wrong = [&](size_t at, const std::string& what) {
    problem_in(reading, text, at, "\"path\": " + what, "a path such as $.state or $.jobs[0].id");
  };
  if (!path.starts_with('$')) return wrong(0, "a path begins with \"$\"");
  size_t at = 1;
  while (at < path.size()) {
    const size_t begin = at;
    if (path[at] == '.') {
      at = std::min(path.find_first_of(".[", begin + 1), path.size());
      if (at == begin + 1) return wrong(begin, "a name is missing after \".\"");
      if (path.find(']', begin) < at) return wrong(path.find(']', begin), "\"]\" closes nothing");
    } else if (path[at] == '[') {
      at = path.find(']', begin);
      if (at == std::string::npos) return wrong(begin, "\"[\" is not closed");
      const auto index = path.substr(begin + 1, at - begin - 1);
      if (index.empty() || index.find_first_not_of("0123456789") != std::string::npos)
        return wrong(begin + 1, "expected a number from 0, found " + in_quotes(index));
      ++at;
    } else {
      return wrong(begin, "expected \".\" or \"[\", found " + in_quotes(path.substr(begin, 1)));
    }
  }
}

/// Exactly one thing to look at.
bool settle_kind(const Node& node, Reading& reading, Sensor& sensor) {
  std::vector<std::string> found, known;
  for (const auto kind : kKinds) {
    known.emplace_back(name_of(kind));
    if (!node.find(known.back())) continue;
    found.push_back(known.back());
    sensor.kind = kind;
  }
  if (found.size() == 1) return true;
  reading.problem(node,
                  found.empty() ? "a sensor needs one of " + listed(known, " or ")
                                : "a sensor looks at one thing, not at " + listed(found, " and "),
                  found.empty() ? "" : "make several of it: a schedule may name a list");
  return false;
}

void settle_sensor(const Node& node, Reading& reading, Sensor& sensor) {
  if (!settle_kind(node, reading, sensor)) return;
  for (const auto& [key, kinds] : kOfSensorKind) {
    if (!node.find(key) || std::find(kinds.begin(), kinds.end(), sensor.kind) != kinds.end())
      continue;
    std::vector<std::string> names;
    for (const auto kind : kinds) names.push_back("\"" + std::string(name_of(kind)) + "\"");
    reading.problem(*node.find(key), "\"" + std::string(key) + "\" belongs to a sensor with " +
                                         listed(names, " or "));
  }
  const bool takes_connection = sensor.kind == SensorKind::sql || sensor.kind == SensorKind::kafka;
  if (takes_connection && !node.find("on"))
    reading.problem(node, "key \"on\" is missing: which connection is looked at",
                    sensor.kind == SensorKind::sql ? "`table:` looks at a table of the lake" : "");
  if (sensor.kind == SensorKind::file && node.find("file") &&
      node.find("file")->kind == Node::Kind::scalar)
    check_glob(reading, sensor.subject);
  if (node.find("path") && node.find("path")->kind == Node::Kind::scalar)
    check_path(reading, sensor.path);
  if (sensor.kind == SensorKind::http) {
    sensor.subject = sensor.http.url;
    for (const char* key : {"retry", "timeout"}) {
      if (const Node* own = node.find("http")->find(key))
        reading.problem(*own, "\"" + std::string(key) + "\": a sensor is looked at again anyway",
                        "`timeout:` beside `http:` says how long one look may take");
    }
    if (sensor.equals && !node.find("path"))
      reading.problem(*node.find("equals"), "\"equals\" needs a \"path\"", "path: $.state");
  }
  if (sensor.kind == SensorKind::table && sensor.rows > 0 && sensor.of != Sensor::Of::version)
    reading.problem(*node.find("of"), "\"of\" and \"rows\" do not go together",
                    "`rows: 1000` sees each further thousand of rows");
  if (sensor.kind == SensorKind::kafka && node.find("lag") && !node.find("group"))
    reading.problem(*node.find("lag"), "\"lag\" is that of a \"group\"", "group: NAME");
  if (sensor.poll < 1s)
    reading.problem(*node.find("poll"), "\"poll\": less than a second",
                    "what changes on local disk is told, and is not waited for");
}

void add_subjects(Keys<Sensor>& keys) {
  const auto subject = [](Sensor& sensor, Text&& text, const Node& node, Reading& reading) {
    sensor.subject = std::move(text);
    sensor.subject.place = reading.content_place(node);
  };
  keys.bound(false, "file", placed_text_type(), "",
             "A pattern of files, on disk, S3 or HDFS: it sees those that are there.", subject)
      .bound(false, "table", placed_table_name_type(), "", "It sees a table of the lake.", subject)
      .bound(false, "sql", sql_type(), "",
             "A SELECT on a connection: it sees the first row. No row, NULL and false are nothing.",
             subject)
      .optional("http", &Sensor::http, http_type(), "",
                "A request: it sees that it is answered as expected, or what stands at `path`. 404 "
                "is nothing.")
      .bound(false, "kafka", placed_text_type(), "", "It sees the end of a topic.", subject)
      .bound(false, "project", placed_text_type(), "",
             "The folder of another project, relative to this one: it sees the end of a run.",
             subject);
}

void add_details(Keys<Sensor>& keys) {
  keys.optional("at_rest", &Sensor::at_rest, duration_type(true), "2s",
                "Of files: those that have not changed for so long are there.")
      .bound(false, "of", word_type({"version", "rows", "complete_to"}), "version",
             "Of a table: what is to be another.",
             [](Sensor& sensor, std::string&& word, const Node&, Reading&) {
               sensor.of = word == "rows"          ? Sensor::Of::rows
                           : word == "complete_to" ? Sensor::Of::complete_to
                                                   : Sensor::Of::version;
             })
      .optional("rows", &Sensor::rows, integer_type(1), "",
                "Of a table, instead: each further so many rows are something new.")
      .optional("on", &Sensor::connection, placed_text_type(), "",
                "Of SQL and Kafka: the connection.")
      .bound(false, "path", placed_text_type(), "",
             "Of an answer in JSON: where the value stands, such as `$.jobs[0].state`. Nothing "
             "there, null and false are nothing.",
             [](Sensor& sensor, Text&& path, const Node& node, Reading& reading) {
               sensor.path = std::move(path);
               sensor.path.place = reading.content_place(node);
             })
      .bound(false, "equals", text_type(), "", "Of SQL and HTTP: any other value is nothing.",
             [](Sensor& sensor, std::string&& value, const Node&, Reading&) {
               sensor.equals = std::move(value);
             })
      .optional("group", &Sensor::group, placed_text_type(), "",
                "Of Kafka: messages that this consumer group has read are nothing.")
      .optional("lag", &Sensor::lag, integer_type(1), "1", "Of Kafka: fewer messages are nothing.")
      .optional("schedule", &Sensor::schedule, placed_text_type(), "any run",
                "Of a project: whose runs.")
      .bound(false, "ends", word_type({"success", "all"}), "success",
             "Of a project: whether runs that failed count.",
             [](Sensor& sensor, std::string&& word, const Node&, Reading&) {
               sensor.any_end = word == "all";
             })
      .optional("environment", &Sensor::environment, text_type(), "the same",
                "Of a project: the environment of the runs.");
}

Keys<Sensor> sensor_keys(bool in_file) {
  Keys<Sensor> keys("sensor");
  if (in_file) {
    keys.bound(true, "sensor", label_type(), "", "The sensor's name.",
               [](Sensor& sensor, std::string&& name, const Node& node, Reading& reading) {
                 sensor.name = std::move(name);
                 sensor.place = reading.place(node);
               });
  }
  add_subjects(keys);
  add_details(keys);
  keys.optional("poll", &Sensor::poll, duration_type(), "30s",
                "It is looked at as often, at least: more often while things change, and at once "
                "where it is told of a change.")
      .optional("timeout", &Sensor::timeout, duration_type(), "10s", "One look takes no longer.")
      .optional("description", &Sensor::description, text_type(), "", "What it is for.");
  keys.then([in_file](const Node& node, Reading& reading, Sensor& sensor) {
    if (!in_file) {
      sensor.name = reading.key_text();
      sensor.place = reading.key_place();
    }
    settle_sensor(node, reading, sensor);
    sensor.broken = !reading.problems.empty();
  });
  return keys;
}

}  // namespace

Type<Sensor> sensor_type(bool in_file) { return apart(sensor_keys(in_file).type()); }

}  // namespace windrow::project
