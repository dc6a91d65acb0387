#include "tasks/audit.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "lake/table_fixture.h"

namespace windrow::tasks {
namespace {

class NoEngine final : public engine::DuckEngine {
 public:
  std::unique_ptr<lake::DuckRows> open_inside(const std::vector<engine::Input>&, Cancel&,
                                              const ProgressSink&, Meter*) override {
    throw Error(Code::internal, "not in this test");
  }
  std::string dialect() const override { return "none"; }
};

/// `silver.a` holds 1; its `x` must be unique. What is staged adds 2.
class AuditTest : public lake::TableFixture {
 protected:
  AuditTest() {
    path_ = home_.table_path("silver.a");
    create("SELECT 1 AS x");
    checks_.resize(1);
    checks_[0].name = "unique";
    checks_[0].column = "x";
  }

  /// The row 2, staged and looked at once.
  struct Staging {
    explicit Staging(AuditTest& test)
        : test(test),
          at{test.engine_,
             *test.files_,
             test.path_,
             "silver.a",
             test.table().snapshot({}, &test.connection_),
             {},
             true,
             false,
             test.clock_.now(),
             {}},
          audit(test.context_, {test.asset_, test.columns_, test.checks_}, test.engine_,
                test.report_) {
      auto staged = lake::stage_append(at, "SELECT 2 AS x", {});
      audit.first(staged);
      paths = staged.written_paths;
      request = lake::request_of(std::move(staged), {});
      request.rebase = [this](const auto& since, auto& later) -> std::optional<std::string> {
        audit.again(since, later);
        return {};
      };
    }
    std::optional<int64_t> commit() {
      return tasks::commit(test.context_, test.asset_, request, paths);
    }
    AuditTest& test;
    const lake::StageContext at;
    Audit audit;
    std::vector<std::string> paths;
    lake::CommitRequest request;
  };

  const project::Project project_{};
  const project::Environment environment_{};
  const graph::Graph graph_{};
  NoEngine no_engine_;
  lake::Lake home_ = lake::Lake::open(*files_, folder_ + "/lake", "p", "dev", true, clock_.now());
  Tables tables_{&home_, nullptr, database_, nullptr};
  const Context context_{project_,  environment_, graph_,     home_,
                         *files_,   no_engine_,   no_engine_, tables_,
                         database_, clock_,       {},         "a run that is named"};
  const std::string asset_ = "silver.a";
  const std::vector<project::ColumnDeclaration> columns_{};
  std::vector<project::Check> checks_;
  Report report_;
};

TEST_F(AuditTest, ChecksRunAgainOverWhatOthersCommitted) {
  Staging staging(*this);
  append("SELECT 2 AS x");
  EXPECT_TRUE(report_.checks.at(0).passed);
  const auto problem = problem_of([&] { staging.commit(); });
  EXPECT_EQ(problem.code, Code::data);
  EXPECT_NE(problem.message.find("does not pass its checks"), std::string::npos);
  EXPECT_EQ(rows_at(), (lake::Strings{"1", "2"}));
  EXPECT_FALSE(files_->stat(staging.paths.at(0)));
  // The second look has taken the place of the first.
  ASSERT_EQ(report_.checks.size(), 1u);
  EXPECT_FALSE(report_.checks.at(0).passed);
}

TEST_F(AuditTest, WhatStillHoldsIsCommitted) {
  Staging staging(*this);
  append("SELECT 3 AS x");
  EXPECT_EQ(staging.commit(), 2);
  EXPECT_EQ(rows_at(), (lake::Strings{"1", "2", "3"}));
  ASSERT_EQ(report_.checks.size(), 1u);
  EXPECT_TRUE(report_.checks.at(0).passed);
}

}  // namespace
}  // namespace windrow::tasks
