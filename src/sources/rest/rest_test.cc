#include <gtest/gtest.h>

#include "base/clock.h"
#include "sources/rest/extraction.h"
#include "sources/rest/json_slices.h"
#include "sources/rest/throttle.h"
#include "sources/sse/event_parser.h"

namespace windrow::sources {
namespace {

using namespace std::chrono_literals;

TEST(JsonSlices, FindsValuesAsTheyStand) {
  const std::string text =
      R"({ "a" : {"b": [1.10, {"c":"x\"],}"}], "e.f": 12345678901234567890}, "esc\u0061pe":"\u00e9" ,"n":null})";
  ASSERT_TRUE(valid_json(text));
  EXPECT_EQ(json_at(text, "a.b[0]"), "1.10");
  EXPECT_EQ(json_at(text, "$.a.b.1.c"), R"("x\"],}")");
  EXPECT_EQ(json_at(text, "a.b[7]"), std::nullopt);
  EXPECT_EQ(json_at(text, "escape"), R"("\u00e9")");
  EXPECT_EQ(json_text(*json_at(text, "escape")), "é");
  EXPECT_EQ(json_text(*json_at(text, "n")), std::nullopt);
  EXPECT_EQ(json_at(json_at(text, "a").value(), "e.f"), "12345678901234567890");
  EXPECT_EQ(json_elements(*json_at(text, "a.b"))->size(), 2u);
  EXPECT_EQ(json_elements("[ ]")->size(), 0u);
  EXPECT_EQ(json_elements("{}"), std::nullopt);
  EXPECT_EQ(json_members(R"({"x":1, "y":[2,3]})").at(1).second, "[2,3]");
  EXPECT_EQ(json_integer("\"12\""), 12);
  EXPECT_EQ(json_integer("12.5"), std::nullopt);
  EXPECT_FALSE(valid_json(text.substr(0, text.size() / 2)));
  EXPECT_FALSE(valid_json(""));
}

TEST(TokenBucket, LetsThroughNoMoreThanItsRate) {
  const TokenBucket::Clock::time_point start{1000s};
  TokenBucket bucket(4, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(bucket.take(start), start + i * 250ms);
  EXPECT_EQ(bucket.take(start + 10s), start + 10s);  // no more than one is saved up
  EXPECT_EQ(bucket.take(start + 10s), start + 10s + 250ms);
  TokenBucket burst(4, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(burst.take(start), start);
  EXPECT_EQ(burst.take(start), start + 250ms);
  TokenBucket free(0, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(free.take(start), start);
}

TEST(Throttle, OpensAfterFailuresInARowAndLetsOneLook) {
  Throttle throttle(0, 1, 3, 30ms);
  Cancel cancel;
  throttle.failed();
  throttle.failed();
  throttle.succeeded();
  throttle.failed();
  throttle.failed();
  EXPECT_FALSE(throttle.open());
  throttle.failed();
  EXPECT_TRUE(throttle.open());
  throttle.wait(cancel);  // this one looks
  EXPECT_TRUE(throttle.open());
  throttle.succeeded();
  EXPECT_FALSE(throttle.open());
  cancel.request();
  EXPECT_THROW(throttle.wait(cancel), Error);
}

TEST(RetryAfter, TakesSecondsAndDates) {
  const Time now = *parse_time("2025-10-17T14:00:00Z");
  EXPECT_EQ(retry_after("120", now), 120s);
  EXPECT_EQ(retry_after("0.5", now), 500ms);
  EXPECT_EQ(retry_after("Fri, 17 Oct 2025 14:00:30 GMT", now), 30s);
  EXPECT_EQ(retry_after("Fri, 17 Oct 2025 13:00:00 GMT", now), 0s);
  EXPECT_EQ(retry_after("soon", now), std::nullopt);
  EXPECT_EQ(retry_after("", now), std::nullopt);
}

TEST(Cursor, GrowsAndOverlaps) {
  EXPECT_EQ(later_cursor("9", "10"), "10");
  EXPECT_EQ(later_cursor("2025-01-02T00:00:00+02:00", "2025-01-01T23:00:00Z"),
            "2025-01-01T23:00:00Z");
  EXPECT_EQ(later_cursor("", "a"), "a");
  EXPECT_EQ(later_cursor("b", "a"), "b");
  RestResource resource;
  EXPECT_EQ(with_overlap(resource, "x"), "x");
  resource.overlap = "1d";
  EXPECT_EQ(with_overlap(resource, "2025-03-01"), "2025-02-28");
  EXPECT_EQ(with_overlap(resource, "2025-03-01T12:00:00Z"), "2025-02-28T12:00:00Z");
  EXPECT_EQ(with_overlap(resource, "1760000000"), "1759913600");
  EXPECT_EQ(with_overlap(resource, "1760000000000"), "1759913600000");
  EXPECT_THROW(with_overlap(resource, "abc"), Error);
  resource.overlap = "5";
  EXPECT_EQ(with_overlap(resource, "100"), "95");
}

TEST(RestProgress, ReadsBack) {
  Progress progress;
  progress.sequence = 7;
  progress.extraction = "2025-10-17T14:00:00Z";
  progress.level = 1;
  progress.parents_after = R"({"id":"a\"b"})";
  Stream stream;
  stream.resource = 2;
  stream.parent = R"({"id":5})";
  stream.paging.by = Paging::By::link;
  stream.next = {3, 0, "http://x/?a=1&b=é"};
  stream.records = "results";
  stream.promised = 50;
  progress.streams = {stream, Stream{}};
  progress.cursors["movies"] = "2025";
  progress.tallies["movies"].records = 12;
  const auto back = progress_from_json(to_json(progress));
  EXPECT_EQ(to_json(back), to_json(progress));
  ASSERT_EQ(back.streams.size(), 2u);
  EXPECT_EQ(back.streams[0].next.token, "http://x/?a=1&b=é");
  EXPECT_TRUE(back.streams[0].found);
  EXPECT_FALSE(back.streams[1].found);
  EXPECT_EQ(progress_from_json("").sequence, 0);
  EXPECT_THROW(progress_from_json("{"), Error);
  EXPECT_THROW(progress_from_json("{\"format\":2}"), Error);
}

TEST(RestUrl, FillsInParentsAndPages) {
  RestConfig config;
  config.server.url = "https://api.example/3";
  RestResource resource;
  resource.path = "/movie/{movies.id}/reviews";
  resource.params = {{"name", "{movies.name}"}, {"q", "a b&c"}};
  resource.cursor_param = "since";
  Stream stream;
  stream.parent = R"({"id":"a/b","name":"x y"})";
  stream.paging.by = Paging::By::page;
  stream.paging.param = "page";
  EXPECT_EQ(url_of(config, resource, stream, {1, 2, ""}, "2025"),
            "https://api.example/3/movie/a%2Fb/reviews?name=x%20y&q=a%20b%26c&since=2025&page=2");
  stream.paging.by = Paging::By::link;
  EXPECT_EQ(url_of(config, resource, stream, {1, 2, "https://next"}, ""), "https://next");
}

struct Heard {
  std::vector<std::string> all;
  EventParser parser{[this](StreamEvent e) {
                       all.push_back(e.id + "|" + e.type + "|" + e.data);
                       lengths.push_back(e.bytes);
                     },
                     1000};
  std::vector<uint64_t> lengths;
};

TEST(EventParser, AnEventThatIsTooLongIsToldAndTheNextOneComes) {
  Heard heard;
  const std::string line(800, 'x');
  heard.parser.feed("id: 1\ndata: " + line + "\ndata: " + line + "\n\n");
  heard.parser.feed("id: 2\ndata: " + std::string(100'000, 'y') + "\n\nid: 3\ndata: short\n\n");
  ASSERT_EQ(heard.lengths.size(), 3u);
  EXPECT_GT(heard.lengths[0], 1000u);
  EXPECT_GT(heard.lengths[1], 99'000u);
  EXPECT_LT(heard.all[1].size(), 1100u);
  EXPECT_EQ(heard.all[2], "3|message|short");
}

TEST(EventParser, ReadsEventsInPiecesOfAnySize) {
  const std::string text =
      "\xEF\xBB\xBF: hello\n\ndata: one\nid: 1\n\nevent:x\rdata:a\rdata: b\r\rdata\r\n\r\nid: 2\n\n"
      "data:  two\nretry: 250\nretry: x\nunknown: y\n\ndata: cut";
  const std::vector<std::string> expected = {"1|message|one", "1|x|a\nb", "1|message|",
                                             "2|message| two"};
  for (const size_t size : {size_t(1), size_t(2), size_t(7), text.size()}) {
    Heard heard;
    for (size_t at = 0; at < text.size(); at += size)
      heard.parser.feed(std::string_view(text).substr(at, size));
    EXPECT_EQ(heard.all, expected) << size;
    EXPECT_EQ(heard.parser.retry_ms(), 250);
  }
}

}  // namespace
}  // namespace windrow::sources
