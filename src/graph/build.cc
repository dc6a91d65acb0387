#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

#include "base/nearest.h"
#include "base/text.h"
#include "duck/duck.h"
#include "graph/cycles.h"
#include "graph/graph.h"
#include "project/project.h"
#include "project/task_rules.h"
#include "sql/macros.h"
#include "sql/selects.h"

namespace windrow::graph {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::source: return "source";
    case Kind::seed: return "seed";
    case Kind::model: return "model";
    case Kind::publication: return "publication";
    case Kind::task: return "task";
  }
  return "";
}

const Asset* Graph::find(std::string_view name) const {
  auto found = by_name.find(std::string(name));
  return found == by_name.end() ? nullptr : &assets[found->second];
}

namespace {

bool is_table(Kind kind) {
  return kind == Kind::source || kind == Kind::seed || kind == Kind::model;
}

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

/// A SELECT that waits to be parsed.
struct Text {
  std::string key;  ///< in Graph::selects
  std::string sql;
  Place begin;
  size_t owner;
  std::set<std::string> parameters;  ///< that it may name
  std::string parameter_hint;
  bool look = false;  ///< its rows are none of the owner's
};

class Builder {
 public:
  Builder(const project::Project& project, duck::Database& database, sql::Cache* cache)
      : project_(project), database_(database), cache_(cache), sandbox_{project.external_files} {}

  Graph build(Problems& problems) {
    add_assets();
    index_bare_names();
    read_macros();
    parse_all();
    expand_checks();
    tie();
    std::vector<std::string> names;
    for (const auto& asset : assets_) names.push_back(asset.name);
    const auto order = topological_order(names, reads_, problems_);
    for (const auto& problem : problems_.all()) problems.add(problem);
    if (order.size() != assets_.size()) return std::move(graph_);
    return in_order(order);
  }

 private:
  size_t add(Asset asset, const Place& place) {
    const auto [found, fresh] = by_lower_.try_emplace(lower(asset.name), assets_.size());
    if (!fresh) {
      const auto& other = assets_[found->second];
      problems_.add(Code::configuration,
                    other.name == asset.name
                        ? "\"" + asset.name + "\" is made twice: here and in " + other.file
                        : "\"" + asset.name + "\" and \"" + other.name + "\" (" + other.file +
                              ") differ only by case",
                    "give one of them another name", place);
    }
    assets_.push_back(std::move(asset));
    reads_.emplace_back();
    controls_.emplace_back();
    return assets_.size() - 1;
  }

  static std::string layer_of(const std::string& name) {
    const auto dot = name.find('.');
    return dot == std::string::npos ? "" : name.substr(0, dot);
  }

  void add_assets() {
    for (const auto& source : project_.sources) {
      add({source.name,
           Kind::source,
           layer_of(source.name),
           source.file,
           source.common.tags,
           {},
           {}},
          source.place);
      add_checks(assets_.size() - 1, source.columns, source.checks);
    }
    for (const auto& seed : project_.seeds) {
      add({seed.name, Kind::seed, "seeds", seed.file, seed.common.tags, {}, {}}, {seed.file, 1, 1});
      add_checks(assets_.size() - 1, seed.columns, seed.checks);
    }
    for (const auto& model : project_.models) {
      if (!model.name.empty()) add_model(model);
    }
    for (const auto& publication : project_.publications) add_publication(publication);
    for (const auto& task : project_.tasks) {
      const size_t at = add(
          {"task." + task.name, Kind::task, "", task.file, task.common.tags, {}, {}}, task.place);
      add_task(at, task);
    }
    add_looks();
  }

  void come_after(size_t owner, const std::vector<project::Text>& names, Control::Kind kind) {
    for (const auto& name : names)
      named_reads_.push_back({owner, name.value, name.place, false, kind});
  }

  void add_task(size_t at, const project::Task& task) {
    come_after(at, task.anyhow, Control::Kind::anyhow);
    come_after(at, task.on_failure, Control::Kind::on_failure);
    come_after(at, task.otherwise, Control::Kind::otherwise);
    std::set<std::string> given;
    for (const auto& filled : project::filled_texts(task)) {
      for (const auto& reference : project::run_references(filled.text)) {
        if (reference.path.size() < 3 || reference.path[0] != "task") continue;
        const std::string name = "task." + reference.path[1];
        // Whom there is not the rules of the project tell.
        if (project_.task(name) && given.insert(name).second)
          named_reads_.push_back({at, name, filled.place, false, Control::Kind::after});
      }
    }
    const std::string name = assets_[at].name;
    if (task.kind == project::TaskKind::sql && task.sql.on.empty() && !task.sql.statements.empty())
      add_look(at, name + "/sql", task.sql.statements[0]);
    if (task.for_each && task.for_each->look.on.empty())
      add_look(at, name + "/for_each", task.for_each->look.sql);
    if (task.repeat_until && task.repeat_until->look.on.empty())
      add_look(at, name + "/until", task.repeat_until->look.sql);
  }

  /// What any asset may depend on.
  void add_looks() {
    const auto look = [&](const std::string& name, const project::Common& common) {
      const auto found = by_lower_.find(lower(name));
      if (found == by_lower_.end() || assets_[found->second].name != name) return;
      come_after(found->second, common.after, Control::Kind::after);
      if (common.when && common.when->on.empty())
        add_look(found->second, name + "/when", common.when->sql);
    };
    for (const auto& source : project_.sources) look(source.name, source.common);
    for (const auto& seed : project_.seeds) look("seeds." + last_part(seed.name), seed.common);
    for (const auto& model : project_.models) look(model.name, model.common);
    for (const auto& each : project_.publications) look("publish." + each.name, each.common);
    for (const auto& task : project_.tasks) look("task." + task.name, task.common);
  }

  /// A SELECT over the lake; the run fills in what stands in `${…}`.
  void add_look(size_t owner, const std::string& key, const project::Text& sql) {
    auto allowed = variable_names();
    allowed.insert("run_time");
    for (const auto& reference : project::run_references(sql.value))
      allowed.insert(project::run_parameter(reference.at));
    texts_.push_back({key, project::with_run_parameters(sql.value), sql.place, owner, allowed,
                      "declare it under vars: in windrow.yaml", true});
  }

  void add_model(const project::Model& model) {
    const size_t at =
        add({model.name, Kind::model, layer_of(model.name), model.file, model.common.tags, {}, {}},
            model.place);
    add_checks(at, model.columns, model.checks);
    std::set<std::string> allowed = variable_names();
    std::string hint = "declare it under vars: in windrow.yaml";
    allowed.insert("run_time");
    if (model.build.kind == project::BuildKind::interval) {
      allowed.insert({"start", "end"});
    } else {
      hint += "; $start and $end belong to build: interval";
    }
    if (model.build.kind == project::BuildKind::view) {
      allowed = variable_names();
      hint = "a view is read by others at any time: it may use variables only";
    }
    texts_.push_back({model.name, model.sql, model.sql_begin, at, allowed, hint});
  }

  void add_checks(size_t owner, const std::vector<project::ColumnDeclaration>& columns,
                  const std::vector<project::Check>& checks) {
    for (const auto& to : project::related_tables(columns, checks))
      named_reads_.push_back({owner, to.value, to.place, true});
    checks_.insert(checks_.end(), checks.begin(), checks.end());
    for (const auto& column : columns)
      checks_.insert(checks_.end(), column.checks.begin(), column.checks.end());
  }

  void add_publication(const project::Publication& publication) {
    const std::string name = "publish." + publication.name;
    const size_t at =
        add({name, Kind::publication, "", publication.file, publication.common.tags, {}, {}},
            publication.place);
    for (const auto& view : publication.views) {
      if (!view.sql.empty()) {
        texts_.push_back({name + "/" + view.table, view.sql, view.sql_begin, at, variable_names(),
                          "declare it under vars: in windrow.yaml"});
      } else if (!view.from.empty()) {
        named_reads_.push_back({at, view.from.value, view.from.place});
      }
    }
  }

  std::set<std::string> variable_names() const {
    std::set<std::string> out;
    for (const auto& [name, variable] : project_.vars) out.insert(name);
    return out;
  }

  void index_bare_names() {
    for (size_t i = 0; i < assets_.size(); ++i) {
      if (is_table(assets_[i].kind)) bare_[last_part(assets_[i].name)].push_back(i);
    }
  }

  void read_macros() {
    graph_.macros = std::make_shared<sql::Macros>();
    if (project_.macros.empty()) return;
    duck::Connection connection(database_);
    graph_.macros = std::make_shared<sql::Macros>(connection, project_.macros, sandbox_, problems_);
  }

  /// What calls a macro that is wrong, or calls one wrongly, is told of here alone: `true` stands
  /// for it elsewhere.
  void expand_checks() {
    if (graph_.macros->empty()) return;
    duck::Connection connection(database_);
    for (const auto& check : checks_) {
      if (check.name != "expression") continue;
      const auto text = check.arguments.text();
      if (graph_.macros->named_by(text).empty()) continue;
      auto& runs = graph_.expressions.emplace(text, "true").first->second;
      if (graph_.macros->broken(text)) continue;
      try {
        runs = graph_.macros->expanded_expression(connection, text, check.place);
      } catch (const Error& error) {
        problems_.add(error);
      }
    }
  }

  void parse_all() {
    std::vector<std::optional<sql::Parsed>> parsed(texts_.size());
    std::vector<std::vector<Problem>> found(texts_.size());
    std::vector<size_t> unknown;
    for (size_t i = 0; i < texts_.size(); ++i) {
      if (graph_.macros->broken(texts_[i].sql)) continue;
      if (cache_) {
        parsed[i] = sql::known_select(texts_[i].sql, texts_[i].begin, *cache_, sandbox_,
                                      graph_.macros.get());
      }
      if (!parsed[i]) unknown.push_back(i);
    }
    constexpr size_t kAtOnce = 256;
    std::atomic<size_t> next{0};
    const auto work = [&] {
      duck::Connection connection(database_);
      for (size_t n; (n = next.fetch_add(kAtOnce)) < unknown.size();) {
        const size_t count = std::min(kAtOnce, unknown.size() - n);
        std::vector<sql::Written> texts;
        for (size_t k = 0; k < count; ++k)
          texts.push_back({texts_[unknown[n + k]].sql, texts_[unknown[n + k]].begin});
        auto selects = sql::parse_selects(connection, texts, cache_, sandbox_, graph_.macros.get());
        for (size_t k = 0; k < count; ++k) {
          if (auto* select = std::get_if<sql::Parsed>(&selects[k])) {
            parsed[unknown[n + k]] = std::move(*select);
          } else {
            found[unknown[n + k]] = std::get<std::vector<Problem>>(std::move(selects[k]));
          }
        }
      }
    };
    if (unknown.size() > 64) {
      std::thread second(work);
      work();
      second.join();
    } else if (!unknown.empty()) {
      work();
    }
    for (size_t i = 0; i < texts_.size(); ++i) {
      for (auto& problem : found[i]) problems_.add(std::move(problem));
      if (parsed[i]) {
        check_parameters(texts_[i], *parsed[i]);
        graph_.selects.emplace(texts_[i].key, std::move(*parsed[i]));
      }
    }
  }

  void check_parameters(const Text& text, const sql::Parsed& parsed) {
    for (const auto& use : parsed.parameters) {
      if (text.parameters.count(use.name) || !project_.complete ||
          project_.doubtful.count(text.key))
        continue;
      const std::vector<std::string> known(text.parameters.begin(), text.parameters.end());
      auto hint = did_you_mean(use.name, known);
      problems_.add(Code::configuration, "parameter \"$" + use.name + "\" is not declared",
                    hint.empty() ? text.parameter_hint : hint, use.place);
    }
    const auto* model = project_.model(text.key);
    if (!model || model->build.kind != project::BuildKind::interval) return;
    for (const char* name : {"start", "end"}) {
      if (!parsed.parameter_names().count(name)) {
        problems_.add(Code::configuration,
                      "model \"" + text.key +
                          "\" is built by intervals, but its SELECT does not use $" + name,
                      "compare an input's time with both: column >= $start AND column < $end",
                      text.begin);
      }
    }
  }

  void tie() {
    for (const auto& text : texts_) {
      auto parsed = graph_.selects.find(text.key);
      if (parsed == graph_.selects.end()) continue;
      for (const auto& use : parsed->second.tables)
        named_reads_.push_back({text.owner, use.name, use.place, text.look, {}, text.look});
    }
    for (const auto& read : named_reads_) {
      const auto from = resolve(read);
      // A check that compares a table with itself looks at its new rows; a condition may look at
      // what there is.
      if (!from || (read.check && *from == read.owner)) continue;
      if (read.control) {
        tie_control(read, *from);
        continue;
      }
      if (read.check && !read.look && is_view(assets_[*from].name)) {
        problems_.add(Code::configuration,
                      "a check of \"" + assets_[read.owner].name + "\" looks at \"" + read.name +
                          "\", which is a view",
                      "name a table that is built: its version is what the check is held to",
                      read.place);
        continue;
      }
      reads_[read.owner].push_back({*from, read.place,
                                    read.look    ? "looked at"
                                    : read.check ? "a check"
                                                 : nullptr});
    }
  }

  bool is_view(const std::string& name) const {
    const auto* model = project_.model(name);
    return model && model->build.kind == project::BuildKind::view;
  }

  struct NamedRead {
    size_t owner;
    std::string name;
    Place place;
    bool check = false;
    std::optional<Control::Kind> control = {};
    bool look = false;
  };

  void tie_control(const NamedRead& read, size_t named) {
    const auto& owner = assets_[read.owner];
    if (*read.control != Control::Kind::otherwise) {
      if (const auto* before = project_.task(assets_[named].name); before && before->after_all) {
        problems_.add(
            Code::configuration,
            reader(owner) + " comes after \"" + read.name + "\", which comes after the whole run",
            "nothing does; put it before, or give it finally: run as well", read.place);
        return;
      }
      come_after(read.owner, named, read);
      return;
    }
    if (assets_[named].kind != Kind::task) {
      problems_.add(Code::configuration,
                    "\"otherwise\" names \"" + read.name + "\", which is no task",
                    "tasks alone are done otherwise", read.place);
      return;
    }
    come_after(named, read.owner, read);
  }
  void come_after(size_t owner, size_t from, const NamedRead& read) {
    reads_[owner].push_back({from, read.place, "comes after"});
    controls_[owner].push_back({from, *read.control});
  }

  std::optional<size_t> resolve(const NamedRead& read) {
    const auto& owner = assets_[read.owner];
    auto found = by_lower_.find(lower(read.name));
    if (found != by_lower_.end()) {
      const auto& asset = assets_[found->second];
      if (asset.name == read.name) return found->second;
      problems_.add(
          Code::configuration,
          reader(owner) + " reads \"" + read.name + "\", but its name is \"" + asset.name + "\"",
          "write it as it is: names are the same on every engine only with the same letters' case",
          read.place);
      return {};
    }
    if (read.name.find('.') == std::string::npos) {
      auto bare = bare_.find(read.name);
      if (bare != bare_.end() && bare->second.size() == 1) return bare->second[0];
      if (bare != bare_.end()) {
        std::string candidates;
        for (const size_t i : bare->second)
          candidates += (candidates.empty() ? "" : ", ") + assets_[i].name;
        problems_.add(Code::configuration,
                      reader(owner) + " reads \"" + read.name + "\", which is ambiguous",
                      "say which: " + candidates, read.place);
        return {};
      }
    }
    if (!project_.complete) return {};
    std::vector<std::string> known;
    for (const auto& asset : assets_) known.push_back(asset.name);
    auto hint = did_you_mean(read.name, known);
    const char* what = read.control ? " comes after \""
                       : read.look  ? " looks at table \""
                       : read.check ? " has a check that looks at table \""
                                    : " reads table \"";
    problems_.add(
        Code::configuration,
        reader(owner) + what + read.name +
            (read.control ? "\", which there is not" : "\", which no source, seed or model makes"),
        read.control ? hint
        : hint.empty()
            ? "add models/" + read.name + ".sql with a layer's folder, or a source of that name"
            : hint,
        read.place);
    return {};
  }

  static std::string reader(const Asset& asset) {
    return std::string(name_of(asset.kind)) + " \"" + asset.name + "\"";
  }

  Graph in_order(const std::vector<size_t>& order) {
    std::vector<size_t> position(order.size());
    for (size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
    for (const size_t old : order) {
      Asset asset = std::move(assets_[old]);
      std::set<size_t> upstream, rows;
      for (const auto& read : reads_[old]) {
        upstream.insert(position[read.from]);
        if (!read.how) rows.insert(position[read.from]);
      }
      for (const auto& control : controls_[old])
        asset.controls.push_back({position[control.asset], control.kind});
      asset.upstream.assign(upstream.begin(), upstream.end());
      std::set_difference(upstream.begin(), upstream.end(), rows.begin(), rows.end(),
                          std::inserter(asset.checked_against, asset.checked_against.end()));
      graph_.by_name[asset.name] = graph_.assets.size();
      if (is_table(asset.kind))
        graph_.by_table[last_part(asset.name)].push_back(graph_.assets.size());
      graph_.assets.push_back(std::move(asset));
    }
    for (size_t i = 0; i < graph_.assets.size(); ++i) {
      for (const size_t up : graph_.assets[i].upstream) graph_.assets[up].downstream.push_back(i);
    }
    return std::move(graph_);
  }

  const project::Project& project_;
  duck::Database& database_;
  sql::Cache* cache_;
  const duck::Sandbox sandbox_;
  Problems problems_;
  std::vector<Asset> assets_;
  std::vector<std::vector<Read>> reads_;
  std::vector<std::vector<Control>> controls_;  ///< by the assets' places here
  std::map<std::string, size_t> by_lower_;
  std::map<std::string, std::vector<size_t>> bare_;
  std::vector<Text> texts_;
  std::vector<project::Check> checks_;
  std::vector<NamedRead> named_reads_;
  Graph graph_;
};

}  // namespace

const Asset* Graph::resolve(std::string_view table) const {
  if (const Asset* asset = find(table)) return asset;
  const auto found = by_table.find(table);
  if (found == by_table.end() || found->second.size() != 1) return nullptr;
  return &assets[found->second.front()];
}

Graph build(const project::Project& project, duck::Database& database, sql::Cache* cache) {
  Problems problems;
  auto graph = build(project, database, cache, problems);
  problems.raise();
  return graph;
}

Graph build(const project::Project& project, duck::Database& database, sql::Cache* cache,
            Problems& problems) {
  return Builder(project, database, cache).build(problems);
}

}  // namespace windrow::graph
