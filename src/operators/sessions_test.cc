#include <gtest/gtest.h>

#include "operators/rows_fixture.h"

namespace windrow::operators {
namespace {

using columns::BatchBuilder;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Kind = Type::Kind;

constexpr int64_t kMinute = 60'000'000;

struct Event {
  std::optional<std::string> user;
  std::optional<int64_t> at;
};

auto reader_of(std::vector<Event> events, size_t batch, Kind time) {
  const auto put = [](BatchBuilder& builder, const Event& event) {
    event.user ? builder.text(0, *event.user) : builder.null(0);
    event.at ? builder.integer(1, *event.at) : builder.null(1);
  };
  return std::make_unique<RowsReader<Event>>(
      Schema{{{"user", Type{Kind::string}}, {"at", Type{time}}}}, std::move(events), batch, put);
}

Settings settings_of(const std::map<std::string, columns::Setting>& given) {
  return settings_for(sessions(), given);
}
Settings usual(const std::string& gap = "30m") {
  return settings_of({{"key", {{"user"}, {}}}, {"time", {{"at"}, {}}}, {"gap", {{gap}, {}}}});
}

/// `id@start` of each row.
std::vector<std::string> sessions_in(std::vector<Event> events, const Settings& settings,
                                     size_t batch = 3, Kind time = Kind::timestamp) {
  const auto reader = sessions().run(reader_of(std::move(events), batch, time), settings);
  EXPECT_EQ(reader->layout()->schema().fields.back().name, "session_start");
  std::vector<std::string> out;
  while (const auto found = reader->next()) {
    for (int64_t row = 0; row < found->rows(); ++row) {
      const auto id = found->column(2), start = found->column(3);
      out.push_back(id.null(row) ? "-"
                                 : std::to_string(id.integer(row)) + "@" +
                                       std::to_string(start.integer(row)));
    }
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(Sessions, EndWhereTheGapIsLonger) {
  const std::vector<Event> events{{"a", 0}, {"a", 30 * kMinute},  {"a", 60 * kMinute + 1}, {"b", 0},
                                  {"b", 1}, {"b", 300 * kMinute}, {"b", 300 * kMinute}};
  const Strings expected{"1@0", "1@0",           "2@3600000001", "1@0",
                         "1@0", "2@18000000000", "2@18000000000"};
  // However the rows are dealt out.
  for (const size_t batch : {1u, 2u, 3u, 100u})
    EXPECT_EQ(sessions_in(events, usual(), batch), expected);
}

TEST(Sessions, NullsAreAKeyAndNoTime) {
  EXPECT_EQ(sessions_in({{{}, {}}, {{}, 5}, {{}, 6}, {"", 6}, {"a", {}}, {"a", 7}}, usual()),
            (Strings{"-", "1@5", "1@5", "1@6", "-", "1@7"}));
  EXPECT_EQ(sessions_in({}, usual()), Strings{});
}

TEST(Sessions, TimesAtTheEndsDoNotOverflow) {
  const int64_t least = std::numeric_limits<int64_t>::min() + 1, most = -least;
  EXPECT_EQ(sessions_in({{"a", least}, {"a", most}}, usual("1d")),
            (Strings{"1@" + std::to_string(least), "2@" + std::to_string(most)}));
  EXPECT_EQ(sessions_in({{"a", 1}, {"a", 2}, {"a", 4}}, usual("1d"), 3, Kind::date),
            (Strings{"1@1", "1@1", "2@4"}));
}

TEST(Sessions, SayEverythingThatIsWrongAtOnce) {
  Problems problems;
  const Settings wrong("sessions", sessions().parameters(),
                       {{"keys", {{"user"}, {"m.sql", 3, 5}}},
                        {"time", {{"at", "too"}, {"m.sql", 4, 5}}},
                        {"gap", {{"long"}, {"m.sql", 5, 5}}}},
                       {"m.sql", 2, 1}, problems);
  Strings found;
  for (const auto& problem : problems.all())
    found.push_back(problem.place.text() + " " + problem.message + "; " + problem.hint);
  EXPECT_EQ(found,
            (Strings{"m.sql:3:5 operator \"sessions\" has no parameter \"keys\"; did you mean "
                     "\"key\"?",
                     "m.sql:2:1 operator \"sessions\" needs \"key\"; Columns of whose values each "
                     "has sessions of its own.",
                     "m.sql:4:5 \"time\" of operator \"sessions\" is one text; The DATE or "
                     "TIMESTAMP column that rows are ordered by.",
                     "m.sql:5:5 \"gap\" of operator \"sessions\" is a duration such as 30m; A "
                     "longer time without a row ends a session."}));
  const Schema input{{{"user", Type{Kind::array, 0, 0, {{"element", Type{Kind::string}}}}},
                      {"at", Type{Kind::string}},
                      {"Session_Id", Type{Kind::long_}}}};
  try {
    sessions().output(input, settings_of({{"key", {{"user", "usr"}, {}}}, {"time", {{"at"}, {}}}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 4u);
  }
}

TEST(Sessions, TheSameMeaningHasTheSameText) {
  EXPECT_EQ(usual("30m").canonical(), usual("1800s").canonical());
  EXPECT_EQ(usual("30m").canonical(),
            settings_of({{"key", {{"user"}, {}}}, {"time", {{"at"}, {}}}}).canonical());
  EXPECT_NE(usual("30m").canonical(), usual("31m").canonical());
}

}  // namespace
}  // namespace windrow::operators
