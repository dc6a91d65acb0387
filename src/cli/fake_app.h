#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "app/app.h"
#include "base/clock.h"
#include "base/rows.h"
#include "cli/command_line.h"
#include "duck/duck.h"

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
  app::WhyTable why;
  app::WhyOptions why_asked;
  app::IngestOptions ingest_asked;
  observe::StreamStatus ingested;
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
  Problem explained(const SqlError& error) override { return error.problem(); }
  std::vector<std::string> tables() override { return {"gold.top"}; }

 private:
  duck::Connection connection_;
};

class FakeApp final : public app::App {
 public:
  FakeApp(Told& told, const std::string& folder)
      : told_(told),
        clock_(system_clock()),
        runs_(*clock_),
        history_(std::make_shared<history::History>(folder + "/history.db")),
        database_(duck::Options{}) {
    auto workspace = std::make_shared<app::Workspace>();
    workspace->project = told.project;
    workspace->environment.name = "dev";
    workspace->environment.lake = told.lake_path;
    auto& graph = workspace->graph;
    for (const auto& task : told.tasks) graph.assets.push_back({task.asset});
    for (size_t i = 0; i < graph.assets.size(); ++i) graph.by_name[graph.assets[i].name] = i;
    workspace_ = std::move(workspace);
    if (!told.run) return;
    history_->begin(*told.run);
    for (const auto& task : told.tasks) history_->add(task);
    if (told.run->ended) history_->end(*told.run);
    history_->flush();
  }

  std::shared_ptr<const app::Workspace> workspace() const override { return workspace_; }
  void reload() override {}
  void reload(std::shared_ptr<const app::ProjectVersion>) override {}
  std::vector<app::TableNow> look_at(const std::vector<std::string>&) override { return {}; }
  sensors::Sight sense(const std::string&, Cancel&) override { return {}; }
  observe::Events::Subscription listen(observe::Listener) override { return {}; }
  app::Runs& runs() override { return runs_; }
  std::vector<std::string> check() override {
    if (told_.failure) throw *told_.failure;
    return told_.notices;
  }
  std::vector<tasks::PublicationPreview> preview_publications(const std::string& select,
                                                              Cancel&) override {
    told_.plan_asked.select = select;
    return told_.previews;
  }
  app::TriedSource try_source(const app::TryOptions&, Cancel&) override { return {}; }
  std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names,
                                           Cancel&) override {
    publish::Manifest one;
    one.view = names.at(0);
    one.source_table = "gold.x";
    one.source_version = 3;
    return {one};
  }
  app::PlanView plan(const app::PlanOptions& options, Cancel&) override {
    told_.plan_asked = options;
    if (told_.failure) throw *told_.failure;
    return told_.plan;
  }
  std::shared_ptr<app::Run> start(const app::RunOptions& options,
                                  observe::Listener listener) override {
    told_.plan_asked = options.plan;
    const auto& result = told_.result;
    return runs_.start(result.run, [result, listener = std::move(listener)](Cancel&) {
      const auto tell = [&](auto what) { listener({result.run, {}, std::move(what)}); };
      observe::RunStarted begun;
      begun.tasks = int64_t(result.tasks.size());
      tell(begun);
      for (const auto& task : result.tasks) {
        tell(observe::TaskStarted{task.asset, 1});
        tell(Progress{task.asset, "writing", 0.5, 10});
        tell(task);
      }
      return result;
    });
  }
  std::shared_ptr<app::Run> ingest(const app::IngestOptions& options,
                                   observe::Listener listener) override {
    told_.ingest_asked = options;
    return runs_.start("x", [this, listener = std::move(listener)](Cancel&) {
      if (told_.failure) throw *told_.failure;
      listener({"x", {}, observe::StreamMoved{"bronze.x", told_.ingested}});
      app::RunResult out;
      out.status = "done";
      out.stream = told_.ingested;
      return out;
    });
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
                                       const Parameters&) override {
    return {{"gold.top", 1, 3}};
  }
  app::WhyTable why(const app::WhyOptions& options, Cancel&) override {
    told_.why_asked = options;
    return told_.why;
  }
  std::vector<app::AssetView> list(const std::string&) override { return told_.assets; }
  graph::Lineage lineage(const std::string& subject) override {
    return {subject, {"silver.a", "gold.b"}, {{"silver.a", "gold.b"}}, {}};
  }
  std::vector<app::AssetView> orphans() override { return told_.assets; }
  std::vector<app::HealthLine> health(Cancel&) override { return told_.health; }
  std::vector<app::LifecycleLine> lifecycle(bool) override { return {}; }
  std::vector<app::EnvironmentView> environments(Cancel&) override { return {}; }
  app::DroppedEnvironment drop_environment(bool, bool, Cancel&) override { return {}; }
  std::vector<app::RetainedTable> retain(const std::string&, bool, Cancel&) override {
    return told_.retained;
  }
  app::ErasureReceipt erase(const app::EraseOptions& options, Cancel&) override {
    told_.erased.push_back(options);
    return told_.receipt;
  }
  std::shared_ptr<history::History> history() override { return history_; }

 private:
  Told& told_;
  std::unique_ptr<Clock> clock_;
  app::Runs runs_;
  std::shared_ptr<history::History> history_;
  duck::Database database_;
  std::shared_ptr<const app::Workspace> workspace_;
};

}  // namespace windrow::cli
