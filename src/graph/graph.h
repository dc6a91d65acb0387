#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "duck/forward.h"
#include "project/forward.h"
#include "sql/sql.h"

/// The project's assets as a directed acyclic graph.
namespace windrow::graph {

enum class Kind { source, seed, model, publication, task };
std::string_view name_of(Kind kind);

/// What an asset comes after by the word of its file, or of another's.
struct Control {
  enum class Kind { after, anyhow, on_failure, otherwise };
  size_t asset = 0;
  Kind kind = Kind::after;
  bool operator==(const Control&) const = default;
};

struct Asset {
  std::string
      name;  ///< `bronze.raw_events`, `gold.trending`, `seeds.languages`, `publish.historical`
  Kind kind = Kind::model;
  std::string layer;  ///< empty where it has none
  std::string file;   ///< relative to the project
  std::vector<std::string> tags;
  std::vector<size_t> upstream;  ///< sorted; positions in Graph::assets: all that it comes after
  std::vector<size_t> downstream;
  std::set<size_t> checked_against;  ///< of upstream: those that only its checks read, so that its
                                     ///< rows do not come from there
  std::vector<Control> controls = {};  ///< of upstream; those are no rows either
};

struct Graph {
  std::vector<Asset>
      assets;  ///< in a topological order that is the same on every machine: by level, then name
  std::map<std::string, size_t> by_name;
  std::map<std::string, std::vector<size_t>, std::less<>>
      by_table;  ///< tables by their name without a layer
  std::map<std::string, sql::Parsed>
      selects;  ///< of models; of publications' views as `publish.name/table`; of what an asset
                ///< depends on as `name/when`, `name/for_each`, `name/until`; of tasks as
                ///< `name/sql`
  std::shared_ptr<const sql::Macros> macros;       ///< never null in a graph that was built
  std::map<std::string, std::string> expressions;  ///< of checks that call macros: as written → as
                                                   ///< they run

  const Asset* find(std::string_view name) const;
  /// The asset that a name in a model's SQL means: itself, or the one table of that name where no
  /// layer is given.
  const Asset* resolve(std::string_view table) const;
};

/// Parses every SELECT and ties the assets together. All problems at once, with places: syntax
/// errors, tables that nothing makes (with the nearest name), names that two assets make or that
/// are ambiguous without a layer, names that differ only by case, cycles (`gold.a → gold.b →
/// gold.a`, with the file and line of each read), reads that go from an inner layer to an outer one
/// are allowed. SELECTs that `cache` knows are not parsed; it is not saved here.
Graph build(const project::Project& project, duck::Database& database, sql::Cache* cache = nullptr);
/// The same, with what is wrong added to `problems`. Where there is a cycle the graph has SELECTs
/// and no assets; a SELECT that does not parse is not among them.
Graph build(const project::Project& project, duck::Database& database, sql::Cache* cache,
            Problems& problems);

/// Selectors: names, globs (`gold.*`), `+up`, `down+`, `2+name`, `tag:`, `layer:`, `path:`,
/// `state:`, `result:`; a blank means or, a comma means and. Error(usage) names what matches
/// nothing, with the nearest name.
struct StateLookup {
  std::function<bool(const std::string& asset, const std::string& state)>
      state;  ///< `stale`, `new`, …
  std::function<bool(const std::string& asset, const std::string& result)>
      result;  ///< `failed`, `skipped`, …
};
std::set<size_t> select(const Graph& graph, std::string_view selector, const StateLookup& lookup);

/// Table lineage around one asset, or of the whole graph where `asset` is empty; column lineage
/// through all models where `column` is given.
struct LineageEdge {
  std::string from, to;  ///< assets, or `asset.column`
  bool operator<(const LineageEdge& o) const { return std::tie(from, to) < std::tie(o.from, o.to); }
  bool operator==(const LineageEdge&) const = default;
};
struct Lineage {
  std::string subject;
  std::vector<std::string> nodes;  ///< in topological order
  std::vector<LineageEdge> edges;
  std::map<std::string, std::string> expressions;  ///< `asset.column` → the SQL it is computed by
};
Lineage table_lineage(const Graph& graph, const std::string& asset);
Lineage column_lineage(const Graph& graph, const std::string& asset, const std::string& column,
                       const sql::Catalog& catalog, duck::Connection& connection);
std::string as_text(const Lineage& lineage);
std::string as_json(const Lineage& lineage);
std::string as_mermaid(const Lineage& lineage);
std::string as_graphviz(const Lineage& lineage);

}  // namespace windrow::graph
