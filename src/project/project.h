#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secrets.h"
#include "base/time.h"
#include "project/connection.h"
#include "project/model.h"
#include "project/publication.h"
#include "project/schedules.h"
#include "project/sensor.h"
#include "project/source.h"
#include "project/task.h"
#include "project/unit_test.h"
#include "project/values.h"
#include "sql/macro_text.h"

/// The user's files as typed values.
namespace windrow::project {

struct Variable {
  std::string type;  ///< int, double, text, bool, date, timestamp
  /// As text: what --var said, else the chosen environment, else the default; nothing where none of
  /// them does.
  std::optional<std::string> value;
  Place place;
};

struct EngineSettings {
  std::string type = "duckdb";
  uint64_t memory_bytes = 0;  ///< 0: three quarters of the machine's
  int threads = 0;            ///< 0: all cores
  std::string spill;          ///< folder; empty: `.windrow/spill` of the project
  Place place;
};

struct Environment {
  std::string name;
  std::string lake;  ///< absolute path or URI; as written where a variable is not set and the
                     ///< environment is not the chosen one
  EngineSettings engine;
  bool publish = true;
  std::map<std::string, Text> vars;  ///< variable values of this environment
  Place place;
};

struct Layer {
  std::string name;
  bool append_only = false;
  bool deletion_vectors = true;  ///< of tables whose model does not say
  std::optional<Duration> retention;
  std::optional<Duration> infrequent, archive, remove;  ///< lifecycle of its files on S3
  Place place;
};

struct Seed {
  std::string name;  ///< table `seeds.<file stem>`
  std::string path;  ///< absolute
  std::string file;
  Common common;
  std::vector<ColumnDeclaration> columns;
  std::vector<Check> checks;
  std::string declared_in;  ///< `seeds/NAME.yaml`; empty: the CSV file alone says what it is
  Place place;              ///< of the declaration
};

struct PoolSize {
  int slots = 1;
  uint64_t memory = 0;  ///< bytes; 0: nobody counts them
};

struct Project {
  std::string name;
  std::string root;  ///< absolute folder
  std::string zone = "UTC";
  std::optional<Time> begin, end;  ///< of intervals
  std::map<std::string, Variable> vars;
  std::map<std::string, Connection> connections;
  std::map<std::string, Environment> environments;
  /// Files outside of the lake that the project's SQL may read, each as it is written there.
  std::vector<std::string> external_files;
  std::vector<Layer> layers;                  ///< in the file's order
  std::map<std::string, PoolSize> pools;      ///< one that is not listed has one slot
  int weight = 1;                             ///< of its tasks among those of a server's projects
  Value alerts;                               ///< read and checked, used by a later version
  std::vector<schedule::Schedule> schedules;  ///< ordered by name; those that nothing is wrong with
  /// Of the other schedules, of calendars and sensors. They keep nothing else from running: `check`
  /// raises them, who serves the project tells them.
  std::vector<Problem> schedule_problems;
  std::vector<DeclaredCalendar> calendars;  ///< as written, as are those
  std::vector<DeclaredSchedule> declared_schedules;
  std::vector<Sensor> declared_sensors;
  std::vector<Sensor> sensors;  ///< ordered by name; those that nothing is wrong with
  std::vector<Source> sources;  ///< ordered by name, as are models and publications
  std::vector<Model> models;
  std::vector<Seed> seeds;
  std::vector<Publication> publications;
  std::vector<Task> tasks;
  std::vector<sql::MacroText> macros;  ///< in the order of their files
  std::vector<UnitTest> tests;
  std::vector<Problem>
      notices;  ///< worth telling, nothing wrong: e.g. alerts that this version does not send

  /// Sources, seeds and models whose files have problems: not all that they say is here.
  std::set<std::string> doubtful;
  /// False where the problems of a file leave open which tables, variables or connections there
  /// are: who names one that is not here is not at fault.
  bool complete = true;

  const Model* model(std::string_view name) const;
  const Source* source(std::string_view name) const;
  const Seed* seed(std::string_view name) const;
  const Task* task(std::string_view asset) const;  ///< `task.load`
  const Sensor* sensor(std::string_view name) const;
  const Layer* layer(std::string_view name) const;
  /// Of a model's intervals: its own, or the project's.
  std::optional<Time> begin_of(const Model& model) const;
  std::optional<Time> end_of(const Model& model) const;
  /// `.windrow/` of the project: history, logs, spill, caches. Nothing in it is needed to know what
  /// is done.
  std::string state_folder() const { return root + "/.windrow"; }
};

struct LoadOptions {
  std::string folder;  ///< where windrow.yaml lies, or any folder below it
  std::map<std::string, std::string> variables;              ///< --var NAME=VALUE
  std::map<std::string, std::string> environment_variables;  ///< of the process
  std::string environment = "dev";  ///< --env; variables that only others use need not be set
  std::string defer;                ///< --defer: an environment that is read too; empty: none
};

struct Kinds;  // kinds.h

/// Reads a whole project, whose connections, stores and sources are of `kinds`. `secrets` learns
/// what is declared or named a secret, wherever it comes from, also where it is written in the file
/// itself (docs/security.md). Throws one Error with all problems of all files.
Project load(const LoadOptions& options, const Kinds& kinds, Secrets& secrets);
/// The same, with what is wrong added to `problems` and everything else read, so that the rest can
/// be looked at too.
Project load(const LoadOptions& options, const Kinds& kinds, Secrets& secrets, Problems& problems);

/// The folder with windrow.yaml at or above `from`; Error(configuration) with a hint on `windrow
/// init` otherwise.
std::string find_root(const std::string& from);

/// JSON Schema (2020-12) of a kind of file: project, source, model (the header), seed, publish,
/// task, test, schedule, sensor. Made from the declarations that parse it.
std::vector<std::string> schema_kinds();
std::string json_schema(std::string_view kind, const Kinds& kinds);
/// Every key of a kind of file as a dotted path with its type, default and one sentence: for
/// docs/project.md and its test.
struct DocumentedKey {
  std::string path, type, default_value, sentence;
};
std::vector<DocumentedKey> documented_keys(std::string_view kind, const Kinds& kinds);

}  // namespace windrow::project
