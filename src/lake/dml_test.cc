#include "lake/dml.h"

#include <memory>
#include <set>

#include "base/clock.h"
#include "lake/alter.h"
#include "lake/change_data.h"
#include "lake/log.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

using When = MergeClause::When;
using Then = MergeClause::Then;

class DmlTest : public TableFixture {
 protected:
  DmlTest() { attach(database_, *files_); }

  StageContext context() {
    return {engine_, *files_, path_, "t",          table().snapshot({}, &connection_),
            {},      true,    false, clock_.now(), {}};
  }
  Staged commit_staged(Staged staged) {
    const Staged copy = staged;
    commit(request_of(std::move(staged), {}));
    return copy;
  }
  std::string metric(const Staged& staged, const std::string& name) {
    const auto found = staged.metrics.find(name);
    return found == staged.metrics.end() ? "" : found->second;
  }
  Staged merge(const std::string& select, const std::vector<MergeClause>& clauses) {
    const auto with = context();
    return commit_staged(stage_merge_clauses(with, select, {}, "t.id = s.id", clauses));
  }
};

TEST_F(DmlTest, DeletesRowsAndWholeFiles) {
  create("SELECT i AS id FROM range(10) r(i)");
  append("SELECT i AS id FROM range(10, 20) r(i)");
  auto with = std::make_unique<StageContext>(context());
  const auto staged = commit_staged(stage_delete(*with, "id % 10 = 3 OR id >= 10"));
  EXPECT_EQ(metric(staged, "numDeletedRows"), "11");
  EXPECT_EQ(rows_at().size(), 9u);
  with = std::make_unique<StageContext>(context());
  EXPECT_EQ(problem_of([&] { stage_delete(*with, "nope > 1"); }).code, Code::usage);
  commit_staged(stage_delete(*with, ""));
  EXPECT_EQ(rows_at(), Strings{});
  EXPECT_EQ(table().snapshot().files.size(), 0u);
}

TEST_F(DmlTest, UpdatesRows) {
  create("SELECT i AS id, i * 10 AS v FROM range(4) r(i)");
  auto with = std::make_unique<StageContext>(context());
  const auto staged =
      commit_staged(stage_update(*with, {{"v", "v + id"}, {"id", "id"}}, "id >= 2"));
  EXPECT_EQ(metric(staged, "numUpdatedRows"), "2");
  EXPECT_EQ(rows_at(), (Strings{"0|0", "1|10", "2|22", "3|33"}));
  with = std::make_unique<StageContext>(context());
  EXPECT_EQ(problem_of([&] { stage_update(*with, {{"zz", "1"}}, ""); }).code, Code::usage);
  EXPECT_EQ(problem_of([&] {
              stage_update(*with, {{"v", "1"}, {"v", "2"}}, "");
            }).code,
            Code::usage);
}

TEST_F(DmlTest, ReplacesWhere) {
  create("SELECT i AS id, 'old' AS v FROM range(6) r(i)");
  auto with = std::make_unique<StageContext>(context());
  const auto problem =
      problem_of([&] { stage_replace_where(*with, "SELECT 1 AS id, 'x' AS v", {}, "id >= 3"); });
  EXPECT_EQ(problem.code, Code::data);
  EXPECT_NE(problem.message.find("(1, x)"), std::string::npos) << problem.message;
  commit_staged(stage_replace_where(*with, "SELECT 9 AS id, 'new' AS v", {}, "id >= 3"));
  EXPECT_EQ(rows_at(), (Strings{"0|old", "1|old", "2|old", "9|new"}));
}

TEST_F(DmlTest, MergesByClauses) {
  create("SELECT i AS id, 'old' AS v FROM range(5) r(i)");
  const auto staged = merge(
      "SELECT * FROM (VALUES (1, 'b', 'U'), (2, 'c', 'D'), (3, 'd', 'K'), (7, 'h', 'U'), (8, 'i', "
      "'D'))"
      " x(id, v, op)",
      {{When::matched, Then::remove, "s.op = 'D'", {}},
       {When::matched, Then::update, "s.op = 'U'", {{"v", "s.v || t.v"}}},
       {When::not_matched, Then::insert, "s.op <> 'D'", {}},
       {When::not_matched_by_source, Then::update, "t.id = 0", {{"v", "'alone'"}}},
       {When::not_matched_by_source, Then::remove, "t.id = 4", {}}});
  EXPECT_EQ(rows_at(), (Strings{"0|alone", "1|bold", "3|old", "7|h"}));
  EXPECT_EQ(metric(staged, "numTargetRowsInserted"), "1");
  EXPECT_EQ(metric(staged, "numTargetRowsUpdated"), "2");
  EXPECT_EQ(metric(staged, "numTargetRowsDeleted"), "2");
  EXPECT_EQ(metric(staged, "numTargetRowsCopied"), "1");
}

TEST_F(DmlTest, AnAmbiguousMergeIsRefused) {
  create("SELECT 1 AS id, 'old' AS v");
  const auto problem = problem_of([&] {
    merge("SELECT * FROM (VALUES (1, 'a'), (1, 'b')) x(id, v)",
          {{When::matched, Then::update, "", {}}});
  });
  EXPECT_EQ(problem.code, Code::data);
  merge("SELECT * FROM (VALUES (1, 'a'), (1, 'b')) x(id, v)",
        {{When::matched, Then::update, "s.v = 'b'", {}}});
  EXPECT_EQ(rows_at(), Strings{"1|b"});
}

TEST_F(DmlTest, ConstraintsHoldForEveryWay) {
  auto request = creation("SELECT 1 AS id, 5 AS v");
  request.metadata->configuration["delta.constraints.small"] = "`v` < 10";
  commit(std::move(request));
  auto with = std::make_unique<StageContext>(context());
  const auto problem = problem_of([&] { stage_append(*with, "SELECT 2 AS id, 50 AS v", {}); });
  EXPECT_EQ(problem.code, Code::data);
  EXPECT_NE(problem.message.find("constraint \"small\" (`v` < 10)"), std::string::npos)
      << problem.message;
  EXPECT_EQ(problem_of([&] { stage_update(*with, {{"v", "v * 3"}}, ""); }).code, Code::data);
  EXPECT_EQ(problem_of([&] { stage_append(*with, "SELECT 2 AS id, NULL::INTEGER AS v", {}); }).code,
            Code::data);
  EXPECT_EQ(rows_at(), Strings{"1|5"});
}

TEST_F(DmlTest, GeneratedColumnsFollowAnUpdate) {
  auto request = creation("SELECT i AS id, i * 2 AS twice FROM range(2) r(i)");
  Schema schema = schema_from_json(request.metadata->schema_string);
  schema.fields[1].metadata = R"({"delta.generationExpression":"id * 2"})";
  request.metadata->schema_string = to_json(schema);
  request.protocol = Protocol{1, 4, {}, {}};
  commit(std::move(request));
  const auto with = std::make_unique<StageContext>(context());
  EXPECT_EQ(problem_of([&] { stage_update(*with, {{"twice", "7"}}, ""); }).code, Code::data);
  commit_staged(stage_update(*with, {{"id", "id + 10"}}, "id = 1"));
  EXPECT_EQ(rows_at(), (Strings{"0|0", "11|22"}));
}

TEST_F(DmlTest, ChangeDataIsWritten) {
  auto request = creation("SELECT i AS id, 'old' AS v FROM range(3) r(i)");
  request.metadata->configuration["delta.enableChangeDataFeed"] = "true";
  request.protocol = Protocol{1, 4, {}, {}};
  commit(std::move(request));
  MergeOptions options;
  options.key = {"id"};
  auto with = std::make_unique<StageContext>(context());
  commit_staged(
      stage_merge(*with, "SELECT * FROM (VALUES (1, 'new'), (9, 'new')) x(id, v)", {}, options));
  with = std::make_unique<StageContext>(context());
  commit_staged(stage_delete(*with, "id = 0"));
  EXPECT_EQ(rows("SELECT _commit_version, _change_type, id, v FROM (" +
                 duck_sql(change_feed(table(), -1, 2, connection_)) + ") ORDER BY ALL"),
            (Strings{"0|insert|0|old", "0|insert|1|old", "0|insert|2|old", "1|insert|9|new",
                     "1|update_postimage|1|new", "1|update_preimage|1|old", "2|delete|0|old"}));
  EXPECT_EQ(rows_at(), (Strings{"1|new", "2|old", "9|new"}));
}

TEST_F(DmlTest, ChangeDataTellsUpdatesFromDeletesAndInserts) {
  auto request = creation("SELECT i AS id, 'old' AS v FROM range(4) r(i)");
  request.metadata->configuration["delta.enableChangeDataFeed"] = "true";
  request.protocol = Protocol{1, 4, {}, {}};
  commit(std::move(request));
  auto with = std::make_unique<StageContext>(context());
  commit_staged(stage_update(*with, {{"v", "'set'"}}, "id < 2"));
  merge("SELECT * FROM (VALUES (1, 'U'), (2, 'D'), (7, 'I')) x(id, v)",
        {{When::matched, Then::remove, "s.v = 'D'", {}},
         {When::matched, Then::update, "", {}},
         {When::not_matched, Then::insert, "", {}}});
  EXPECT_EQ(rows("SELECT _commit_version, _change_type, id, v FROM (" +
                 duck_sql(change_feed(table(), 0, 2, connection_)) + ") ORDER BY ALL"),
            (Strings{"1|update_postimage|0|set", "1|update_postimage|1|set",
                     "1|update_preimage|0|old", "1|update_preimage|1|old", "2|delete|2|old",
                     "2|insert|7|I", "2|update_postimage|1|U", "2|update_preimage|1|set"}));
}

TEST_F(DmlTest, RowsOfAVectorStayDeleted) {
  auto request = creation("SELECT i AS id FROM range(32) r(i)");
  ASSERT_EQ(request.adds.size(), 1u);
  request.adds[0].deletion_vector =
      DeletionVector{"i", "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};
  request.protocol = Protocol{3, 7, {"deletionVectors"}, {"deletionVectors"}};
  commit(std::move(request));
  auto with = std::make_unique<StageContext>(context());
  const auto staged = commit_staged(stage_delete(*with, "id < 10"));
  EXPECT_EQ(metric(staged, "numDeletedRows"), "7");
  EXPECT_TRUE(staged.removes.at(0).deletion_vector);
  EXPECT_EQ(rows("SELECT count(*), min(id) FROM (" + duck_sql(scan(table().snapshot())) + ")"),
            Strings{"19|10"});
  EXPECT_EQ(rows("SELECT count(*) FROM (" + duck_sql(scan(table().snapshot(0))) + ")"),
            Strings{"26"});
}

TEST_F(DmlTest, ColumnsAreRenamedDroppedAndWidened) {
  create(
      "SELECT i::INTEGER AS id, 'n' || i AS name, {'zip': i, 'city': 'c'} AS place, i % 2 AS p "
      "FROM range(4) r(i)",
      {"p"});
  alter(
      *files_, path_, connection_,
      {RenameColumn{"name", "label"}, RenameColumn{"place.zip", "code"}, RenameColumn{"p", "part"},
       AddColumn{"place.street", "VARCHAR"}, DropColumn{"place.city"}, WidenColumn{"id", "BIGINT"}},
      clock_);
  const auto with = std::make_unique<StageContext>(context());
  commit_staged(stage_append(*with,
                             "SELECT 5000000000 AS id, 'big' AS label, {'code': 7, 'street': 's'} "
                             "AS place, 1::BIGINT AS "
                             "part",
                             {}));
  EXPECT_EQ(rows("SELECT id, label, place.code, place.street, part FROM (" +
                 duck_sql(scan(table().snapshot())) + ") ORDER BY id"),
            (Strings{"0|n0|0|NULL|0", "1|n1|1|NULL|1", "2|n2|2|NULL|0", "3|n3|3|NULL|1",
                     "5000000000|big|7|s|1"}));
  alter(*files_, path_, connection_, {DropColumn{"label"}, AddColumn{"label", "BIGINT"}}, clock_);
  EXPECT_EQ(rows("SELECT count(label) FROM (" + duck_sql(scan(table().snapshot())) + ")"),
            Strings{"0"});
  EXPECT_EQ(problem_of([&] {
              alter(*files_, path_, connection_,
                    {RenameColumn{"zz", "y"}, WidenColumn{"id", "VARCHAR"}, DropColumn{"part"}},
                    clock_);
            }).code,
            Code::usage);
  const auto problem = problem_of([&] {
    alter(*files_, path_, connection_, {AddConstraint{"small", "id < 10"}}, clock_);
  });
  EXPECT_EQ(problem.code, Code::data) << problem.message;
}

TEST_F(DmlTest, RowIdsAreGivenAndTimesAreInTheCommit) {
  auto request = creation("SELECT i AS id FROM range(10) r(i)");
  request.protocol = Protocol{1, 7, {}, {"rowTracking", "domainMetadata", "inCommitTimestamp"}};
  request.metadata->configuration["delta.enableInCommitTimestamps"] = "true";
  commit(std::move(request));
  append("SELECT 10 AS id");
  const auto snapshot = table().snapshot();
  std::set<int64_t> ids;
  for (const auto& add : snapshot.files) ids.insert(add.base_row_id.value());
  EXPECT_EQ(ids, (std::set<int64_t>{0, 10}));
  EXPECT_EQ(snapshot.domains.at("delta.rowTracking").configuration, "{\"rowIdHighWaterMark\":10}");
  EXPECT_GT(read_commit(*files_, path_, 1).info->in_commit_timestamp, 0);
}

}  // namespace
}  // namespace windrow::lake
