#include "tasks/stream/archiver.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "duck/duck.h"
#include "engine/duckdb/duckdb_engine.h"
#include "lake/table_fixture.h"
#include "sources/kafka/kind.h"
#include "storage/faulty_file_system.h"
#include "tasks/stream/fake_broker.h"

namespace windrow::tasks {
namespace {

using clients::KafkaOffsets;
using clients::KafkaPartition;
using lake::Strings;
using project::Text;
using project::Value;
using storage::Fault;
using namespace std::chrono_literals;

const KafkaPartition kFirst{"t", 0}, kSecond{"t", 1};

Value map_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Value::Map map;
  for (const auto& [key, text] : pairs) {
    Value one;
    one.data = text;
    map.emplace_back(Text{key}, one);
  }
  Value out;
  out.data = std::move(map);
  return out;
}

/// `bronze.events` is read from the topic `t` with two partitions, into a lake on disk.
class ArchiverTest : public lake::TableFixture {
 protected:
  ArchiverTest() {
    project_.name = "p";
    project_.connections["events"] = {"events", "kafka", map_of({{"brokers", "127.0.0.1:1"}}), {}};
    source_.name = "bronze.events";
    source_.kind = "kafka";
    source_.format = "json";
    source_.columns.resize(1);
    source_.columns[0].name = "id";
    source_.columns[0].type = "bigint";
    from({});
    flush({});
    broker_.logs[kFirst];
    broker_.logs[kSecond];
  }

  void from(sources::KafkaFrom said) {
    said.connection = "events";
    said.topics = {"t"};
    source_.own = std::move(said);
  }
  void flush(const std::vector<std::pair<std::string, std::string>>& keys) {
    source_.flush = map_of(keys);
  }
  void send(const KafkaPartition& to, const std::vector<int>& ids) {
    for (const int id : ids)
      broker_.logs[to].values.push_back("{\"id\":" + std::to_string(id) + "}");
  }
  /// The next call of `consume` begins so.
  void then(std::function<void(FakeConsumer&)> step) { steps_.push_back(std::move(step)); }
  void then_wait(int calls) {
    for (int i = 0; i < calls; ++i) then([](auto&) {});
  }

  /// A copy of the archiver; what it tells goes to `told_`.
  observe::StreamStatus ingest(const IngestLimits& limits, Reading reading = Reading::member) {
    told_.clear();
    const IngestSink sink = [this](const observe::StreamStatus& status) {
      told_.push_back(status);
    };
    Archiver(context_, source_, limits, reading, broker_.consumers(steps_), cancel_, sink, report_)
        .run();
    return told_.back();
  }
  /// Another copy, which the group gives these partitions; makes one commit of `rows` messages.
  void another(const std::vector<KafkaPartition>& partitions, const std::string& rows) {
    project::Source source = source_;
    source.flush = map_of({{"rows", rows}});
    FakeBroker::Steps none;
    const IngestSink nobody;
    Report report;
    Archiver(context_, source, {.batches = 1}, Reading::member, broker_.consumers(none, partitions),
             cancel_, nobody, report)
        .run();
  }

  Strings rows(const std::string& name = "bronze.events", const std::string& columns = "id") {
    const auto table = home_.table(name);
    if (!table.exists()) return {};
    return lake::TableFixture::rows("SELECT " + columns + " FROM (" +
                                    lake::duck_sql(lake::scan(table.snapshot({}, &connection_))) +
                                    ") ORDER BY ALL");
  }
  Strings problems() const {
    Strings out;
    for (const auto& status : told_) {
      if (!status.problem.empty()) out.push_back(status.phase + ": " + status.problem);
    }
    return out;
  }
  /// Once, when this version of the table is about to be written.
  void at_version(int64_t version, std::function<void()> work) {
    char name[64];
    std::snprintf(name, sizeof(name), "/_delta_log/%020ld.json", long(version));
    const auto line = "put_if_absent " + home_.table_path("bronze.events") + name;
    faulty_.before_each([line, work, done = false](const std::string& operation) mutable {
      if (done || operation != line) return;
      done = true;
      work();
    });
  }

  static constexpr IngestLimits kCaughtUp{.batches = {}, .until_caught_up = true, .duration = {}};
  /// Long enough for every step, and shorter than what waits may wait.
  static constexpr IngestLimits kAWhile{.batches = {}, .until_caught_up = false, .duration = 30s};

  project::Project project_;
  const project::Environment environment_{};
  const graph::Graph graph_{};
  storage::FaultyFileSystem faulty_{*files_};
  std::unique_ptr<engine::DuckEngine> inside_ =
      engine::duckdb_engine(duck::Options{.threads = 1}, faulty_);
  lake::Lake home_ = lake::Lake::open(faulty_, folder_ + "/lake", "p", "dev", true, clock_.now());
  Tables tables_{&home_, nullptr, database_, nullptr};
  const sources::Kinds kinds_{{sources::kafka_kind()}};
  const Context context_{project_, environment_, graph_,    home_,  faulty_, *inside_,
                         *inside_, tables_,      database_, clock_, {},      "a run that is named",
                         nullptr,  nullptr,      &kinds_};
  project::Source source_;
  FakeBroker broker_{clock_};
  FakeBroker::Steps steps_;
  std::vector<observe::StreamStatus> told_;
  Cancel cancel_;
  Report report_;
};

// --- up to the ends -----------------------------------------------------------------------------

TEST_F(ArchiverTest, ReadsUpToTheEndsThatItFinds) {
  send(kFirst, {1, 2});
  send(kSecond, {3});
  flush({{"rows", "2"}});
  const auto status = ingest(kCaughtUp);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
  EXPECT_EQ(status.messages, 3);
  EXPECT_EQ(status.rows, 3);
  EXPECT_EQ(status.commits, 2);
  EXPECT_EQ(status.conflicts, 0);
  EXPECT_EQ(status.lag, 0);
  EXPECT_EQ(broker_.told, (KafkaOffsets{{kFirst, 2}, {kSecond, 1}}));
}

TEST_F(ArchiverTest, WhatGoesOnComingDoesNotKeepIt) {
  send(kFirst, {0});
  for (int i = 1; i < 100; ++i) then([this, i](auto&) { send(kFirst, {i}); });
  ingest(kCaughtUp);
  EXPECT_GT(steps_.size(), 90u);
}

TEST_F(ArchiverTest, WaitsForWhatOtherCopiesRead) {
  send(kFirst, {1});
  send(kSecond, {2});
  then([](auto& consumer) { consumer.take_away({kSecond}, false); });
  then_wait(40);
  then([&](auto&) { another({kSecond}, "1"); });
  ingest(kCaughtUp);
  EXPECT_TRUE(steps_.empty()) << "it ended before the other copy had read its own";
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
}

TEST_F(ArchiverTest, AloneItReadsNothingBeyondTheEnds) {
  send(kFirst, {1, 2});
  ingest(kCaughtUp, Reading::alone);
  send(kFirst, {3});
  send(kSecond, {4});
  then([&](auto&) { send(kFirst, {5}); });
  ingest(kCaughtUp, Reading::alone);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3", "4"}));
}

TEST_F(ArchiverTest, WhatWaitsIsCommittedWhenItsTimeHasCome) {
  send(kFirst, {1});
  flush({{"every", "5s"}});
  then_wait(45);
  then([&](auto&) { EXPECT_EQ(rows(), Strings{}); });
  then_wait(10);
  then([&](auto&) { EXPECT_EQ(rows(), Strings{"1"}); });
  ingest(kAWhile);
  EXPECT_TRUE(steps_.empty());
}

// --- partitions come and go ---------------------------------------------------------------------

TEST_F(ArchiverTest, WhatWaitsIsCommittedBeforeAPartitionIsGivenUp) {
  send(kFirst, {1});
  send(kSecond, {2});
  then_wait(1);
  then([&](auto& consumer) {
    EXPECT_EQ(rows(), Strings{});
    consumer.take_away({kSecond}, false);
    EXPECT_EQ(rows(), (Strings{"1", "2"}));
    send(kFirst, {3});
    send(kSecond, {4});
  });
  const auto status = ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
  EXPECT_EQ(status.partitions, 1);
  EXPECT_EQ(status.conflicts, 0);
}

TEST_F(ArchiverTest, APartitionThatComesBackGoesOnFromTheLog) {
  send(kSecond, {1});
  then_wait(1);
  then([&](auto& consumer) {
    consumer.take_away({kSecond}, false);
    send(kSecond, {2});
    another({kSecond}, "1");
    send(kSecond, {3});
    consumer.give({kSecond});
  });
  ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
}

TEST_F(ArchiverTest, OfLostPartitionsNothingIsCommitted) {
  send(kFirst, {1});
  send(kSecond, {2});
  then_wait(1);
  then([&](auto& consumer) {
    consumer.take_away({kSecond}, true);
    EXPECT_EQ(rows(), Strings{});
    another({kSecond}, "1");
  });
  const auto status = ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2"})) << "what stays is read again";
  EXPECT_EQ(status.messages, 1);
}

TEST_F(ArchiverTest, WhatCannotBeCommittedBeforeARevokeIsReadAgain) {
  send(kFirst, {1});
  send(kSecond, {2});
  then_wait(1);
  then([&](auto& consumer) {
    faulty_.fail(0, Fault::before, Code::unavailable, true);
    consumer.take_away({kSecond}, false);
    faulty_.heal();
  });
  then([](auto& consumer) { consumer.give({kSecond}); });
  ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
}

TEST_F(ArchiverTest, APartitionThatGoesWhileTheStoreIsDownIsLeftToOthers) {
  send(kFirst, {1});
  send(kSecond, {2});
  flush({{"rows", "2"}});
  then([&](auto&) { faulty_.fail(0, Fault::before, Code::unavailable, true); });
  then([&](auto& consumer) {
    EXPECT_TRUE(consumer.paused());
    const auto before = faulty_.operations();
    consumer.take_away({kSecond}, false);
    EXPECT_EQ(faulty_.operations(), before) << "the group would wait for the store";
    faulty_.heal();
    another({kSecond}, "1");
  });
  ingest(kAWhile);
  EXPECT_TRUE(steps_.empty());
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
}

// --- other copies -------------------------------------------------------------------------------

TEST_F(ArchiverTest, WhatAnotherCopyHasCommittedUpToTheSameOffsetsIsDone) {
  send(kFirst, {1, 2, 3});
  then_wait(1);
  then([&](auto&) { another({kFirst}, "3"); });
  const auto status = ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
  EXPECT_EQ(status.conflicts, 1);
}

TEST_F(ArchiverTest, WhereAnotherCopyWasInBetweenAllIsReadAgainFromTheLog) {
  send(kFirst, {1, 2, 3});
  send(kSecond, {4});
  flush({{"every", "5s"}});
  then_wait(1);
  then([&](auto&) { another({kFirst}, "2"); });
  const auto status = ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3", "4"}));
  EXPECT_EQ(status.conflicts, 1);
  EXPECT_EQ(status.messages, 2) << "the third and the fourth";
}

TEST_F(ArchiverTest, CaughtUpIsNotWhatWasDropped) {
  send(kFirst, {1, 2, 3});
  // All of it waits, and another copy commits a part of it just before.
  at_version(1, [&] { another({kFirst}, "2"); });
  const auto status = ingest(kCaughtUp);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
  EXPECT_EQ(status.messages, 1);
}

TEST_F(ArchiverTest, AloneItReadsAgainWhatWasDropped) {
  send(kFirst, {1, 2, 3});
  at_version(1, [&] { another({kFirst}, "2"); });
  ingest(kCaughtUp, Reading::alone);
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
}

// --- the store ----------------------------------------------------------------------------------

TEST_F(ArchiverTest, AStoreThatFailsIsWaitedFor) {
  send(kFirst, {1, 2});
  flush({{"rows", "2"}});
  then([&](auto&) { faulty_.fail(0, Fault::before, Code::unavailable, true); });
  then([&](auto& consumer) {
    EXPECT_TRUE(consumer.paused()) << "nothing more is taken";
    send(kFirst, {3});
  });
  then_wait(20);
  then([&](auto& consumer) {
    EXPECT_TRUE(consumer.paused());
    EXPECT_EQ(told_.back().phase, "waiting for the store");
    faulty_.heal();
  });
  const auto status = ingest(kAWhile);
  EXPECT_TRUE(steps_.empty());
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
  EXPECT_EQ(status.problem, "");
  ASSERT_FALSE(problems().empty());
  EXPECT_EQ(problems().front().substr(0, 37), "waiting for the store: injected fault");
}

TEST_F(ArchiverTest, AFullDiskIsWaitedForAndARefusedOneIsNot) {
  send(kFirst, {1, 2});
  flush({{"rows", "2"}});
  then([&](auto&) { faulty_.fail(0, Fault::before, Code::full, true); });
  then([&](auto&) { faulty_.heal(); });
  ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
  send(kFirst, {3, 4});
  then([&](auto&) { faulty_.fail(0, Fault::before, Code::permission, true); });
  EXPECT_EQ(problem_of([&] { ingest(kAWhile); }).code, Code::permission);
}

TEST_F(ArchiverTest, AloneItDoesNotWaitForAStore) {
  send(kFirst, {1});
  then([&](auto&) { faulty_.fail(0, Fault::before, Code::unavailable, true); });
  EXPECT_EQ(problem_of([&] { ingest(kCaughtUp, Reading::alone); }).code, Code::unavailable);
  faulty_.heal();
  ingest(kCaughtUp, Reading::alone);
  EXPECT_EQ(rows(), Strings{"1"});
}

TEST_F(ArchiverTest, ACommitWhoseAnswerIsLostIsNotMadeTwice) {
  send(kFirst, {1, 2});
  flush({{"rows", "2"}});
  // It comes to be there, and from then on nobody answers.
  at_version(1, [&] { faulty_.fail(0, Fault::after, Code::unavailable, true); });
  then_wait(1);
  then([&](auto& consumer) {
    EXPECT_TRUE(consumer.paused());
    EXPECT_EQ(broker_.told.count(kFirst), 0u);
    faulty_.heal();
  });
  then_wait(2);
  then([&](auto&) { send(kFirst, {3, 4}); });
  const auto status = ingest(kAWhile);
  EXPECT_TRUE(steps_.empty());
  EXPECT_EQ(rows(), (Strings{"1", "2", "3", "4"}));
  EXPECT_EQ(status.messages, 4);
  EXPECT_EQ(status.conflicts, 0) << "the log is looked at before anything is written again";
  EXPECT_EQ(broker_.told.at(kFirst), 4);
  EXPECT_EQ(home_.table("bronze.events").latest_version(), 2);
}

TEST_F(ArchiverTest, ACommitThatNeverArrivedIsMadeAgain) {
  send(kFirst, {1, 2});
  flush({{"rows", "2"}});
  at_version(1, [&] { faulty_.fail(0, Fault::before, Code::unavailable, true); });
  then_wait(1);
  then([&](auto&) { faulty_.heal(); });
  ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
}

// --- the broker ---------------------------------------------------------------------------------

TEST_F(ArchiverTest, WhatWaitedIsReadAgainWhereTheBrokerWasAway) {
  send(kFirst, {1, 2});
  then_wait(1);
  then([](auto&) { throw Error(Code::unavailable, "no broker answers"); });
  ingest(kAWhile);
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
  EXPECT_EQ(problems(), (Strings{"waiting: no broker answers", "joining: no broker answers"}));
}

TEST_F(ArchiverTest, WhatRetentionRemovedIsAnErrorThatSaysHowMany) {
  send(kFirst, {1, 2});
  ingest(kCaughtUp);
  send(kFirst, {3, 4, 5, 6});
  broker_.logs[kFirst].first = 5;
  for (const auto reading : {Reading::member, Reading::alone}) {
    const auto problem = problem_of([&] { ingest(kCaughtUp, reading); });
    EXPECT_EQ(problem.code, Code::history_lost);
    EXPECT_NE(problem.message.find("3 messages behind 2 were removed"), std::string::npos);
  }
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
}

TEST_F(ArchiverTest, WhatRetentionRemovedIsPassedOverWhereTheSourceSaysSo) {
  from({.lost = "skip"});
  send(kFirst, {1, 2});
  ingest(kCaughtUp);
  send(kFirst, {3, 4, 5, 6});
  broker_.logs[kFirst].first = 5;
  ingest(kCaughtUp);
  EXPECT_EQ(rows(), (Strings{"1", "2", "6"}));
  EXPECT_EQ(report_.warnings, Strings{"3 messages of t/0 were gone before they were read"});
}

TEST_F(ArchiverTest, ATopicThatEndsBeforeWhatWasReadIsRefused) {
  send(kFirst, {1, 2, 3});
  ingest(kCaughtUp);
  broker_.logs[kFirst] = {};
  send(kFirst, {10});
  for (const auto reading : {Reading::member, Reading::alone}) {
    const auto problem = problem_of([&] { ingest(kCaughtUp, reading); });
    EXPECT_EQ(problem.code, Code::data);
    EXPECT_NE(problem.hint.find("made anew"), std::string::npos);
  }
  EXPECT_EQ(rows(), (Strings{"1", "2", "3"}));
}

TEST_F(ArchiverTest, ATopicThatIsNotThereIsAnError) {
  broker_.logs.clear();
  EXPECT_EQ(problem_of([&] { ingest(kCaughtUp); }).code, Code::not_found);
}

// --- where it begins ----------------------------------------------------------------------------

TEST_F(ArchiverTest, LatestIsCommittedBeforeTheFirstMessageIsRead) {
  from({.start = {std::string("latest"), {}}});
  send(kFirst, {1});
  then([](auto&) { throw Error(Code::permission, "as good as killed"); });
  EXPECT_EQ(problem_of([&] { ingest(kAWhile); }).code, Code::permission);
  send(kFirst, {2});
  ingest(kCaughtUp);
  EXPECT_EQ(rows(), Strings{"2"});
}

TEST_F(ArchiverTest, APartitionThatIsAddedLaterBeginsAtItsFirstMessage) {
  from({.start = {std::string("latest"), {}}});
  broker_.logs.erase(kSecond);
  send(kFirst, {1});
  ingest(kCaughtUp);
  send(kFirst, {2});
  send(kSecond, {3, 4});
  ingest(kCaughtUp);
  EXPECT_EQ(rows(), (Strings{"2", "3", "4"}));
}

TEST_F(ArchiverTest, WithoutColumnsTheFirstRowsMakeTheTable) {
  source_.columns.clear();
  send(kFirst, {1});
  ingest(kCaughtUp);
  EXPECT_EQ(rows(), Strings{"1"});
  from({.start = {std::string("latest"), {}}});
  source_.name = "bronze.others";
  EXPECT_EQ(problem_of([&] { ingest(kCaughtUp); }).code, Code::configuration);
}

TEST_F(ArchiverTest, WhatWaitsIsCounted) {
  send(kFirst, {1, 2});
  send(kSecond, {3});
  const IngestSink nobody;
  const auto waiting = [&] {
    return Archiver(context_, source_, {}, Reading::alone, broker_.consumers(steps_), cancel_,
                    nobody, report_)
        .waiting();
  };
  EXPECT_EQ(waiting(), 3);
  EXPECT_FALSE(home_.table("bronze.events").exists()) << "a look commits nothing";
  ingest(kCaughtUp);
  EXPECT_EQ(waiting(), 0);
  send(kSecond, {4});
  EXPECT_EQ(waiting(), 1);
}

// --- dead letters -------------------------------------------------------------------------------

TEST_F(ArchiverTest, ABrokenMessageIsSetAsideOnceHoweverOftenTheFlushIsMade) {
  send(kFirst, {1});
  broker_.logs[kFirst].values.push_back("{");
  send(kFirst, {2});
  flush({{"rows", "3"}});
  // The dead letters are committed, and the rows are not.
  at_version(1, [&] { faulty_.fail(0, Fault::before, Code::unavailable, true); });
  then_wait(1);
  then([&](auto&) {
    faulty_.heal();
    EXPECT_EQ(rows(), Strings{});
    EXPECT_EQ(rows("bronze.events_rejected", "\"offset\", content"), Strings{"1|{"});
  });
  const auto status = ingest(kAWhile);
  EXPECT_TRUE(steps_.empty());
  EXPECT_EQ(rows(), (Strings{"1", "2"}));
  EXPECT_EQ(rows("bronze.events_rejected", "\"offset\", content"), Strings{"1|{"});
  EXPECT_EQ(status.rejected, 1);
  EXPECT_EQ(status.messages, 3);
  broker_.logs[kFirst].values.push_back("[");
  ingest(kCaughtUp);
  EXPECT_EQ(rows("bronze.events_rejected", "\"offset\", content"), (Strings{"1|{", "3|["}));
}

}  // namespace
}  // namespace windrow::tasks
