#include <algorithm>
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "lake/log.h"
#include "lake/table_fixture.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

class CommitTest : public TableFixture {
 protected:
  CommitOutcome attempt(CommitRequest request) {
    return table().commit(std::move(request), clock_);
  }
  std::string refusal(CommitRequest request) {
    const auto outcome = attempt(std::move(request));
    const auto* conflicted = std::get_if<Conflicted>(&outcome);
    return conflicted ? conflicted->reason : "no conflict";
  }
  CommitRequest replacing(const std::string& select) {
    CommitRequest request = appending(select);
    request.reads = Reads::own_removes;
    for (const auto& add : table().snapshot().files)
      request.removes.push_back(remove_of(add, clock_.now()));
    return request;
  }
};

TEST_F(CommitTest, BlindAppendsPassEachOther) {
  create("SELECT 0 AS a");
  auto late = appending("SELECT 9 AS a");
  append("SELECT 1 AS a");
  append("SELECT 2 AS a");
  std::vector<int64_t> seen;
  late.rebase = [&](const std::vector<Commit>& since,
                    CommitRequest& request) -> std::optional<std::string> {
    for (const auto& commit : since) seen.push_back(commit.version);
    request.provenance = Provenance{.asset = "rebased"};
    return {};
  };
  EXPECT_EQ(commit(late), 3);
  EXPECT_EQ(seen, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(rows_at(), (Strings{"0", "1", "2", "9"}));
  EXPECT_EQ(table().provenance().last->asset, "rebased");
  // Clocks stand still here, and yet every commit is later than the one before.
  const auto history = table().history();
  for (size_t i = 1; i < history.size(); ++i)
    EXPECT_LT(history[i].timestamp, history[i - 1].timestamp);
}

TEST_F(CommitTest, TheCallbackMayGiveUp) {
  create("SELECT 0 AS a");
  auto late = appending("SELECT 9 AS a");
  append("SELECT 1 AS a");
  late.rebase = [](const auto&, auto&) { return std::optional<std::string>("plan again"); };
  EXPECT_EQ(refusal(late), "plan again");
  EXPECT_EQ(table().latest_version(), 1);
}

TEST_F(CommitTest, WhatConflictsWithWhat) {
  create("SELECT 0 AS a");
  auto replace = replacing("SELECT 1 AS a");
  auto same = replacing("SELECT 2 AS a");
  auto append_late = appending("SELECT 3 AS a");
  auto reads_all = appending("SELECT 4 AS a");
  reads_all.reads = Reads::whole_table;
  EXPECT_EQ(commit(replace), 1);
  EXPECT_EQ(refusal(same), "version 1 has removed a file that this commit replaces");
  EXPECT_EQ(refusal(reads_all), "version 1 has changed rows");
  EXPECT_EQ(commit(append_late), 2);

  auto behind_metadata = appending("SELECT 5 AS a");
  auto request = appending("SELECT 6 AS a WHERE false");
  request.metadata = table().snapshot().metadata;
  request.metadata->description = "new";
  EXPECT_EQ(commit(request), 3);
  EXPECT_EQ(refusal(behind_metadata), "version 3 has changed the schema or the properties");
  EXPECT_EQ(rows_at(), (Strings{"1", "3"}));
}

TEST_F(CommitTest, AReplacedSchemaIsNotPutOverFilesOfTheFormerOne) {
  create("SELECT 0 AS a");
  const auto with_schema = [&](const std::string& select) {
    auto request = replacing(select);
    request.metadata = table().snapshot().metadata;
    request.metadata->schema_string = to_json(schema_of(select));
    return request;
  };
  auto other_type = with_schema("SELECT 'x' AS a"), wider = with_schema("SELECT 1 AS a, 2 AS b");
  append("SELECT 7 AS a");
  EXPECT_EQ(refusal(other_type),
            "version 1 has added files of the schema that this commit replaces");
  EXPECT_EQ(commit(wider), 2);
  EXPECT_EQ(rows_at(), (Strings{"1|2", "7|NULL"}));
}

TEST_F(CommitTest, TwoCannotCreate) {
  auto first = creation("SELECT 0 AS a"), second = creation("SELECT 1 AS a");
  EXPECT_EQ(commit(first), 0);
  EXPECT_EQ(refusal(second), "another writer has made the table");
  // Not even where version 0 has been cleaned away.
  for (int i = 0; i < 10; ++i) append("SELECT 2 AS a");
  files_->remove(commit_file(path_, 0));
  EXPECT_EQ(refusal(second), "another writer has made the table");
}

TEST_F(CommitTest, ApplicationsAreFenced) {
  auto request = creation("SELECT 0 AS a");
  request.txns = {{"kafka-0", 5, 0}};
  commit(request);
  const auto with = [&](std::optional<int64_t> expected, int64_t next) {
    auto r = appending("SELECT 1 AS a");
    r.expect_txn["kafka-0"] = expected;
    r.txns = {{"kafka-0", next, 0}};
    return r;
  };
  EXPECT_EQ(refusal(with(4, 9)), "application \"kafka-0\" is at 5, expected 4");
  EXPECT_EQ(refusal(with({}, 9)), "application \"kafka-0\" is at 5, expected none");
  auto zombie = with(5, 8);
  auto other_application = appending("SELECT 2 AS a");
  other_application.expect_txn["kafka-1"] = {};
  other_application.txns = {{"kafka-1", 1, 0}};
  EXPECT_EQ(commit(with(5, 7)), 1);
  EXPECT_EQ(refusal(zombie), "version 1 has moved application \"kafka-0\"");
  EXPECT_EQ(commit(other_application), 2);
  EXPECT_EQ(table().snapshot().txns.at("kafka-0").version, 7);
}

TEST_F(CommitTest, AppendOnlyLetsOnlyMaintenanceRemove) {
  commit(creation("SELECT 0 AS a", {}, true));
  append("SELECT 1 AS a");
  auto request = replacing("SELECT 2 AS a");
  EXPECT_EQ(problem_of([&] { attempt(request); }).code, Code::data);
  request.maintenance = true;
  EXPECT_EQ(commit(request), 2);
  EXPECT_TRUE(table().snapshot().append_only());
}

TEST_F(CommitTest, AddingATimestampColumnUpgradesTheProtocol) {
  create("SELECT 0 AS a");
  auto request = appending("SELECT 1 AS a, TIMESTAMP '2025-01-01' AS t");
  request.metadata = table().snapshot().metadata;
  request.metadata->schema_string =
      to_json(schema_of("SELECT 1 AS a, TIMESTAMP '2025-01-01' AS t"));
  commit(request);
  EXPECT_EQ(table().snapshot().protocol.min_reader_version, 3);
  EXPECT_EQ(rows_at(), (Strings{"0|NULL", "1|2025-01-01 00:00:00"}));
}

TEST_F(CommitTest, AMissingFileIsNotCommitted) {
  auto request = creation("SELECT 0 AS a");
  files_->remove(path_ + "/" + request.adds[0].path);
  EXPECT_EQ(problem_of([&] { attempt(request); }).code, Code::not_found);
  EXPECT_FALSE(table().exists());
}

TEST_F(CommitTest, ManyWritersAtOnceLoseNothing) {
  create("SELECT -1 AS a");
  std::vector<CommitRequest> requests;
  for (int i = 0; i < 24; ++i)
    requests.push_back(appending("SELECT " + std::to_string(i) + " AS a"));
  std::atomic<int> done = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (size_t i = size_t(w); i < requests.size(); i += 4) {
        if (std::holds_alternative<Committed>(table().commit(requests[i], clock_))) ++done;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(done, 24);
  EXPECT_EQ(table().latest_version(), 24);
  EXPECT_EQ(rows_at().size(), 25u);
}

/// Each file operation of a commit fails in turn, in each way. The table stays readable, the commit
/// is there whole or not at all, the outcome never says the contrary, and trying again ends well.
TEST_F(CommitTest, EveryOperationMayFail) {
  create("SELECT 0 AS a");
  for (int i = 1; i < 9; ++i) append("SELECT 0 AS a");
  // Both a commit that has to catch up with another one and, at every tenth version, one that
  // writes a checkpoint.
  using storage::Fault;
  for (const auto& [fault, stays_down] :
       std::vector<std::pair<Fault, bool>>{{Fault::before, false},
                                           {Fault::before, true},
                                           {Fault::after, false},
                                           {Fault::torn, false},
                                           {Fault::short_read, false}}) {
    for (size_t n = 0;; ++n) {
      auto request = appending("SELECT 1 AS a");
      request.base.reset();  // so that what it reads may fail as well
      if (n % 2 == 1) append("SELECT 0 AS a");
      storage::FaultyFileSystem faulty(*files_);
      faulty.fail(n, fault, Code::unavailable, stays_down);
      bool certain = false, known_failed = false;
      try {
        const auto outcome = Table(faulty, path_).commit(request, clock_);
        certain = std::holds_alternative<Committed>(outcome);
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == Code::unavailable || fault == Fault::short_read)
            << error.what();
        known_failed = true;
      }
      const auto present = [&] {
        const auto files = table().snapshot({}, &connection_).files;
        return std::count_if(files.begin(), files.end(),
                             [&](const Add& f) { return f.path == request.adds[0].path; });
      };
      const bool there = present() == 1;
      EXPECT_TRUE(there || !certain);
      EXPECT_FALSE(there && known_failed && fault != storage::Fault::after);
      if (!there) {
        auto again = request;
        again.read_version = table().latest_version();
        EXPECT_GE(commit(again), 0);
      }
      EXPECT_EQ(present(), 1);
      if (faulty.operations() <= n) break;  // it never came to the n-th operation
      ASSERT_LT(n, 60u);
    }
  }
  EXPECT_EQ(int64_t(rows_at().size()), table().snapshot().rows());
}

/// The answer to the commit is lost: whose version it is says the txnId in the log.
class LostAnswer : public CommitTest {
 protected:
  /// What becomes of a commit of the row 9, whose put_if_absent gets no answer. `first` runs just
  /// before it reaches the storage, `then` before the next thing that is done.
  CommitOutcome outcome_with(const std::function<void()>& first, const std::function<void()>& then,
                             bool stay_down = false) {
    auto request = appending("SELECT 9 AS a");
    storage::FaultyFileSystem faulty(*files_);
    int at = 0;
    faulty.before_each([&](const std::string& operation) {
      if (at == 0 && operation.starts_with("put_if_absent")) {
        at = 1;
        first();
        faulty.fail(0, storage::Fault::after, Code::unavailable, stay_down);
      } else if (at == 1) {
        at = 2;
        then();
      }
    });
    return Table(faulty, path_).commit(request, clock_);
  }
};

TEST_F(LostAnswer, OursIsThereAndAnotherOneBehindIt) {
  create("SELECT 0 AS a");
  const auto outcome = outcome_with([] {}, [&] { append("SELECT 1 AS a"); });
  ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
  EXPECT_EQ(std::get<Committed>(outcome).version, 1);
  EXPECT_EQ(table().latest_version(), 2);
  EXPECT_EQ(rows_at(), (Strings{"0", "1", "9"}));
}

TEST_F(LostAnswer, AnotherOneWasFirst) {
  create("SELECT 0 AS a");
  const auto outcome =
      outcome_with([&] { append("SELECT 1 AS a"); }, [&] { append("SELECT 2 AS a"); });
  ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
  EXPECT_EQ(std::get<Committed>(outcome).version, 3);
  EXPECT_EQ(rows_at(), (Strings{"0", "1", "2", "9"}));
}

TEST_F(LostAnswer, NobodyCanLook) {
  create("SELECT 0 AS a");
  const auto outcome = outcome_with([] {}, [] {}, true);
  ASSERT_TRUE(std::holds_alternative<Unknown>(outcome));
  EXPECT_EQ(std::get<Unknown>(outcome).version, 1);
}

/// A put without an answer may come to be there at any later time: from then on nothing but finding
/// another's commit in its place makes it certain that ours is not there.
class LateLanding : public CommitTest {
 protected:
  LateLanding() { create("SELECT 0 AS a"); }

  /// What becomes of a commit of the row 9 whose first put is late. `before` is told the number of
  /// each later one, from 2 on, before it is done.
  CommitOutcome outcome_with(const std::function<void(int)>& before) {
    auto request = appending("SELECT 9 AS a");
    int puts = 0;
    faulty_.before_each([&](const std::string& operation) {
      if (!operation.starts_with("put_if_absent")) return;
      if (++puts == 1) return faulty_.fail(0, storage::Fault::late);
      faulty_.heal();
      before(puts);
    });
    return Table(faulty_, path_).commit(request, clock_);
  }
  void refuse() { faulty_.fail(0, storage::Fault::before, Code::permission, true); }

  storage::FaultyFileSystem faulty_{*files_};
};

TEST_F(LateLanding, AnErrorAfterAnUnknownAnswerIsUnknown) {
  const auto outcome = outcome_with([&](int) { refuse(); });
  ASSERT_TRUE(std::holds_alternative<Unknown>(outcome));
  EXPECT_EQ(std::get<Unknown>(outcome).version, 1);
  EXPECT_EQ(faulty_.land_late(), 1u);
  EXPECT_EQ(rows_at(), (Strings{"0", "9"}));
}

TEST_F(LateLanding, OurSecondPutIsTheOneThatStands) {
  ASSERT_TRUE(std::holds_alternative<Committed>(outcome_with([](int) {})));
  EXPECT_EQ(faulty_.land_late(), 0u);
  EXPECT_EQ(rows_at(), (Strings{"0", "9"}));
}

TEST_F(LateLanding, OurFirstPutArrivesBeforeTheSecond) {
  ASSERT_TRUE(std::holds_alternative<Committed>(outcome_with([&](int) { faulty_.land_late(); })));
  EXPECT_EQ(rows_at(), (Strings{"0", "9"}));
}

TEST_F(LateLanding, AnothersCommitInItsPlaceMakesAnErrorCertainAgain) {
  const auto work = [&] {
    outcome_with([&](int put) { put == 2 ? void(append("SELECT 1 AS a")) : refuse(); });
  };
  EXPECT_EQ(problem_of(work).code, Code::permission);
  EXPECT_EQ(faulty_.land_late(), 0u);
  EXPECT_EQ(rows_at(), (Strings{"0", "1"}));
}

TEST_F(CommitTest, ExpectationsHoldAgainstEveryVersionBetween) {
  create("SELECT 0 AS a");
  auto late = appending("SELECT 9 AS a");
  late.expect_txn["kafka"] = {};
  append("SELECT 1 AS a");
  auto other = appending("SELECT 2 AS a");
  other.txns = {{"kafka", 1, 0}};
  commit(other);
  append("SELECT 3 AS a");
  EXPECT_EQ(refusal(late), "version 2 has moved application \"kafka\" to 1");
}

}  // namespace
}  // namespace windrow::lake
