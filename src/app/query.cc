#include "app/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/work.h"
#include "base/nearest.h"
#include "base/text.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "duck/reach.h"
#include "lake/guided_scan.h"
#include "lake/point_in_time.h"
#include "sql/macros.h"
#include "tasks/model_facts.h"

namespace windrow::app {
namespace {

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

/// `layer.table`, which a folder of the lake could be called.
bool is_plain(const std::string& name) {
  return std::count(name.begin(), name.end(), '.') == 1 && name.find('/') == std::string::npos &&
         name.front() != '.' && name.back() != '.';
}

/// DuckDB's own tables and functions that tell of all tables there are.
bool tells_of_tables(const std::string& name) {
  for (const char* begin : {"information_schema.", "pg_catalog.", "system.", "duckdb_", "sqlite_",
                            "pg_", "pragma_", "query", "json_execute", "show"}) {
    if (name.starts_with(begin)) return true;
  }
  return false;
}

class LakeQuery final : public Query {
 public:
  LakeQuery(std::shared_ptr<const Workspace> workspace, std::shared_ptr<Services> services,
            QueryOptions options)
      : workspace_(std::move(workspace)),
        services_(std::move(services)),
        project_(workspace_->project),
        graph_(workspace_->graph),
        lake_(services_->lake_if_there()),
        options_(std::move(options)),
        database_(options_.apart ? services_->new_database() : services_->database()),
        connection_(*database_) {
    for (const auto& [name, version] : options_.version_of) {
      if (in_lake(name)) continue;
      throw Error(Code::usage, fmt::format("there is no table \"{}\" in the lake", name),
                  did_you_mean(name, tables_of_lake()));
    }
  }

  duck::Connection& connection() override { return connection_; }

  void prepare(const std::string& statement) override {
    missing_.clear();
    for (const auto& reach : duck::reach_of(statement)) {
      if (reach.statement != "SELECT") {
        if (!options_.allow_writes) {
          throw Error(
              Code::usage, fmt::format("a query reads: {} is not run", reach.statement),
              "write a SELECT (also SHOW TABLES, DESCRIBE, EXPLAIN), or say --allow-writes");
        }
        open_all();
        continue;
      }
      open_named(reach);
    }
    define_macros(statement);
  }

  Problem explained(const SqlError& error) override {
    Problem out = error.problem();
    if (error.kind() != "Catalog" || missing_.empty() ||
        out.message.find("does not exist") == std::string::npos)
      return out;
    const auto* named = &missing_.front();
    for (const auto& table : missing_) {
      if (error.position() && table.position == error.position()) named = &table;
    }
    const std::string& name = named->name;
    out.message = fmt::format("there is no table \"{}\"", name);
    out.hint = hint_for(name, out.message);
    return out;
  }

  std::vector<std::string> tables() override {
    auto out = tables_of_lake();
    for (const auto& model : project_.models) {
      if (model.build.kind == project::BuildKind::view) out.push_back(model.name);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  bool in_lake(const std::string& name) const {
    return lake_ && is_plain(name) && lake_->table(lies_at(name)).exists();
  }
  /// Under its former name, until a run takes it over.
  std::string lies_at(const std::string& name) const {
    const auto* model = project_.model(name);
    const bool formerly =
        model && !model->renamed_from.empty() && lake_->may_take_over(model->renamed_from, name);
    return formerly ? model->renamed_from : name;
  }
  std::vector<std::string> tables_of_lake() const {
    return lake_ ? lake_->tables() : std::vector<std::string>{};
  }
  const project::Model* view_model(const std::string& name) const {
    const auto* model = project_.model(name);
    return model && model->build.kind == project::BuildKind::view ? model : nullptr;
  }

  void open_all() {
    for (const auto& name : tables()) open(name);
  }

  void open_named(const duck::Reach& reach) {
    auto named = reach.tables;
    for (const auto& listing : reach.listings) {
      if (listing.qualified) continue;
      if (listing.name.find('.') == std::string::npos) return open_all();  // SHOW TABLES and such
      named.push_back(listing);
    }
    for (const auto& function : reach.table_functions) {
      if (tells_of_tables(lower(function.name))) return open_all();
    }
    for (const auto& table : named) {
      if (tells_of_tables(lower(table.name))) return open_all();
    }
    for (auto table : named) {
      if (!open(table.name)) missing_.push_back(std::move(table));
    }
  }

  /// Those that the statement names, once each. One whose tables are not there yet is left out:
  /// `explained` tells of these.
  void define_macros(const std::string& statement) {
    std::map<std::string, std::string> values;
    for (const auto& [name, parameter] : tasks::variables_of(project_))
      values[name] = tasks::literal_of(parameter);
    for (const auto& macro : graph_.macros->definitions(statement, values)) {
      if (defined_.count(macro.name)) continue;
      bool there = true;
      for (const auto& table : macro.tables) {
        if (open(table)) continue;
        missing_.push_back({table, {}, true, {}});
        there = false;
      }
      if (!there) continue;
      try {
        connection_.execute(macro.sql);
      } catch (const SqlError& error) {
        throw Error(Code::usage,
                    fmt::format("macro \"{}\" cannot be used here: {}", macro.name,
                                error.problem().message),
                    error.problem().hint);
      }
      defined_.insert(macro.name);
    }
  }

  /// True where there is such a table; letters' case does not count, as in DuckDB.
  bool open(const std::string& written) {
    std::string name =
        lower(written).starts_with("memory.") ? written.substr(written.find('.') + 1) : written;
    if (opened_.count(lower(name))) return true;
    if (!is_plain(name)) return false;
    if (!in_lake(name) && !view_model(name)) {
      const auto all = tables();
      const auto same = std::find_if(all.begin(), all.end(),
                                     [&](const auto& each) { return lower(each) == lower(name); });
      if (same == all.end()) return false;
      name = *same;
    }
    opened_.insert(lower(name));
    if (const auto* view = view_model(name)) return open_view(*view);
    const auto table = lake_->table(lies_at(name));
    std::optional<int64_t> version;
    if (auto found = options_.version_of.find(name); found != options_.version_of.end()) {
      version = found->second;
    } else if (options_.at) {
      try {
        version = lake::version_at(table, *options_.at, name);
      } catch (const Error& error) {
        if (error.code() != Code::not_found) throw;
        opened_.erase(lower(name));
        not_yet_.insert_or_assign(lower(name), error.problem());
        return false;
      }
    }
    create(name, lake::duck_sql(lake::guided_scan(table.snapshot(version, &connection_))));
    return true;
  }

  bool open_view(const project::Model& model) {
    for (const auto& input : graph_.selects.at(model.name).table_names()) {
      const auto* asset = graph_.resolve(input);
      if (asset && !open(asset->name)) missing_.push_back({asset->name, {}, true, {}});
    }
    try {
      create(model.name, graph_.selects.at(model.name).text);
    } catch (const SqlError&) {
      opened_.erase(lower(model.name));
      return false;  // what it reads is not built yet
    }
    return true;
  }

  void create(const std::string& name, const std::string& select) {
    const auto dot = name.find('.');
    const auto schema = duck::quote_name(name.substr(0, dot));
    connection_.execute("CREATE SCHEMA IF NOT EXISTS " + schema + "; CREATE OR REPLACE VIEW " +
                        schema + "." + duck::quote_name(name.substr(dot + 1)) + " AS " + select);
  }

  /// What the table, or one that a view reads, did not exist for.
  const Problem* too_early(const std::string& name) const {
    if (const auto found = not_yet_.find(lower(name)); found != not_yet_.end())
      return &found->second;
    if (!view_model(name)) return nullptr;
    for (const auto& table : missing_) {
      if (const auto found = not_yet_.find(lower(table.name)); found != not_yet_.end())
        return &found->second;
    }
    return nullptr;
  }

  /// Why there is no such table, in the order of what helps most. May say more in `message`.
  std::string hint_for(const std::string& name, std::string& message) {
    if (const auto* early = too_early(name)) {
      message = early->message;
      return early->hint;
    }
    const auto* asset = graph_.find(name);
    if (asset && asset->kind != graph::Kind::publication && asset->kind != graph::Kind::task) {
      message = fmt::format("nothing has been loaded into \"{}\" yet", name);
      return "windrow run --select +" + name;
    }
    std::vector<std::string> known = tables();
    for (const auto& each : graph_.assets) {
      if (each.kind == graph::Kind::source || each.kind == graph::Kind::seed ||
          each.kind == graph::Kind::model)
        known.push_back(each.name);
    }
    std::set<std::string> namesakes;
    for (const auto& each : known) {
      if (lower(last_part(each)) == lower(last_part(name))) namesakes.insert("\"" + each + "\"");
    }
    if (!namesakes.empty()) return fmt::format("did you mean {}?", fmt::join(namesakes, " or "));
    if (auto near = did_you_mean(name, known); !near.empty()) return near;
    if (tables_of_lake().empty())
      return "nothing has been loaded into the lake yet: `windrow run` does";
    return "`windrow ls --tables` names those that there are";
  }

  const std::shared_ptr<const Workspace> workspace_;
  const std::shared_ptr<Services> services_;
  const project::Project& project_;
  const graph::Graph& graph_;
  lake::Lake* const lake_;
  const QueryOptions options_;
  const std::shared_ptr<duck::Database> database_;
  duck::Connection connection_;
  std::set<std::string> opened_;            ///< in lower case
  std::set<std::string> defined_;           ///< macros
  std::vector<duck::Reached> missing_;      ///< of the last statement
  std::map<std::string, Problem> not_yet_;  ///< did not exist at the time asked for; in lower case
};

}  // namespace

std::unique_ptr<Query> open_query(std::shared_ptr<const Workspace> workspace,
                                  std::shared_ptr<Services> services, const QueryOptions& options) {
  return std::make_unique<LakeQuery>(std::move(workspace), std::move(services), options);
}

}  // namespace windrow::app
