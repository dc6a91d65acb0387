#include <map>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/parquet_writer.h"
#include "duck/quoting.h"
#include "engine/duckdb/duckdb_engine.h"
#include "project/project.h"
#include "project/project_fixture.h"
#include "tasks/context.h"
#include "tasks/model_facts.h"

// Whatever is between a plan and a commit asks an engine for row work and for nothing else: here a
// model is built by one that is not DuckDB. It understands `SELECT * FROM table`, and a list of
// columns around that; rows are lists of cells. DuckDB only encodes its Parquet.
namespace windrow::tasks {
namespace {

using lake::Relation;

class ToyRows final : public lake::RowWork {
 public:
  ToyRows(const std::vector<engine::Input>& inputs, duck::Database& parquet)
      : connection_(parquet) {
    for (const auto& input : inputs) {
      tables_[input.name] = connection_.query(lake::duck_sql(input.rows));
      looks.push_back(input.name);
    }
  }

  std::vector<Column> describe(const Relation& select, const Parameters&) override {
    return rows_of(text_of(select)).columns;
  }
  Rows query(const Relation& select, const Parameters&) override {
    return rows_of(text_of(select));
  }
  std::string keep(const std::string& name, const Relation& select, const Parameters&) override {
    tables_[name] = rows_of(text_of(select));
    return name;
  }
  std::string keep(const std::string&, columns::BatchReader&) override { return not_here(); }
  void drop(const std::string& name) override { tables_.erase(name); }
  std::unique_ptr<columns::BatchReader> read(const Relation&, const Parameters&) override {
    not_here();
    return {};
  }
  std::vector<columns::WrittenFile> write(const Relation& select, const Parameters&,
                                          const columns::WriteOptions& options,
                                          const ProgressSink&) override {
    const auto found = rows_of(text_of(select));
    std::string list, rows;
    for (size_t c = 0; c < found.columns.size(); ++c)
      list += (c == 0 ? "" : ", ") + ("CAST(c" + std::to_string(c)) + " AS " +
              found.columns[c].type + ") AS " + duck::quote_name(found.columns[c].name);
    for (const auto& row : found.rows) {
      std::string cells;
      for (const auto& cell : row) {
        const bool null = std::holds_alternative<std::monostate>(cell);
        cells += (cells.empty() ? "" : ", ") +
                 (null ? std::string("NULL") : duck::quote_text(cell_text(cell)));
      }
      rows += (rows.empty() ? "(" : ", (") + cells + ")";
    }
    std::string names;
    for (size_t c = 0; c < found.columns.size(); ++c)
      names += (c == 0 ? "c" : ", c") + std::to_string(c);
    return duck::write_parquet(connection_,
                               "SELECT " + list + " FROM (VALUES " + rows + ") t(" + names + ")",
                               {}, options);
  }

  static inline std::vector<std::string> looks;  ///< inputs that were opened

 private:
  static std::string not_here() { throw Error(Code::internal, "the toy cannot do that"); }

  static std::string text_of(const Relation& select) {
    return select.sql([](const lake::Scan&) { return not_here(); });
  }

  Rows rows_of(const std::string& text) const {
    const std::string all = "SELECT * FROM ", inner = " FROM (";
    if (text.starts_with(all)) return tables_.at(text.substr(all.size()));
    const size_t from = text.find(inner);
    if (!text.starts_with("SELECT ") || from == text.npos) not_here();
    const auto rows =
        rows_of(text.substr(from + inner.size(), text.size() - from - inner.size() - 1));
    // Of each item the first name in quotes is the column, the last one what it is called.
    std::vector<std::string> names;
    for (size_t at = 7; (at = text.find('"', at)) < from; ++at) {
      const size_t end = text.find('"', at + 1);
      names.push_back(text.substr(at + 1, end - at - 1));
      at = end;
    }
    Rows out;
    for (size_t i = 0; i < names.size(); i += 2) {
      for (size_t c = 0; c < rows.columns.size(); ++c) {
        if (rows.columns[c].name != names[i]) continue;
        out.columns.push_back({names[i + 1], rows.columns[c].type});
        out.rows.resize(rows.rows.size());
        for (size_t r = 0; r < rows.rows.size(); ++r) out.rows[r].push_back(rows.rows[r][c]);
      }
    }
    return out;
  }

  duck::Connection connection_;
  std::map<std::string, Rows> tables_;
};

class ToyEngine final : public engine::Engine {
 public:
  explicit ToyEngine(duck::Database& parquet) : parquet_(parquet) {}
  std::unique_ptr<lake::RowWork> open(const std::vector<engine::Input>& inputs, Cancel&,
                                      const ProgressSink&, Meter*) override {
    return std::make_unique<ToyRows>(inputs, parquet_);
  }
  std::string dialect() const override { return "toy 1"; }

 private:
  duck::Database& parquet_;
};

class OtherEngine : public project::ProjectFixture {
 protected:
  OtherEngine() { lake::attach(database_, *files_); }

  /// Both assets in the order of a run, as a run of its own.
  std::pair<Report, Report> run() {
    const auto project = load_project();
    const auto graph = graph::build(project, database_);
    auto home = lake::Lake::open(*files_, base_ + "/lake", "p", "dev", true, clock_.now());
    Tables tables(&home, nullptr, database_);
    const Context context{project,   project.environments.at("dev"),
                          graph,     home,
                          *files_,   toy_,
                          *inside_,  tables,
                          database_, clock_,
                          {},        "a run"};
    std::pair<Report, Report> out;
    load_seed(context, project.seeds.front(), cancel_, {}, out.first);
    build_model(context, project.models.front(), cancel_, {}, out.second);
    return out;
  }
  lake::Table table() { return {*files_, base_ + "/lake/gold/copy"}; }

  std::unique_ptr<storage::FileSystem> files_ = storage::local_file_system();
  FakeClock clock_{*parse_time("2025-10-17T14:00:00Z")};
  duck::Database database_{duck::Options{}};
  ToyEngine toy_{database_};
  std::unique_ptr<engine::DuckEngine> inside_ =
      engine::duckdb_engine(duck::Options{.threads = 1}, *files_);
  Cancel cancel_;
};

TEST_F(OtherEngine, BuildsAModelFromPlanToCommit) {
  write("windrow.yaml", "project: p\nlayers: {gold: {}}\nenvironments:\n  dev: {lake: lake}\n");
  write("seeds/names.csv", "id,name\n1,ann\n2,\n");
  model("gold.copy", "SELECT * FROM seeds.names");
  auto [seed, built] = run();
  EXPECT_TRUE(seed.changed && built.changed);
  EXPECT_EQ(built.rows, 2);
  EXPECT_EQ(ToyRows::looks, std::vector<std::string>{"seeds.names"});

  duck::Connection connection(database_);
  const auto rows = [&] {
    std::string out;
    for (const auto& row :
         connection.query(lake::duck_sql(lake::scan(table().snapshot())) + " ORDER BY id").rows)
      out += cell_text(row[0]) + "|" + cell_text(row[1]) + " ";
    return out;
  };
  EXPECT_EQ(rows(), "1|ann 2|NULL ");
  EXPECT_EQ(table().provenance().last->dialect, "toy 1");
  EXPECT_EQ(table().snapshot().rows(), 2);  // it has statistics

  EXPECT_FALSE(run().second.changed);  // up to date
  write("seeds/names.csv", "id,name\n1,ann\n2,bob\n3,cyd\n");
  EXPECT_TRUE(run().second.changed);
  EXPECT_EQ(rows(), "1|ann 2|bob 3|cyd ");
}

}  // namespace
}  // namespace windrow::tasks
