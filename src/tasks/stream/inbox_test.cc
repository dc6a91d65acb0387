#include "tasks/stream/inbox.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace windrow::tasks {
namespace {

using namespace std::chrono_literals;

struct InboxTest : testing::Test {
  void send(const std::string& value) {
    clients::KafkaMessage message;
    message.from = &from;
    message.offset = offset++;
    message.value = value;
    inbox.add(message);
  }
  sources::KafkaOptions options = [] {
    sources::KafkaOptions out;
    out.flush_rows = 3;
    out.flush_bytes = 1000;
    out.flush_every = 60s;
    return out;
  }();
  FakeClock clock{Time()};
  Inbox inbox{options, false, clock};
  const clients::KafkaPartition from{"t", 0};
  int64_t offset = 100;
};

TEST_F(InboxTest, IsDueByRows) {
  send("a");
  send("b");
  EXPECT_FALSE(inbox.due());
  EXPECT_EQ(inbox.room(), 1u);
  send("c");
  EXPECT_TRUE(inbox.due());
  EXPECT_EQ(inbox.room(), 1u) << "a call that may take nothing would never end";
  EXPECT_EQ(inbox.next(), (clients::KafkaOffsets{{from, 103}}));
}

TEST_F(InboxTest, IsDueByBytes) {
  send(std::string(900, 'x'));
  EXPECT_FALSE(inbox.due());
  send(std::string(100, 'x'));
  EXPECT_TRUE(inbox.due());
}

TEST_F(InboxTest, IsDueByTheTimeOfItsFirstMessage) {
  clock.advance(100s);
  EXPECT_FALSE(inbox.due());
  EXPECT_EQ(inbox.time_left(100ms), 100ms);
  send("a");
  clock.advance(59'950ms);
  send("b");
  EXPECT_FALSE(inbox.due());
  EXPECT_EQ(inbox.time_left(100ms), 50ms);
  clock.advance(50ms);
  EXPECT_TRUE(inbox.due());
  clock.advance(1s);
  EXPECT_EQ(inbox.time_left(100ms), 0ms);
}

TEST_F(InboxTest, BeginsAnewWhenItIsCleared) {
  send("a");
  clock.advance(70s);
  inbox.clear();
  EXPECT_TRUE(inbox.empty());
  EXPECT_FALSE(inbox.due());
  send("b");
  EXPECT_FALSE(inbox.due());
  EXPECT_EQ(inbox.time_left(100ms), 100ms);
}

}  // namespace
}  // namespace windrow::tasks
