#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "app/app.h"
#include "cli/command_line.h"

/// For tests of cli/: an App that gives what it was told to give.
namespace windrow::cli {

/// A folder that goes when the object does.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "windrow cli ü XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Told {
  std::vector<std::string> notices;
  std::optional<Error> failure;  ///< thrown by whatever is asked first
  app::PlanView plan;
  app::RunResult result{"0199f3a2-aaaa-7000-8000-000000000000", "done", {}, {}};
  std::vector<quality::UnitTestResult> tests;
  std::vector<app::AssetView> assets;
  std::vector<app::HealthLine> health;
  std::vector<app::RetainedTable> retained;
  app::ErasureReceipt receipt;
  std::vector<app::EraseOptions> erased;
  std::vector<tasks::PublicationPreview> previews;
  std::string lake_path;
  std::string secret;
  project::Project project;
  std::optional<history::Run> run;
  std::vector<history::Task> tasks;
  app::Options opened;          ///< what it was opened with
  app::PlanOptions plan_asked;  ///< what plan or run was asked for
  std::string accepted;
  app::IngestOptions ingest_asked;
  app::IngestResult ingested{"0199f3a2-aaaa-7000-8000-000000000000", {}, {}, {}};
};

/// One table, gold.top.
class FakeQuery final : public app::Query {
 public:
  explicit FakeQuery(duck::Database& database) : connection_(database) {
    connection_.execute(
        "CREATE SCHEMA IF NOT EXISTS gold; CREATE OR REPLACE VIEW gold.top AS "
        "SELECT * FROM (VALUES ('日本', 1.5, 1), (NULL, 'nan'::DOUBLE, 22), ('a,\"b', NULL, 333)) "
        "t(name, share, n)");
  }
  duck::Connection& connection() override { return connection_; }
  void prepare(const std::string&) override {}
  Problem explained(const duck::SqlError& error) override { return error.problem(); }
  std::vector<std::string> tables() override { return {"gold.top"}; }

 private:
  duck::Connection connection_;
};

class FakeApp final : public app::App {
 public:
  FakeApp(Told& told, const std::string& folder)
      : told_(told),
        files_(storage::local_file_system()),
        history_(folder + "/history.db"),
        database_(duck::Options{}) {
    environment_.name = "dev";
    for (const auto& task : told.tasks) graph_.assets.push_back({task.asset});
    for (size_t i = 0; i < graph_.assets.size(); ++i) graph_.by_name[graph_.assets[i].name] = i;
    if (!told.run) return;
    history_.begin(*told.run);
    for (const auto& task : told.tasks) history_.add(task);
    if (told.run->ended) history_.end(*told.run);
    history_.flush();
  }

  const project::Project& project() const override { return told_.project; }
  const project::Environment& environment() const override { return environment_; }
  const graph::Graph& graph() const override { return graph_; }
  lake::Lake& lake() override { throw Error(Code::internal, "the false app has no lake"); }
  storage::FileSystem& files() override { return *files_; }
  std::vector<std::string> check() override {
    if (told_.failure) throw *told_.failure;
    return told_.notices;
  }
  std::vector<tasks::PublicationPreview> preview_publications(const std::string& select) override {
    told_.plan_asked.select = select;
    return told_.previews;
  }
  std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names) override {
    publish::Manifest one;
    one.view = names.at(0);
    one.source_table = "gold.x";
    one.source_version = 3;
    return {one};
  }
  app::PlanView plan(const app::PlanOptions& options) override {
    told_.plan_asked = options;
    if (told_.failure) throw *told_.failure;
    return told_.plan;
  }
  app::RunResult run(const app::RunOptions& options, const app::RunEvents& events) override {
    told_.plan_asked = options.plan;
    events.started(told_.result.run, told_.result.tasks.size());
    for (const auto& task : told_.result.tasks) {
      events.task_started(task.asset);
      events.progress({task.asset, "writing", 0.5, 10});
      events.task_finished(task);
    }
    return told_.result;
  }
  app::IngestResult ingest(const app::IngestOptions& options,
                           const tasks::IngestSink& sink) override {
    told_.ingest_asked = options;
    if (told_.failure) throw *told_.failure;
    sink(told_.ingested.status);
    return told_.ingested;
  }
  std::vector<std::string> accept(const std::string& select) override {
    told_.accepted = select;
    return {"gold.a"};
  }
  std::vector<quality::UnitTestResult> unit_tests(const std::string&) override {
    return told_.tests;
  }
  std::unique_ptr<app::Query> query(const app::QueryOptions&) override {
    return std::make_unique<FakeQuery>(database_);
  }
  std::vector<app::FilesOf> files_read(duck::Connection&, const std::string&,
                                       const duck::Parameters&) override {
    return {{"gold.top", 1, 3}};
  }
  std::vector<app::AssetView> list(const std::string&) override { return told_.assets; }
  graph::Lineage lineage(const std::string& subject) override {
    return {subject, {"silver.a", "gold.b"}, {{"silver.a", "gold.b"}}, {}};
  }
  std::vector<app::AssetView> orphans() override { return told_.assets; }
  std::vector<app::HealthLine> health() override { return told_.health; }
  std::vector<app::LifecycleLine> lifecycle(bool) override { return {}; }
  std::vector<app::RetainedTable> retain(const std::string&, bool) override {
    return told_.retained;
  }
  app::ErasureReceipt erase(const app::EraseOptions& options) override {
    told_.erased.push_back(options);
    return told_.receipt;
  }
  std::string lake_path() const override { return told_.lake_path; }
  history::History& history() override { return history_; }

 private:
  Told& told_;
  std::unique_ptr<storage::FileSystem> files_;
  history::History history_;
  duck::Database database_;
  project::Environment environment_;
  graph::Graph graph_;
};

}  // namespace windrow::cli
