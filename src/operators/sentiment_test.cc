#include <gtest/gtest.h>

#include "operators/rows_fixture.h"
#include "operators/vader.h"

namespace windrow::operators {
namespace {

using columns::BatchBuilder;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Texts = std::vector<std::optional<std::string>>;

auto reader_of(const Texts& texts, size_t batch) {
  const auto put = [](BatchBuilder& builder, const std::optional<std::string>& text) {
    text ? builder.text(0, *text) : builder.null(0);
  };
  return std::make_unique<RowsReader<std::optional<std::string>>>(
      Schema{{{"review", Type{Type::Kind::string}}}}, texts, batch, put);
}

Settings of_column(const std::string& text) {
  return settings_for(sentiment(), {{"text", {{text}, {"m.sql", 2, 31}}}});
}

std::vector<std::string> labels_of(const Texts& texts, size_t batch) {
  const auto reader = sentiment().run(reader_of(texts, batch), of_column("review"));
  std::vector<std::string> out;
  while (const auto found = reader->next()) {
    for (int64_t row = 0; row < found->rows(); ++row) {
      const auto text = found->column(0), score = found->column(1), label = found->column(2);
      if (label.null(row)) {
        for (size_t i = 1; i <= 5; ++i) EXPECT_TRUE(found->column(i).null(row));
        out.push_back("-");
        continue;
      }
      EXPECT_EQ(score.real(row), polarity(text.text(row)).compound);
      out.emplace_back(label.text(row));
    }
  }
  return out;
}

TEST(SentimentOperator, GivesTheSameHoweverRowsAreDealtOut) {
  const Texts texts{"a great film", std::nullopt, "a film", "", "dreadful", "not bad"};
  const std::vector<std::string> expected{"positive", "-",        "neutral",
                                          "neutral",  "negative", "positive"};
  for (const size_t batch : {1, 2, 3, 100}) EXPECT_EQ(labels_of(texts, batch), expected);
  EXPECT_TRUE(labels_of({}, 3).empty());
}

TEST(SentimentOperator, SaysWhatIsWrongWithItsColumnsAtOnce) {
  try {
    sentiment().output(Schema{{{"review", Type{Type::Kind::long_}},
                               {"Sentiment_Score", Type{Type::Kind::double_}}}},
                       of_column("review"));
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.problems().size(), 2u);
    EXPECT_EQ(error.problems()[0].text(),
              "operator \"sentiment\" adds a column \"sentiment_score\", which the SELECT yields "
              "already (m.sql:1:1)\n  hint: give that one another name");
    EXPECT_EQ(
        error.problems()[1].text(),
        "the text \"review\" of operator \"sentiment\" is long (m.sql:2:31)\n  hint: it must be "
        "a VARCHAR");
  }
}

}  // namespace
}  // namespace windrow::operators
