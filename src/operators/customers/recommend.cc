#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/beside.h"
#include "operators/customers/ratings.h"
#include "operators/operators.h"
#include "operators/values.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchBuilder;
using columns::Field;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kRecommend = "recommend";
constexpr size_t kLeastRowsOfBatch = 2048;
constexpr double kWeightMost = 1e30;  // products of several are far from overflowing
constexpr int64_t kTopMost = 1000, kNeighboursMost = 100'000, kFactorsMost = 1024;

class RecommendReader final : public columns::BatchReader {
 public:
  RecommendReader(std::unique_ptr<columns::BatchReader> input, Schema output,
                  const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        for_items_(settings.text("for") == "items"),
        by_factors_(settings.text("method") == "als"),
        top_(size_t(integer_of(settings, "top"))),
        users_(field("user").type),
        items_(field("item").type) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<Batch> next() override {
    if (!learnt_) learn();
    const int32_t end = for_items_ ? ratings_.columns : ratings_.rows();
    BatchBuilder builder(layout_);
    size_t rows = 0;
    for (; rows < kLeastRowsOfBatch && next_ < end; ++next_) {
      heed();
      int64_t rank = 0;
      for (const auto& each : for_items_ ? similar_to(next_) : chosen_for(next_)) {
        (for_items_ ? items_ : users_).write(builder, 0, next_);
        builder.integer(1, ++rank);
        items_.write(builder, 2, each.number);
        builder.real(3, each.score);
      }
      rows += size_t(rank);
    }
    if (rows == 0) return {};
    return builder.finish();
  }

 private:
  const Field& field(const std::string& parameter) const {
    return *input_->layout()->schema().find(settings_.text(parameter));
  }
  size_t position(const std::string& parameter) const {
    return size_t(&field(parameter) - input_->layout()->schema().fields.data());
  }

  void learn() {
    learnt_ = true;
    read();
    const auto stop = [&] { heed(); };
    if (by_factors_) {
      FactorOptions options;
      options.factors = size_t(integer_of(settings_, "factors"));
      options.iterations = integer_of(settings_, "iterations");
      options.regularization = real_of(settings_, "regularization");
      options.confidence = real_of(settings_, "confidence");
      options.seed = uint64_t(integer_of(settings_, "seed"));
      factors_ = factorized(ratings_, options, stop);
      for (int32_t i = 0; i < ratings_.columns; ++i)
        length_.push_back(
            std::sqrt(product(factors_.column(i), factors_.column(i), factors_.stride)));
    } else {
      similar_ = similar_columns(ratings_, size_t(integer_of(settings_, "neighbours")), stop);
      sums_.assign(size_t(ratings_.columns), 0);
    }
  }

  /// The input is in the order of users and items: an entry's rows come one after the other.
  void read() {
    const size_t user_at = position("user"), item_at = position("item");
    std::optional<size_t> weight_at, offered_at;
    if (settings_.has("weight")) weight_at = position("weight");
    if (settings_.has("offered")) offered_at = position("offered");
    while (const auto batch = input_->next()) {
      const auto user = batch->column(user_at), item = batch->column(item_at);
      for (int64_t row = 0; row < batch->rows(); ++row) {
        if (item.null(row)) continue;
        const int32_t what = items_.number(item, row);
        if (size_t(what) == offered_.size()) offered_.push_back(!offered_at);
        if (offered_at) {
          const auto offered = batch->column(*offered_at);
          if (!offered.null(row) && offered.truth(row)) offered_[size_t(what)] = true;
        }
        if (user.null(row)) continue;
        const double weight = weight_at ? weight_of(*batch, *weight_at, row) : 1;
        if (weight > 0) add(users_.number(user, row), what, weight);
      }
    }
    ratings_.columns = items_.count();
  }

  void add(int32_t who, int32_t what, double weight) {
    if (who == ratings_.rows()) ratings_.begin.push_back(ratings_.entries.size());
    auto& entries = ratings_.entries;
    const bool again =
        entries.size() > ratings_.begin[size_t(who)] && entries.back().column == what;
    if (again)
      entries.back().weight += weight;
    else
      entries.push_back({what, weight});
    ratings_.begin.back() = entries.size();
  }

  double weight_of(const Batch& batch, size_t at, int64_t row) {
    const NumberColumn column(batch, at);
    if (column.null(row)) return 0;
    const double out = column.at(row);
    if (out >= 0 && out <= kWeightMost) return out;
    const auto quoted = [&](Names& names, const char* parameter) {
      return names.quoted(names.number(batch.column(position(parameter)), row));
    };
    throw Error(Code::data,
                "the weight \"" + batch.schema().fields[at].name +
                    "\" of operator \"recommend\" is " +
                    (std::isnan(out) ? "NaN"
                     : out < 0       ? "below 0"
                                     : "beyond 1e30") +
                    " for user " + quoted(users_, "user") + " and item " + quoted(items_, "item"),
                "leave such rows out by WHERE", settings_.place("weight"));
  }

  std::vector<Scored> chosen_for(int32_t user) {
    std::vector<bool> known(truth_of(settings_, "known") ? 0 : size_t(ratings_.columns), false);
    if (!known.empty())
      ratings_.each(user, [&](int32_t item, double) { known[size_t(item)] = true; });
    const auto wanted = [&](int32_t item) {
      return offered_[size_t(item)] && (known.empty() || !known[size_t(item)]);
    };
    Best best(top_);
    if (by_factors_) {
      for (int32_t item = 0; item < ratings_.columns; ++item)
        if (wanted(item))
          best.take(item, product(factors_.row(user), factors_.column(item), factors_.stride));
      return best.all();
    }
    std::vector<int32_t> touched;
    ratings_.each(user, [&](int32_t item, double weight) {
      for (const auto& each : similar_[size_t(item)]) {
        auto& sum = sums_[size_t(each.number)];
        if (sum == 0) touched.push_back(each.number);
        sum += weight * each.score;
      }
    });
    for (const auto item : touched) {
      if (wanted(item)) best.take(item, sums_[size_t(item)]);
      sums_[size_t(item)] = 0;
    }
    return best.all();
  }

  std::vector<Scored> similar_to(int32_t item) {
    Best best(top_);
    if (!by_factors_) {
      for (const auto& each : similar_[size_t(item)])
        if (offered_[size_t(each.number)]) best.take(each.number, each.score);
      return best.all();
    }
    for (int32_t other = 0; other < ratings_.columns; ++other) {
      const double lengths = length_[size_t(item)] * length_[size_t(other)];
      if (other == item || !offered_[size_t(other)] || lengths == 0) continue;
      best.take(other,
                product(factors_.column(item), factors_.column(other), factors_.stride) / lengths);
    }
    return best.all();
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  bool for_items_, by_factors_;
  size_t top_;
  Names users_, items_;
  bool learnt_ = false;
  Ratings ratings_;                           // users × items
  std::vector<bool> offered_;                 // items
  Factors factors_;                           // where by_factors_,
  std::vector<double> length_;                // with those of items,
  std::vector<std::vector<Scored>> similar_;  // else
  std::vector<double> sums_;                  // of items, 0 between two users
  int32_t next_ = 0;
};

class Recommend final : public columns::Operator {
 public:
  std::string name() const override { return kRecommend; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {{"user", P::Kind::text, "", true, "The column that says who."},
            {"item", P::Kind::text, "", true, "The column that says what."},
            {"weight", P::Kind::text, "", false,
             "The column that says how much, 0 or more; without it each row counts 1."},
            {"for", P::Kind::text, "users", false,
             "`users`: items for each user; `items`: similar items for each item."},
            {"method", P::Kind::text, "cosine", false,
             "`cosine`: items that the same users have; `als`: matrix factorization."},
            {"top", P::Kind::integer, "10", false, "From 1 to 1000: how many at most for each."},
            {"known", P::Kind::truth, "false", false,
             "Whether users are recommended what they have already."},
            {"offered", P::Kind::text, "", false,
             "The BOOLEAN column: only items with a row where it is true are recommended."},
            {"neighbours", P::Kind::integer, "50", false,
             "From 1 to 100000: of each item so many similar ones count; for `cosine`."},
            {"factors", P::Kind::integer, "32", false,
             "From 1 to 1024: how many numbers describe a user or an item; for `als`."},
            {"iterations", P::Kind::integer, "15", false,
             "From 1 to 10000: how often both sides are solved; for `als`."},
            {"regularization", P::Kind::real, "0.05", false,
             "Greater than 0: how strongly large numbers are avoided; for `als`."},
            {"confidence", P::Kind::real, "1", false,
             "0 or more: a weight *w* counts 1 + `confidence` · *w*; for `als`."},
            {"seed", P::Kind::integer, "1", false, "0 or more: what `als` begins with."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* user = columns.named("user", settings.text("user"));
    const auto* item = columns.named("item", settings.text("item"));
    for (const auto& [parameter, field] : {std::pair("user", user), std::pair("item", item)})
      if (field && !is_name(field->type))
        columns.wrong(parameter, *field, "it must be a VARCHAR or a whole number");
    if (settings.has("weight")) {
      const auto* weight = columns.named("weight", settings.text("weight"));
      if (weight && !is_number(weight->type))
        columns.wrong("weight", *weight, "it must be a number");
    }
    if (settings.has("offered")) {
      const auto* offered = columns.named("offered", settings.text("offered"));
      if (offered && offered->type.kind != Type::Kind::boolean)
        columns.wrong("offered", *offered, "it must be a BOOLEAN");
    }
    if (user && user == item) columns.problem("item", "it is another column than `user`");
    check_numbers(columns, settings);
    columns.with({});  // raises what was found
    const bool for_items = settings.text("for") == "items";
    const Field& whom = for_items ? *item : *user;
    const Schema alone{{{whom.name, whom.type}}};
    return InputColumns(name(), alone, settings)
        .with({{"rank", Type{Type::Kind::long_}},
               {for_items ? "similar" : item->name, item->type},
               {"score", Type{Type::Kind::double_}}});
  }

  std::vector<std::string> order(const Settings& settings) const override {
    std::vector<std::string> out{settings.text("user"), settings.text("item")};
    if (settings.has("weight")) out.push_back(settings.text("weight"));
    return out;
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<RecommendReader>(std::move(input), std::move(schema), settings);
  }

 private:
  static void check_numbers(InputColumns& columns, const Settings& settings) {
    const auto one_of = [&](const char* parameter, const char* a, const char* b) {
      const auto& value = settings.text(parameter);
      if (value != a && value != b)
        columns.problem(parameter, std::string("it is ") + a + " or " + b);
    };
    one_of("for", "users", "items");
    one_of("method", "cosine", "als");
    const auto within = [&](const char* parameter, int64_t least, int64_t most) {
      const int64_t value = integer_of(settings, parameter);
      if (value < least || value > most)
        columns.problem(parameter,
                        "it is from " + std::to_string(least) + " to " + std::to_string(most));
    };
    within("top", 1, kTopMost);
    within("neighbours", 1, kNeighboursMost);
    within("factors", 1, kFactorsMost);
    within("iterations", 1, 10'000);
    if (integer_of(settings, "seed") < 0) columns.problem("seed", "it is 0 or more");
    const double regularization = real_of(settings, "regularization");
    const double confidence = real_of(settings, "confidence");
    if (!(regularization > 0) || std::isinf(regularization))
      columns.problem("regularization", "it is greater than 0");
    if (!(confidence >= 0) || std::isinf(confidence))
      columns.problem("confidence", "it is 0 or more");
  }
};

}  // namespace

const columns::Operator& recommend() {
  static const Recommend operator_;
  return operator_;
}

}  // namespace windrow::operators
