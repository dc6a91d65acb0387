#include "lake/conflict.h"

#include <gtest/gtest.h>

namespace windrow::lake {
namespace {

Field column(const std::string& name, Type::Kind kind) { return {name, Type{kind}}; }
const Schema kSchema{{column("d", Type::Kind::date), column("n", Type::Kind::long_),
                      column("s", Type::Kind::string), column("t", Type::Kind::timestamp)}};

Add file(const std::string& path, const std::string& stats = {}, PartitionValues partition = {}) {
  Add add;
  add.path = path;
  add.stats = stats;
  add.partition_values = std::move(partition);
  return add;
}
Add numbers(const std::string& path, int from, int to, const std::string& nulls = "0") {
  return file(path, R"({"numRecords":9,"minValues":{"n":)" + std::to_string(from) +
                        R"(},"maxValues":{"n":)" + std::to_string(to) + R"(},"nullCount":{"n":)" +
                        nulls + "}}");
}
Remove without(const std::string& path, bool data_change = true) {
  Remove remove;
  remove.path = path;
  remove.data_change = data_change;
  return remove;
}
Commit adding(std::vector<Add> adds, std::vector<Remove> removes = {}) {
  Commit commit;
  commit.version = 7;
  commit.adds = std::move(adds);
  commit.removes = std::move(removes);
  return commit;
}
CommitRequest request(Reads reads) {
  CommitRequest out;
  out.read_version = 6;
  out.reads = reads;
  return out;
}
CommitRequest reading(std::vector<ReadScope::Box> boxes) {
  CommitRequest out = request(Reads::scope);
  out.scope.boxes = std::move(boxes);
  return out;
}
const Field& field(const std::string& name) { return *kSchema.find(name); }
bool conflict(const CommitRequest& ours, const Commit& other) {
  return conflict_with(ours, other).has_value();
}

TEST(Conflict, BlindAppendsConflictWithNoData) {
  const auto append = request(Reads::nothing);
  EXPECT_FALSE(conflict(append, adding({file("a")})));
  EXPECT_FALSE(conflict(append, adding({file("a")}, {without("b")})));
}

TEST(Conflict, WhoReadsEverythingConflictsWithEveryRowButNotWithRewrites) {
  const auto all = request(Reads::whole_table);
  EXPECT_EQ(conflict_with(all, adding({file("a")})), "version 7 has changed rows");
  EXPECT_TRUE(conflict(all, adding({}, {without("a")})));
  Add moved = file("b");
  moved.data_change = false;
  EXPECT_FALSE(conflict(all, adding({moved}, {without("a", false)})));
}

TEST(Conflict, MetadataAndProtocolConflictWithEverything) {
  for (const Reads reads : {Reads::nothing, Reads::own_removes, Reads::scope, Reads::whole_table}) {
    Commit other = adding({});
    other.metadata = Metadata{};
    EXPECT_EQ(conflict_with(request(reads), other),
              "version 7 has changed the schema or the properties");
    other = adding({});
    other.protocol = Protocol{};
    EXPECT_EQ(conflict_with(request(reads), other), "version 7 has changed the protocol");
  }
}

TEST(Conflict, AFileIsRemovedOnceWhateverItsPathIsWrittenAs) {
  for (const Reads reads : {Reads::nothing, Reads::own_removes, Reads::scope, Reads::whole_table}) {
    auto ours = request(reads);
    ours.removes = {without("p%20q")};
    EXPECT_TRUE(conflict(ours, adding({}, {without("p q")})));
    // A rewrite removes it too.
    EXPECT_TRUE(conflict(ours, adding({}, {without("p%20q", false)})));
    EXPECT_EQ(conflict(ours, adding({}, {without("other")})), reads == Reads::whole_table);
  }
}

TEST(Conflict, OptimizeAndAppendsPassEachOther) {
  auto optimize = request(Reads::own_removes);
  optimize.removes = {without("a", false)};
  EXPECT_FALSE(conflict(optimize, adding({file("b")})));
  auto compacted = file("c");
  compacted.data_change = false;
  EXPECT_FALSE(conflict(request(Reads::nothing), adding({compacted}, {without("a", false)})));
}

TEST(Conflict, RowsIntoAReplacedPartition) {
  const auto ours = reading({partition_box(kSchema, {{"d", "2025-01-01"}, {"s", "x"}}),
                             partition_box(kSchema, {{"d", {}}, {"s", "x"}})});
  const auto into = [](std::optional<std::string> d, std::optional<std::string> s) {
    return adding({file("f", "", {{"d", d}, {"s", s}})});
  };
  EXPECT_EQ(conflict_with(ours, into("2025-01-01", "x")),
            "version 7 has added rows among those that this commit read");
  EXPECT_FALSE(conflict(ours, into("2025-01-02", "x")));
  EXPECT_FALSE(conflict(ours, into("2025-01-01", "y")));
  EXPECT_FALSE(conflict(ours, into("2025-01-01", {})));
  EXPECT_TRUE(conflict(ours, into({}, "x")));
  EXPECT_FALSE(conflict(ours, into({}, "y")));
  // What is not partitioned (another writer's, before the table was) may hold anything.
  EXPECT_TRUE(conflict(ours, adding({file("f")})));
}

TEST(Conflict, OnePartitionWrittenInTwoWays) {
  const auto ours = reading({partition_box(kSchema, {{"t", "2025-01-01 00:00:00"}})});
  EXPECT_TRUE(conflict(ours, adding({file("f", "", {{"t", "2025-01-01T00:00:00.000000Z"}})})));
  EXPECT_FALSE(conflict(ours, adding({file("f", "", {{"t", "2025-01-02T00:00:00.000000Z"}})})));
}

TEST(Conflict, RowsIntoAReadRange) {
  const auto open = reading({{{field("n"), "10", "20", true}}});
  EXPECT_TRUE(conflict(open, adding({numbers("f", 0, 10)})));
  EXPECT_TRUE(conflict(open, adding({numbers("f", 12, 13)})));
  EXPECT_FALSE(conflict(open, adding({numbers("f", 0, 9)})));
  EXPECT_FALSE(conflict(open, adding({numbers("f", 20, 30)})));
  EXPECT_FALSE(conflict(open, adding({numbers("f", 0, 1, "9")})));  // all of them NULL
  EXPECT_TRUE(conflict(open, adding({file("f", R"({"numRecords":9})")})));
  EXPECT_TRUE(conflict(open, adding({file("f", "{")})));  // statistics that do not read
  const auto closed = reading({{{field("n"), "10", "20"}}});
  EXPECT_TRUE(conflict(closed, adding({numbers("f", 20, 30)})));
  const auto below = reading({{{field("n"), {}, "20"}}});
  EXPECT_TRUE(conflict(below, adding({numbers("f", -5, -4)})));
  const auto nulls = reading({{{field("n"), {}, {}, false, true}}});
  EXPECT_TRUE(conflict(nulls, adding({numbers("f", 0, 1, "3")})));
  EXPECT_FALSE(conflict(nulls, adding({numbers("f", 0, 1)})));
}

TEST(Conflict, RewritesAreNoMatterAndOtherRemovesNeither) {
  const auto ours = reading({{{field("n"), "10", "20"}}});
  Add moved = numbers("f", 10, 20);
  moved.data_change = false;
  EXPECT_FALSE(conflict(ours, adding({moved}, {without("g", false)})));
  EXPECT_FALSE(conflict(ours, adding({}, {without("g")})));
}

TEST(Conflict, FilesThatWereReadAndKeptMustStay) {
  auto ours = reading({{{field("n"), "10", "20"}}});
  ours.scope.kept_files = {"a%20b"};
  EXPECT_EQ(conflict_with(ours, adding({}, {without("a b")})),
            "version 7 has removed rows among those that this commit read");
  EXPECT_FALSE(conflict(ours, adding({}, {without("a b", false)})));
}

TEST(Conflict, ExpectedVersionsOfApplications) {
  auto ours = request(Reads::nothing);
  ours.expect_txn["kafka"] = 4;
  Commit other = adding({});
  other.txns = {{"kafka", 5, 0}};
  EXPECT_EQ(conflict_with(ours, other), "version 7 has moved application \"kafka\" to 5");
  other.txns = {{"another", 5, 0}};
  EXPECT_FALSE(conflict(ours, other));
  ours.txns = {{"another", 6, 0}};
  EXPECT_EQ(conflict_with(ours, other), "version 7 has moved application \"another\"");
}

TEST(Conflict, Domains) {
  auto ours = request(Reads::nothing);
  ours.domains = {{"mine", "{}", false}};
  Commit other = adding({});
  other.domains = {{"theirs", "{}", false}, {"delta.rowTracking", "{}", false}};
  EXPECT_FALSE(conflict(ours, other));
  other.domains = {{"mine", "{}", true}};
  EXPECT_EQ(conflict_with(ours, other), "version 7 has changed domain \"mine\"");
}

}  // namespace
}  // namespace windrow::lake
