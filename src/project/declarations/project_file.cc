#include <algorithm>

#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/names.h"
#include "project/project.h"

namespace windrow::project {
namespace {

Type<Variable> variable_type() {
  Keys<Variable> keys("variable");
  keys.required("type", &Variable::type,
                word_type({"int", "double", "text", "bool", "date", "timestamp"}),
                "The variable's type.")
      .bound(false, "default", text_type(), "none: it must be given",
             "Its value where no other is given.",
             [](Variable& variable, std::string&& value, const Node& node, Reading& reading) {
               if (!variable.type.empty() && !fits_variable(variable.type, value, reading.zone)) {
                 reading.expected(node, "a value of type " + variable.type);
               }
               variable.value = std::move(value);
             })
      .then([](const Node&, Reading& reading, Variable& variable) {
        variable.place = reading.key_place();
      });
  return keys.type();
}

Type<EngineSettings> engine_type() {
  Keys<EngineSettings> keys("engine");
  keys.optional("type", &EngineSettings::type, word_type({"duckdb", "spark"}), "duckdb",
                "What runs the SELECTs; this version has DuckDB.")
      .optional("memory", &EngineSettings::memory_bytes, size_type(),
                "three quarters of the machine's",
                "The most memory it takes; what does not fit is spilled.")
      .optional("threads", &EngineSettings::threads, integer_type(1), "all cores",
                "How many threads it uses.")
      .optional("spill", &EngineSettings::spill, text_type(), "`.windrow/spill`",
                "The folder it spills to.")
      .bound(false, "connect", text_type(), "", "Of spark: the address. Not used by this version.",
             [](EngineSettings&, std::string&&, const Node&, Reading&) {})
      .then([](const Node& node, Reading& reading, EngineSettings& engine) {
        engine.place = reading.place(node);
        if (engine.type == "spark" && !reading.lenient) {
          reading.notice(node, "engine \"spark\" is not part of this version of windrow");
        }
      });
  return keys.type();
}

Type<Environment> environment_type() {
  Keys<Environment> keys("environment");
  keys.bound(false, "lake", text_type(), "lake",
             "The lake: a folder, relative to the project, or a URI.",
             [](Environment& environment, std::string&& lake, const Node& node, Reading& reading) {
               if (lake.empty()) reading.expected(node, "a folder or a URI");
               environment.lake = std::move(lake);
             })
      .optional("engine", &Environment::engine, engine_type(), "duckdb", "What runs the SELECTs.")
      .optional("publish", &Environment::publish, boolean_type(), "true",
                "Whether runs publish to serving stores.")
      .optional("vars", &Environment::vars, map_type(placed_text_type(), "variable", is_identifier),
                "", "Values of variables in this environment.")
      .then([](const Node&, Reading& reading, Environment& environment) {
        environment.name = reading.key_text();
        environment.place = reading.key_place();
        if (environment.lake.empty()) environment.lake = "lake";
      });
  Type<Environment> out = keys.type();
  // What only another environment needs may be missing here.
  out.read = [read = out.read](const Node& node, Reading& reading, Environment& environment) {
    const bool before = reading.lenient;
    reading.lenient = !reading.environments.contains(reading.key_text());
    const bool good = read(node, reading, environment);
    reading.lenient = before;
    return good;
  };
  return out;
}

/// Whole days, one after the other, and nothing is deleted that retention keeps.
void check_ages(const Layer& layer, Reading& reading) {
  constexpr auto kDay = std::chrono::hours(24);
  const auto wrong = [&](const std::string& what, const std::string& hint) {
    reading.problems.add(
        Problem{Code::configuration, "layer \"" + layer.name + "\": " + what, hint, layer.place});
  };
  for (const auto* age : {&layer.infrequent, &layer.archive, &layer.remove}) {
    if (*age && **age % kDay != Duration::zero())
      wrong("ages of files are whole days", "write 30d");
  }
  if (layer.infrequent && *layer.infrequent < 30 * kDay)
    wrong("infrequent is less than 30d", "S3 takes no less");
  const auto later = [](const auto& a, const auto& b) { return !a || !b || *a < *b; };
  if (!later(layer.infrequent, layer.archive) || !later(layer.archive, layer.remove) ||
      !later(layer.infrequent, layer.remove))
    wrong("infrequent, archive and delete must follow each other", {});
  if (layer.remove && (!layer.retention || *layer.remove < *layer.retention)) {
    wrong("delete would take files whose rows the retention keeps",
          "give a retention that is not longer than it");
  }
}

Type<Layer> layer_type() {
  Keys<Layer> keys("layer");
  keys.optional("append_only", &Layer::append_only, boolean_type(), "false",
                "Its tables take appends, retention and erasure, nothing else.")
      .optional("deletion_vectors", &Layer::deletion_vectors, boolean_type(), "true",
                "Its tables may get deletion vectors; `false` where something reads them that "
                "knows none.")
      .optional("retention", &Layer::retention, duration_type(), "for ever",
                "How long rows are kept.")
      .optional("infrequent", &Layer::infrequent, duration_type(), "never",
                "On S3: age from which files are stored for infrequent access.")
      .optional("archive", &Layer::archive, duration_type(), "never",
                "On S3: age from which files are archived; they are still read at once.")
      .optional("delete", &Layer::remove, duration_type(), "never",
                "On S3: age at which files go, of tables that the retention applies to; not before "
                "the retention.")
      .then([](const Node&, Reading& reading, Layer& layer) {
        layer.name = reading.key_text();
        layer.place = reading.key_place();
        check_ages(layer, reading);
      });
  return keys.type();
}

struct Alert {
  std::vector<std::string> on;
  std::string to, url;
};

Type<Alert> alert_type() {
  return Keys<Alert>("alert")
      .required(
          "on", &Alert::on,
          one_or_list_type(word_type({"failure", "deadline", "success", "freshness", "anomaly"})),
          "What it is sent for.")
      .required("to", &Alert::to, text_type(), "The kind of receiver, such as `slack`.")
      .optional("url", &Alert::url, text_type(), "", "Where it is sent to.")
      .open()
      .type();
}

/// A number of slots, or a mapping.
Type<PoolSize> pool_size_type() {
  const auto full = Keys<PoolSize>("pool")
                        .optional("slots", &PoolSize::slots, integer_type(1), "1", "So many slots.")
                        .optional("memory", &PoolSize::memory, size_type(), "not counted",
                                  "So much memory, of what its assets say that they take.")
                        .type();
  return single_or_mapping_type("number, or pool", "a number of slots or a mapping",
                                integer_type(1), full,
                                [](PoolSize& size, int slots) { size.slots = slots; });
}

/// A path that means the same wherever windrow is started from.
Type<std::vector<std::string>> external_files_type() {
  return mapped_type<std::vector<std::string>, std::vector<std::string>>(
      list_type(text_type()), [](const Node& node, Reading& reading,
                                 std::vector<std::string>&& paths, std::vector<std::string>& out) {
        for (const auto& path : paths) {
          if (path.starts_with("/") || path.find("://") != std::string::npos) continue;
          reading.problem(node, "\"external_files\": " + in_quotes(path) + " is no whole path",
                          "write it as it stands in the SQL, from / or from s3://");
          return false;
        }
        reading.sandbox.external_files = paths;
        out = std::move(paths);
        return true;
      });
}

/// The values, which know their names.
template <class M>
Type<std::vector<M>> values_type(Type<std::vector<std::pair<Text, M>>> type) {
  return mapped_type<std::vector<std::pair<Text, M>>, std::vector<M>>(
      type, [](const Node&, Reading&, auto&& pairs, std::vector<M>& out) {
        for (auto& [name, value] : pairs) out.push_back(std::move(value));
        return true;
      });
}

template <class M>
auto later(Value Project::*member, const char* what) {
  return [member, what](Project& project, M&& value, const Node& node, Reading& reading) {
    project.*member = std::move(value);
    reading.notice(
        *reading.key(),
        std::string(what) + " are read and checked, but not used by this version of windrow");
    (void)node;
  };
}

}  // namespace

Keys<Project> project_file(const Kinds& kinds) {
  Keys<Project> keys("project");
  keys.required("project", &Project::name, label_type(), "The project's name.")
      .bound(false, "timezone", zone_type(), "UTC",
             "The zone of days, of dates without an offset and of schedules.",
             [](Project& project, std::string&& zone, const Node&, Reading& reading) {
               reading.zone = zone;
               project.zone = std::move(zone);
             })
      .optional("begin", &Project::begin, time_type(), "",
                "Intervals exist from here on; interval models need it.")
      .optional("end", &Project::end, time_type(), "none",
                "Intervals exist up to here: the last one holds the moment before.")
      .optional("vars", &Project::vars, map_type(variable_type(), "variable", is_identifier), "",
                "Variables that SELECTs read as `$name`.")
      .optional("connections", &Project::connections,
                map_type(connection_type(kinds), "connection", is_label), "",
                "Stores and streams outside of the lake.")
      .optional("environments", &Project::environments,
                map_type(environment_type(), "environment", is_label),
                "`dev`, with the lake in `lake`",
                "Where runs read and write: `--env`, `dev` where none is given.")
      .optional(
          "external_files", &Project::external_files, external_files_type(), "",
          "Files that SELECTs, checks and `value:` expressions may read, each written here as "
          "it is there: a whole path or a URI.")
      .bound(false, "layers", keyed_type(layer_type(), "layer", is_identifier), "any",
             "The layers that tables may lie in, and their rules.",
             [](Project& project, auto&& layers, const Node&, Reading&) {
               for (auto& [name, layer] : layers) project.layers.push_back(std::move(layer));
             })
      .optional("pools", &Project::pools, map_type(pool_size_type(), "pool", is_label),
                "one slot each",
                "How many assets of a pool are worked on at a time, and with how much memory.")
      .optional(
          "weight", &Project::weight, integer_type(1), "1",
          "Of a server's slots, while several projects want them, one of weight 2 has twice as "
          "many as one of weight 1.")
      .optional("calendars", &Project::calendars,
                apart(values_type(keyed_type(calendar_type(), "calendar", is_label))), "",
                "Business days, holidays and hours, for schedules.")
      .optional("schedules", &Project::declared_schedules,
                apart(values_type(keyed_type(schedule_type(false), "schedule", is_label))), "",
                "When runs begin by themselves; also a file each in `schedules/`.")
      .optional("sensors", &Project::declared_sensors,
                apart(values_type(keyed_type(sensor_type(false), "sensor", is_label))), "",
                "What schedules wait for; also a file each in `sensors/`.")
      .bound(false, "alerts", kept_type(list_type(alert_type())), "",
             "Who is told of what. Not used by this version.",
             later<Value>(&Project::alerts, "alerts"));
  return keys;
}

}  // namespace windrow::project
