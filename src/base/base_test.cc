#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/cancel.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/interval.h"
#include "base/local_time.h"
#include "base/nearest.h"
#include "base/secret_text.h"
#include "base/secrets.h"
#include "base/time.h"
#include "base/url.h"

namespace windrow {
namespace {

using namespace std::chrono_literals;

Time at(std::string_view text, std::string_view zone = "UTC") {
  const auto t = parse_time(text, zone);
  EXPECT_TRUE(t) << text;
  return t.value_or(Time{});
}

TEST(Hash, Base64AndHmac) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(hexadecimal(hmac_sha256("key", "The quick brown fox jumps over the lazy dog")),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

TEST(TimeText, ReadsWhatItWrites) {
  for (const char* text :
       {"1970-01-01T00:00:00Z", "2025-10-17T14:00:00Z", "1969-12-31T23:59:59.999999Z",
        "2024-02-29T12:30:01.5Z", "9999-12-31T23:59:59Z"}) {
    EXPECT_EQ(iso(at(text)), text);
  }
}

TEST(TimeText, KnowsOffsetsAndZones) {
  EXPECT_EQ(iso(at("2025-10-17 14:00+02:00")), "2025-10-17T12:00:00Z");
  EXPECT_EQ(iso(at("2025-10-17 14:00", "Europe/Berlin")), "2025-10-17T12:00:00Z");
  EXPECT_EQ(iso(at("2025-10-26 02:30", "Europe/Berlin")),
            "2025-10-26T00:30:00Z");  // twice there: the first
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2025", "2025-13-01", "2025-02-29", "2025-10-17T", "2025-10-17T25:00", "2025-10-17x",
        "2025-10-17T14:00+2", "2025-10-17T14:00:00.Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(DurationText, ReadsSums) {
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("90d"), std::chrono::hours(90 * 24));
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(duration_text(90min), "1h30m");
  EXPECT_EQ(duration_text(std::chrono::hours(90 * 24)), "90d");
  for (const char* text : {"", "5", "m", "5x", "-5s", "1.5h", "99999999999999w", "999999999999w"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Errors, AreSortedByPlaceAndToldOnce) {
  Problems problems;
  problems.add(Code::configuration, "second", "", {"a.yaml", 9, 1});
  problems.add(Code::configuration, "first", "do this", {"a.yaml", 2, 5});
  problems.add(Code::configuration, "second", "", {"a.yaml", 9, 1});
  try {
    problems.raise();
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.problems().size(), 2u);
    EXPECT_STREQ(error.what(), "first (a.yaml:2:5)\n  hint: do this\nsecond (a.yaml:9:1)");
  }
}

TEST(IntervalSets, AgreeWithABitmap) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    IntervalSet set;
    std::vector<bool> bits(64);
    for (int step = 0; step < 20; ++step) {
      const int a = int(random() % 64), b = int(random() % 65);
      const bool adds = random() % 3 != 0;
      const Interval part{time_from_micros(a), time_from_micros(b)};
      adds ? set.add(part) : set.remove(part);
      for (int i = a; i < b; ++i) bits[size_t(i)] = adds;
      for (int i = 0; i < 64; ++i) {
        ASSERT_EQ(set.contains({time_from_micros(i), time_from_micros(i + 1)}), bits[size_t(i)]);
        ASSERT_EQ(set.overlaps({time_from_micros(i), time_from_micros(i + 1)}), bits[size_t(i)]);
      }
      for (size_t i = 1; i < set.parts().size(); ++i)
        ASSERT_LT(set.parts()[i - 1].end, set.parts()[i].start);
    }
  }
}

TEST(IntervalSets, Intersect) {
  const IntervalSet a{{time_from_micros(0), time_from_micros(10)},
                      {time_from_micros(20), time_from_micros(30)}};
  const IntervalSet b{{time_from_micros(5), time_from_micros(25)}};
  EXPECT_EQ(a & b, (IntervalSet{{time_from_micros(5), time_from_micros(10)},
                                {time_from_micros(20), time_from_micros(25)}}));
  EXPECT_EQ(a & IntervalSet{}, IntervalSet{});
}

TEST(Grains, DaysFollowTheZone) {
  const Grain day = *Grain::parse("day", "Europe/Berlin");
  const auto spring = day.around(at("2025-03-30 12:00", "Europe/Berlin"));
  const auto autumn = day.around(at("2025-10-26 12:00", "Europe/Berlin"));
  EXPECT_EQ(spring.end - spring.start, 23h);
  EXPECT_EQ(autumn.end - autumn.start, 25h);
  EXPECT_EQ(day.label(autumn), "2025-10-26");
  EXPECT_EQ(day.floor(spring.start), spring.start);
  EXPECT_EQ(day.ceil(spring.start), spring.start);
}

TEST(Grains, TileTheYearInEveryZone) {
  for (const char* zone :
       {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"}) {
    for (const char* name : {"15m", "hour", "6h", "day", "week", "month", "quarter", "year"}) {
      const Grain grain = *Grain::parse(name, zone);
      Time t = grain.floor(at("2025-01-01"));
      for (int i = 0; i < 3000 && t < at("2026-01-01"); ++i) {
        const Time next = grain.next(t);
        ASSERT_GT(next, t) << zone << " " << name << " " << iso(t);
        ASSERT_EQ(grain.floor(t), t) << zone << " " << name << " " << iso(t);
        ASSERT_EQ(grain.floor(next - 1us), t) << zone << " " << name << " " << iso(t);
        t = next;
      }
    }
  }
}

// What the engine compares, and the clocks' own tables, against the intervals: every minute of the
// days around each change.
TEST(Grains, DivideLocalTimesAsTheyDivideMoments) {
  const std::pair<const char*, const char*> changes[] = {
      {"Europe/Berlin", "2025-03-29"},       {"Europe/Berlin", "2025-10-25"},
      {"America/New_York", "2025-03-08"},    {"America/New_York", "2025-11-01"},
      {"Australia/Lord_Howe", "2025-10-04"}, {"Australia/Lord_Howe", "2025-04-05"},
      {"America/Havana", "2025-11-01"},      {"America/Havana", "2025-03-08"},
      {"Atlantic/Azores", "2025-10-25"},     {"America/St_Johns", "2010-11-06"},
      {"America/St_Johns", "2010-03-13"},    {"Pacific/Apia", "2011-12-29"},
      {"Africa/Cairo", "2024-04-25"},        {"Asia/Kolkata", "2025-03-08"}};
  for (const auto& [zone, day] : changes) {
    for (const char* name : {"minute", "15m", "30m", "hour", "6h", "day", "week"}) {
      const Grain grain = *Grain::parse(name, zone);
      const Time begin = at(day);
      Time last_start = kEver;
      for (Time local = begin; local < begin + 72h; local += 1min) {
        const auto where = std::string(zone) + " " + name + " " + iso(local);
        const Interval all = moments_of({local, local + 1min}, zone);
        ASSERT_LT(all.start, all.end) << where;
        const Interval one = grain.around(all.start);
        // All that it may stand for lies in one interval, whose local range holds it.
        ASSERT_LE(all.end, one.end) << where;
        ASSERT_LE(local_boundary(one.start, zone), local) << where;
        ASSERT_LE(local + 1min, local_boundary(one.end, zone)) << where;
        ASSERT_GE(one.start, last_start) << where;
        last_start = one.start;
      }
    }
  }
}

TEST(Grains, TheHourThatComesTwiceIsOneInterval) {
  const Grain hour = *Grain::parse("hour", "Europe/Berlin"),
              quarter = *Grain::parse("15m", "Europe/Berlin");
  const Interval twice{at("2025-10-26T00:00:00Z"), at("2025-10-26T02:00:00Z")};
  EXPECT_EQ(hour.around(at("2025-10-26T00:30:00Z")), twice);
  EXPECT_EQ(hour.around(at("2025-10-26T01:30:00Z")), twice);
  EXPECT_EQ(quarter.around(at("2025-10-26T00:30:00Z")), twice);
  EXPECT_EQ(hour.label(twice), "2025-10-26T02");
  EXPECT_EQ(quarter.next(twice.start - 15min), twice.start);
  // After the missing hour as much is one interval: its times read by the clocks of before belong
  // to it as well.
  const Interval after{at("2025-03-30T01:00:00Z"), at("2025-03-30T02:00:00Z")};
  EXPECT_EQ(quarter.around(at("2025-03-30T01:50:00Z")), after);
  EXPECT_EQ(iso(local_boundary(after.start, "Europe/Berlin")), "2025-03-30T02:00:00Z");
  EXPECT_EQ(iso(local_boundary(after.end, "Europe/Berlin")), "2025-03-30T04:00:00Z");
}

TEST(Grains, EndWithTheCalendar) {
  for (const char* zone : {"UTC", "Europe/Berlin", "Pacific/Auckland"}) {
    for (const char* name :
         {"minute", "15m", "hour", "6h", "day", "week", "month", "quarter", "year"}) {
      const Grain grain = *Grain::parse(name, zone);
      for (const Time t : {kEver, kEver + 1us, kCalendarBegin - 1us})
        EXPECT_EQ(grain.around(t), (Interval{kEver, kCalendarBegin})) << zone << name;
      for (const Time t : {kCalendarEnd, kNever - 1us, kNever})
        EXPECT_EQ(grain.around(t), (Interval{kCalendarEnd, kNever})) << zone << name;
      EXPECT_EQ(grain.widen(Interval{kEver, kNever}), (Interval{kEver, kNever}));
      EXPECT_EQ(grain.around(kCalendarBegin).start, kCalendarBegin) << zone << name;
      EXPECT_EQ(grain.around(kCalendarEnd - 1us).end, kCalendarEnd) << zone << name;
    }
  }
  EXPECT_EQ(Grain::parse("day", "UTC")->label({kEver, kCalendarBegin}), "before 0001");
}

TEST(LocalTimes, ReachAsFarAsEitherWayOfCounting) {
  const char* zone = "Europe/Berlin";
  // Three hours on the clocks were four over the night in which they went back.
  EXPECT_EQ(later_by(at("2025-10-26T00:00:00Z"), 3h, zone), at("2025-10-26T04:00:00Z"));
  EXPECT_EQ(earlier_by(at("2025-10-26T03:00:00Z"), 3h, zone), at("2025-10-25T23:00:00Z"));
  EXPECT_EQ(later_by(at("2025-10-25T19:00:00Z"), 24h, zone), at("2025-10-26T20:00:00Z"));
  EXPECT_EQ(later_by(at("2025-03-29T19:00:00Z"), 24h, zone), at("2025-03-30T19:00:00Z"));
  EXPECT_EQ(later_by(at("2025-03-29T19:00:00Z"), 0h, zone), at("2025-03-29T19:00:00Z"));
  EXPECT_EQ(later_by(kNever, 24h, zone), kNever);
  EXPECT_EQ(earlier_by(kEver, 24h, zone), kEver);
  EXPECT_EQ(later_by(kNever - 1h, 24h, "UTC"), kNever);
}

TEST(Grains, RefuseWhatDoesNotTile) {
  for (const char* text : {"7m", "5h", "fortnight", "", "2d", "0m"})
    EXPECT_FALSE(Grain::parse(text, "UTC")) << text;
  EXPECT_THROW(Grain::parse("day", "Mars/Olympus"), Error);
}

TEST(SecretValues, AreMaskedInEveryForm) {
  Secrets secrets;
  secrets.learn("p@ss\"wo'rd é/");
  secrets.learn("p@ss\"wo'rd é/longer");
  secrets.learn("abc");
  EXPECT_EQ(secrets.redact("x p@ss\"wo'rd é/longer y p%40ss%22wo%27rd%20%C3%A9%2F z "
                           "p%40ss%22wo%27rd+%c3%a9/ p@ss\\\"wo'rd é/ p@ss\"wo''rd é/ abc"),
            "x *** y *** z *** *** *** abc");
}

TEST(SecretValues, AreNoCommonWordsAndNoCounts) {
  Secrets secrets;
  for (const char* value : {"true", "False", "none", "localhost", "12", "8080", "postgres", "1.25"})
    secrets.learn(value);
  EXPECT_EQ(secrets.redact("true False none localhost 12 8080 postgres 1.25"),
            "true False none localhost 12 8080 postgres 1.25");
  secrets.learn("84315537");
  EXPECT_EQ(secrets.redact("pin 84315537"), "pin ***");
}

TEST(SecretValues, AreMaskedInsideOfJsonsTextsAlone) {
  Secrets secrets;
  secrets.learn("123456");
  secrets.learn("p\"w\\é");
  secrets.learn("\": \"123");  // as it stands between two texts
  EXPECT_EQ(
      redact_json(secrets, R"({"rows": 123456, "a": "123456 \u0070\"w\\\u00e9 é", "b": "ok\n"})"),
      R"({"rows": 123456, "a": "*** *** é", "b": "ok\n"})");
  EXPECT_EQ(redact_json(secrets, "{\"a\": \"123456"), "{\"a\": \"***");
}

TEST(SecretValues, AreMaskedWhereATextWasCut) {
  Secrets secrets;
  secrets.learn("hunter22-and-more");
  EXPECT_EQ(secrets.redact("is not hunter22-an…, hun… nor hunter22-and-more…"),
            "is not ***…, hun… nor ***…");
}

TEST(SecretValues, OfSeveralLinesAreMaskedLineByLine) {
  Secrets secrets;
  secrets.learn("-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n");
  EXPECT_EQ(secrets.redact("bad line: hkiG9w0BAQEFAASC"), "bad line: ***");
}

TEST(SecretValues, OfUrlsAreTheirPasswords) {
  Secrets secrets;
  learn_url(secrets, "postgresql://app:hunt%40er%2F2@db.example:5432/films?sslpassword=k3yfile");
  EXPECT_EQ(secrets.redact("app hunt@er/2 hunt%40er%2F2 db.example films k3yfile"),
            "app *** *** db.example films ***");
  learn_url(secrets, "postgresql://app:s3c/r3t@w0rd@db.example/films");
  EXPECT_EQ(secrets.redact("s3c/r3t@w0rd"), "***");
}

TEST(SecretNames, AreWhatSecretsAreCalled) {
  for (const char* name : {"DB_PASSWORD", "password", "dbPassword", "API_KEY", "apikey",
                           "X-Api-Key", "SECRET", "client.secret", "ACCESS_TOKEN2", "PGPASSWORD",
                           "MY_PASS", "sasl.password", "AWS_ACCESS_KEY_ID", "credentials"})
    EXPECT_TRUE(names_secret(name)) << name;
  for (const char* name : {"FEATURE_FLAG", "KEYSPACE", "TOKEN_FILE", "KEY_COLUMN", "token_url",
                           "ssl.key.location", "USER", "COMPASS", "PASSENGERS", ""})
    EXPECT_FALSE(names_secret(name)) << name;
}

TEST(Urls, AreTakenApart) {
  const auto url = split_url("postgresql://a:b%40@h1:1,[::1]:2/db/x?c=d&e=f#g");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "postgresql");
  EXPECT_EQ(url->user_info, "a:b%40");
  EXPECT_EQ(url->password(), "b%40");
  EXPECT_EQ(url->hosts, "h1:1,[::1]:2");
  EXPECT_EQ(hosts_of(url->hosts), (std::vector<std::string>{"h1", "::1"}));
  EXPECT_EQ(url->path, "/db/x");
  ASSERT_EQ(url->parameters().size(), 2u);
  EXPECT_EQ(url->parameters()[1].first, "e");
  EXPECT_FALSE(split_url("/a/b"));
  EXPECT_FALSE(split_url("1a://b"));
  EXPECT_FALSE(split_url("see https://a"));
}

TEST(Urls, ThatSaySomethingElseAreFound) {
  for (const char* url :
       {"postgresql://u:p@ss@h/db", "postgresql://u:p/ss@h/db", "postgresql://u:12/ss@h/db",
        "postgresql://u:p?ss@h/db", "postgresql://u:p#ss@h/db", "postgresql://u:p ss@h/db",
        "postgresql://u:p%zz@h/db", "postgresql://u:p:q@h/db", "mongodb://u:p/w@h",
        "https://u:p/w@h", "https://u:p?w@h/", "http://h:port/"})
    EXPECT_NE(url_problem(url), "") << url;
  for (const char* url : {"postgresql://u:p%40ss@h:5432/db?a=b", "postgresql:///db?host=/run",
                          "mongodb+srv://u:p@h/db", "mongodb://u:p@a:1,b:2/db", "https://h/@user/x",
                          "http://[::1]:80/", "https://h:1/a?b=c@d"})
    EXPECT_EQ(url_problem(url), "") << url;
}

TEST(Urls, KnowThisMachine) {
  for (const char* host :
       {"localhost", "LOCALHOST.", "127.0.0.1", "127.1.2.3", "::1", "/run/pg", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"", "db", "127.0.0.1.example", "127.evil", "10.0.0.1", "0.0.0.0", "::2",
                           "localhost.example"})
    EXPECT_FALSE(is_loopback(host)) << host;
  EXPECT_FALSE(all_loopback({}));
  EXPECT_FALSE(all_loopback({"localhost", "db"}));
}

TEST(Hash, IsSha256) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Ids, SortByTime) {
  EXPECT_NE(new_uuid(), new_uuid());
  EXPECT_LT(new_ordered_uuid(at("2025-01-01")), new_ordered_uuid(at("2025-01-01T00:00:00.001Z")));
  EXPECT_EQ(new_uuid().size(), 36u);
}

TEST(Nearest, FindsTheTypo) {
  EXPECT_EQ(nearest("tagss", {"tags", "owner"}), "tags");
  EXPECT_EQ(nearest("desciption", {"tags", "description"}), "description");
  EXPECT_FALSE(nearest("zebra", {"tags", "owner"}));
}

TEST(Cancelling, ReachesChildrenAndCallbacks) {
  Cancel parent;
  Cancel child(parent);
  int called = 0;
  auto kept = child.on_request([&] { ++called; });
  {
    auto dropped = child.on_request([&] { called += 100; });
  }
  std::thread waiter([&] { EXPECT_TRUE(child.wait_for(10s)); });
  parent.request();
  waiter.join();
  EXPECT_EQ(called, 1);
  EXPECT_THROW(child.check(), Error);
  Cancel lonely;
  EXPECT_FALSE(lonely.wait_for(1ms));
}

}  // namespace
}  // namespace windrow
