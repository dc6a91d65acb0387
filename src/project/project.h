#pragma once

#include <any>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/secrets.h"
#include "base/time.h"

namespace windrow::columns {
struct OperatorUse;
}  // namespace windrow::columns

/// The user's files as typed values. Everything that a message may want to point at carries its
/// place.
namespace windrow::project {

using Duration = std::chrono::microseconds;

/// A text and where it stands.
struct Text {
  std::string value;
  Place place;
  std::string written;  ///< as it stands in the file, where `${…}` was filled in; empty otherwise
  /// For messages: never what came from outside.
  const std::string& shown() const { return written.empty() ? value : written; }
  bool empty() const { return value.empty(); }
  bool operator==(const std::string& o) const { return value == o; }
};

/// A YAML value that is handed on as it is: check arguments, test rows, connection settings.
struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<Text, Value>>;  ///< in the file's order
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> data;
  Place place;
  std::string written;  ///< as it was: of numbers and booleans (`1.10`), of texts with `${…}`

  bool is_null() const { return data.index() == 0; }
  const Value* find(std::string_view key) const;  ///< of a Map; nothing otherwise
  /// A scalar as text, as it was written; Error(configuration) for lists and maps.
  std::string text() const;
};

struct Variable {
  std::string type;  ///< int, double, text, bool, date, timestamp
  /// As text: what --var said, else the chosen environment, else the default; nothing where none of
  /// them does.
  std::optional<std::string> value;
  Place place;
};

struct Connection {
  std::string name, type;  ///< `type`: a kind's name
  Value settings;          ///< the other keys of the mapping
  Place place;

  /// A setting; empty where it is not said.
  std::string text(std::string_view key) const;
  /// A setting that is a path, which begins at `root` where it is relative; empty where it is not
  /// said.
  std::string file(std::string_view key, const std::string& root) const;
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
  std::optional<Duration> retention;
  std::optional<Duration> infrequent, archive, remove;  ///< lifecycle of its files on S3
  Place place;
};

struct Retries {
  int times = 0;
  Duration delay = std::chrono::seconds(10);
  double factor = 2;
  Duration max = std::chrono::minutes(5);
};

/// What any asset may say.
struct Common {
  std::string description, owner, pool;
  std::vector<std::string> tags;
  std::optional<Retries> retries;
  std::optional<Duration> timeout;
  int priority = 0;
};

/// A check on a column or a table: `name` or `{name: arguments}`; `severity` and `name` may be
/// among the arguments.
struct Check {
  std::string name;    ///< not_null, unique, accepted_values, range, regex, expression, rows,
                       ///< freshness, relationship
  std::string column;  ///< empty: of the table
  Value arguments;
  bool blocks = true;  ///< severity: block (default) or warn
  Place place;
  std::string label;  ///< `name:` among the arguments: what reports call it; empty: none
};

struct ColumnDeclaration {
  std::string name;
  std::string type;  ///< empty: whatever the data has; else part of the schema contract
  std::string description;
  std::string value;         ///< sources only: SQL expression over the record
  std::string on_bad_value;  ///< streams only: as of the source; empty: what that says
  Place value_place;
  std::vector<Check> checks;
  Place place;
};

/// Tables whose rows an asset's checks look at beside its own, each once, with the place of the
/// first that names it.
std::vector<Text> related_tables(const std::vector<ColumnDeclaration>& columns,
                                 const std::vector<Check>& checks);

enum class BuildKind { table, interval, append, merge, scd2, view };
std::string_view name_of(BuildKind kind);

struct Build {
  BuildKind kind = BuildKind::table;
  // interval
  std::string column, grain;     ///< column of the result; `hour`, `day`, `15m`, …
  int batch = 1;                 ///< at most so many intervals in one SELECT
  std::optional<Duration> wait;  ///< an interval is due only so long after its end
  // merge, scd2
  std::vector<std::string> key;
  std::string latest_by;
  Place place;
};

struct Reads {
  std::optional<Duration> before, after;  ///< reads so far beyond its interval
  bool lookup = false;                    ///< its changes touch no interval
};

struct Model {
  std::string name;  ///< `silver.movies`: folder and file name
  Common common;
  Build build;
  std::vector<ColumnDeclaration> columns;
  bool contract =
      false;  ///< `contract: true`: the result has exactly the declared columns and types
  std::vector<Check> checks;
  std::string new_rows;  ///< the input bound to its new rows, or empty
  std::map<std::string, Reads> reads;
  std::vector<std::string> partition_by;
  std::string retention_column;  ///< empty: the interval column, or what partitions say
  std::string renamed_from;
  /// What the SELECT's rows go through; nothing: nothing.
  std::shared_ptr<const columns::OperatorUse> through;
  std::string sql;   ///< the SELECT alone
  Place sql_begin;   ///< where it begins
  std::string file;  ///< relative to the project
  Place place;
};

struct Source {
  std::string name;
  Common common;
  std::string kind;    ///< the first key of `from`
  Value from;          ///< the mapping under `from`, as it stands there
  std::any own;        ///< kinds.h: the same as its kind of source alone reads it
  std::string format;  ///< json, csv, …
  std::string raw;     ///< column that keeps each record's text as it came; empty: none
  std::vector<ColumnDeclaration> columns;
  std::vector<Check> checks;
  std::string on_new_column = "add";    ///< add, ignore, reject, stop
  std::string on_bad_value = "reject";  ///< streams: reject, null, stop
  std::string explode;                  ///< streams: path of a list; empty: none
  /// Partition column → SQL expression over the table's columns (empty: the column itself).
  std::vector<std::pair<std::string, std::string>> partition_by;
  std::string retention_column;  ///< empty: what partitions say
  Value flush, files;
  std::string file;
  Place place;
};

struct Seed {
  std::string name;  ///< file stem under seeds/; table `seeds.<name>`
  std::string path;  ///< absolute
  std::string file;
};

struct PublishedView {
  Text from;  ///< a table; or empty where `sql` is given
  std::string sql;
  Place sql_begin;
  std::string table;
  std::string mode = "replace";  ///< replace, append, upsert, replace_interval
  std::vector<std::vector<std::string>> indexes, unique;
  std::vector<std::string> key;                ///< of upsert, and of documents
  std::string interval;                        ///< column of replace_interval; empty: the model's
  std::map<std::string, std::string> columns;  ///< column → its type in the store
  std::optional<int> keep;                     ///< former batches that the store keeps
  std::any own;                                ///< kinds.h: what its kind of store alone reads
  Place place;
};

struct Publication {
  std::string name;  ///< asset name is `publish.<name>`
  Common common;
  Text to;  ///< connection
  std::vector<PublishedView> views;
  std::string file;
  Place place;
};

/// `tasks/*.yaml` and sensors: read and checked, run by a later version.
struct Task {
  std::string name;
  bool sensor = false;
  Common common;
  Value body;
  std::vector<Text> after;
  std::string file;
  Place place;
};

struct UnitTest {
  std::string name;  ///< file stem, with a number where a file holds several
  Text model;
  std::optional<Time> at;              ///< frozen `$run_time`
  std::optional<Time> start, end;      ///< `$start`, `$end`; default: the interval that holds `at`
  std::map<std::string, Value> given;  ///< table → list of rows
  std::map<std::string, Text> vars;
  Value expect;          ///< list of rows; only the columns they name are compared
  bool ordered = false;  ///< the order of the rows counts
  std::string file;
  Place place;
};

struct Project {
  std::string name;
  std::string root;  ///< absolute folder
  std::string zone = "UTC";
  std::optional<Time> begin;
  std::map<std::string, Variable> vars;
  std::map<std::string, Connection> connections;
  std::map<std::string, Environment> environments;
  /// Files outside of the lake that the project's SQL may read, each as it is written there.
  std::vector<std::string> external_files;
  std::vector<Layer> layers;         ///< in the file's order
  std::map<std::string, int> pools;  ///< tasks at a time; a pool that is not listed has one slot
  Value schedules, alerts;           ///< read and checked, used by a later version
  std::vector<Source> sources;       ///< ordered by name, as are models and publications
  std::vector<Model> models;
  std::vector<Seed> seeds;
  std::vector<Publication> publications;
  std::vector<Task> tasks;
  std::vector<UnitTest> tests;
  std::vector<Problem>
      notices;  ///< worth telling, nothing wrong: e.g. schedules that this version does not run

  /// Sources and models whose files have problems: not all that they say is here.
  std::set<std::string> doubtful;
  /// False where the problems of a file leave open which tables, variables or connections there
  /// are: who names one that is not here is not at fault.
  bool complete = true;

  const Model* model(std::string_view name) const;
  const Source* source(std::string_view name) const;
  const Layer* layer(std::string_view name) const;
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

/// JSON Schema (2020-12) of a kind of file: project, source, model (the header), publish, task,
/// test. Made from the declarations that parse it.
std::vector<std::string> schema_kinds();
std::string json_schema(std::string_view kind, const Kinds& kinds);
/// Every key of a kind of file as a dotted path with its type, default and one sentence: for
/// docs/project.md and its test.
struct DocumentedKey {
  std::string path, type, default_value, sentence;
};
std::vector<DocumentedKey> documented_keys(std::string_view kind, const Kinds& kinds);

}  // namespace windrow::project
