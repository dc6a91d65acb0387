#include <gtest/gtest.h>

#include "base/clock.h"
#include "lake/small_world.h"
#include "lake/table.h"

// The race for a version, in a small world where all that can happen does (small_world.h).

namespace windrow::lake {
namespace {

using namespace small_world;

const std::string kTable = "/t";

class CommitWorldTest : public ::testing::Test {
 protected:
  static constexpr const char* kApplication = "source";

  static std::string file_of(const std::string& batch) { return batch + ".parquet"; }
  static Add add_of(const std::string& batch) {
    Add add;
    add.path = file_of(batch);
    add.size = 1;
    add.stats = R"({"numRecords":1})";
    return add;
  }

  CommitRequest creation(const std::string& batch) const {
    CommitRequest request;
    request.operation = "CREATE TABLE AS SELECT";
    request.protocol = created_.first;
    request.metadata = created_.second;
    request.adds = {add_of(batch)};
    return request;
  }
  CommitRequest over(const Snapshot& snapshot, const std::string& batch) const {
    CommitRequest request;
    request.operation = "WRITE";
    request.base = base_of(snapshot);
    request.read_version = snapshot.version;
    request.adds = {add_of(batch)};
    return request;
  }

  /// What every caller of `Table::commit` does: stage, commit, and remove what is certainly not
  /// committed.
  CommitOutcome committed(storage::FileSystem& files, CommitRequest request) const {
    const std::string staged = kTable + "/" + request.adds[0].path;
    const auto discard = [&] {
      try {
        files.remove(staged);
      } catch (const Error&) {
        // It is left to vacuum.
      }
    };
    files.put(staged, "rows");
    try {
      const auto outcome = Table(files, kTable).commit(std::move(request), clock_);
      if (std::holds_alternative<Conflicted>(outcome)) discard();
      return outcome;
    } catch (const Error&) {
      discard();
      throw;
    }
  }
  template <typename Work>
  static Ended once(const std::string& batch, Work work) {
    Ended out{Ended::As::failed, file_of(batch), {}};
    try {
      const CommitOutcome outcome = work();
      if (std::holds_alternative<Committed>(outcome)) out.as = Ended::As::committed;
      if (std::holds_alternative<Conflicted>(outcome)) out.as = Ended::As::conflicted;
      if (std::holds_alternative<Unknown>(outcome)) out.as = Ended::As::unknown;
    } catch (const Error&) {
      // As it begins: nothing may be there, now or later.
    }
    return out;
  }

  Script appends(const std::string& batch) const {
    return [=, this](storage::FileSystem& files) {
      return once(batch, [&] { return committed(files, over(first_, batch)); });
    };
  }
  Script creates(const std::string& batch) const {
    return [=, this](storage::FileSystem& files) {
      return once(batch, [&] { return committed(files, creation(batch)); });
    };
  }
  /// Takes the first file's place, as optimise and DELETE do.
  Script rewrites(const std::string& batch) const {
    return [=, this](storage::FileSystem& files) {
      return once(batch, [&] {
        auto request = over(first_, batch);
        request.reads = Reads::own_removes;
        request.removes = {remove_of(first_.files[0], clock_.now())};
        return committed(files, std::move(request));
      });
    };
  }
  /// One batch of a source, whose progress lies in the same commit; what fails is run once more,
  /// from what the log says then.
  Script ingests(const std::string& name) const {
    return [=, this](storage::FileSystem& files) {
      Ended last;
      for (int attempt = 0; attempt < 2 && last.as != Ended::As::committed; ++attempt) {
        const std::string batch = name + std::to_string(attempt);
        bool found = false;
        last = once(batch, [&]() -> CommitOutcome {
          const Snapshot now = attempt == 0 ? first_ : Table(files, kTable).snapshot();
          found = now.txns.contains(kApplication);
          if (found) return Committed{now.version, {}};
          auto request = over(now, batch);
          request.expect_txn[kApplication] = {};
          request.txns = {{kApplication, 1, 0}};
          return committed(files, std::move(request));
        });
        if (found) last.file.clear();
        last.application = kApplication;
      }
      return last;
    };
  }

  using As = Ended::As;
  /// No promise is ever broken.
  void holds(int faults, bool with_table, Script first, Script second) {
    World world(kTable, faults, {std::move(first), std::move(second)});
    if (with_table) {
      world.begin_with(0, first_text_);
      world.begin_with(kTable + "/" + file_of("first"));
    }
    EXPECT_EQ(world.explore(), "");
    RecordProperty("states", int(world.states()));
    ends_ = world.ends();
  }
  bool ends_as(As first, As second) const { return ends_.contains({first, second}); }

  FakeClock clock_{*parse_time("2025-10-17T14:00:00Z")};
  std::pair<Protocol, Metadata> created_ = create_actions(
      {Schema{{Field{"a", Type{Type::Kind::integer}}}}, {}, "t", "", false}, clock_.now());
  std::string first_text_ = [&] {
    Commit commit;
    commit.version = 0;
    commit.info = CommitInfo{};
    commit.info->json = R"({"timestamp":1,"operation":"CREATE TABLE","txnId":"nobody's"})";
    commit.protocol = created_.first;
    commit.metadata = created_.second;
    commit.adds = {add_of("first")};
    return to_json_lines(commit);
  }();
  Snapshot first_ = [&] {
    Snapshot snapshot;
    snapshot.table_path = kTable;
    snapshot.version = 0;
    snapshot.timestamp = clock_.now();
    snapshot.protocol = created_.first;
    snapshot.metadata = created_.second;
    snapshot.schema = schema_from_json(created_.second.schema_string);
    snapshot.files = {add_of("first")};
    return snapshot;
  }();
  std::set<std::pair<As, As>> ends_;
};

// Without faults exactly one order of the two wins; with them neither a row nor a file is lost.

TEST_F(CommitWorldTest, Appends) {
  holds(0, true, appends("a"), appends("b"));
  EXPECT_EQ(ends_, (std::set<std::pair<As, As>>{{As::committed, As::committed}}));
  holds(4, true, appends("a"), appends("b"));
  EXPECT_TRUE(ends_as(As::unknown, As::committed));
  EXPECT_TRUE(ends_as(As::unknown, As::unknown));
  EXPECT_TRUE(ends_as(As::failed, As::committed));
}

TEST_F(CommitWorldTest, TheSameBatchOfASource) {
  holds(0, true, ingests("a"), ingests("b"));
  EXPECT_EQ(ends_, (std::set<std::pair<As, As>>{{As::committed, As::committed}}));
  holds(3, true, ingests("a"), ingests("b"));
  EXPECT_TRUE(ends_as(As::unknown, As::committed));
}

TEST_F(CommitWorldTest, ABatchWhileFilesAreRewritten) {
  holds(0, true, ingests("a"), rewrites("b"));
  EXPECT_EQ(ends_, (std::set<std::pair<As, As>>{{As::committed, As::committed}}));
  holds(3, true, ingests("a"), rewrites("b"));
}

TEST_F(CommitWorldTest, TheSameFileRewritten) {
  holds(0, true, rewrites("a"), rewrites("b"));
  EXPECT_EQ(ends_, (std::set<std::pair<As, As>>{{As::committed, As::conflicted},
                                                {As::conflicted, As::committed}}));
  holds(4, true, rewrites("a"), rewrites("b"));
  EXPECT_TRUE(ends_as(As::unknown, As::committed));
}

TEST_F(CommitWorldTest, TheSameTableMade) {
  holds(0, false, creates("a"), creates("b"));
  EXPECT_EQ(ends_, (std::set<std::pair<As, As>>{{As::committed, As::conflicted},
                                                {As::conflicted, As::committed}}));
  holds(4, false, creates("a"), creates("b"));
  EXPECT_TRUE(ends_as(As::unknown, As::committed));
}

}  // namespace
}  // namespace windrow::lake
