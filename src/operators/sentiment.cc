#include "operators/beside.h"
#include "operators/operators.h"
#include "operators/vader.h"

namespace windrow::operators {
namespace {

using columns::Settings;
using columns::Type;

constexpr int kVersion = 1;

/// As VADER's authors propose.
std::string_view label_of(double compound) {
  if (compound >= 0.05) return "positive";
  return compound <= -0.05 ? "negative" : "neutral";
}

class SentimentReader final : public BesideReader {
 public:
  SentimentReader(std::unique_ptr<columns::BatchReader> input, const columns::Schema& output,
                  const Settings& settings)
      : BesideReader(std::move(input), output, 5), text_(position(settings.text("text"))) {}

 private:
  void fill(const columns::Batch& batch, columns::BatchBuilder& builder) override {
    const auto text = batch.column(text_);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (text.null(row)) {
        for (size_t i = 0; i < 5; ++i) builder.null(i);
        continue;
      }
      const auto found = polarity(text.text(row));
      builder.real(0, found.compound);
      builder.text(1, label_of(found.compound));
      builder.real(2, found.negative);
      builder.real(3, found.neutral);
      builder.real(4, found.positive);
    }
  }

  size_t text_;
};

class Sentiment final : public columns::Operator {
 public:
  std::string name() const override { return "sentiment"; }
  int version() const override { return kVersion; }

  std::vector<columns::Parameter> parameters() const override {
    return {{"text", columns::Parameter::Kind::text, "", true,
             "The VARCHAR column with texts in English."}};
  }

  columns::Schema output(const columns::Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* text = columns.named("text", settings.text("text"));
    if (text && text->type.kind != Type::Kind::string)
      columns.wrong("text", *text, "it must be a VARCHAR");
    const Type real{Type::Kind::double_};
    return columns.with({{"sentiment_score", real},
                         {"sentiment_label", Type{Type::Kind::string}},
                         {"sentiment_negative", real},
                         {"sentiment_neutral", real},
                         {"sentiment_positive", real}});
  }

  std::vector<std::string> order(const Settings&) const override { return {}; }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    const auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<SentimentReader>(std::move(input), schema, settings);
  }
};

double score_of(std::string_view text) { return polarity(text).compound; }
std::string_view label_of_text(std::string_view text) { return label_of(score_of(text)); }

}  // namespace

const columns::TextFunctions& functions() {
  static const columns::TextFunctions all{
      {"sentiment_score", kVersion, "How an English text sounds, from −1 to 1, by VADER.",
       &score_of},
      {"sentiment_label", kVersion, "`positive` from 0.05 on, `negative` to −0.05, else `neutral`.",
       &label_of_text}};
  return all;
}

const columns::Operator& sentiment() {
  static const Sentiment operator_;
  return operator_;
}

}  // namespace windrow::operators
