#include <algorithm>
#include <cmath>
#include <map>

#include "operators/beside.h"
#include "operators/operators.h"
#include "operators/values.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchBuilder;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kAssociationRules = "association_rules";
constexpr size_t kLeastRulesOfBatch = 2048;
constexpr int64_t kItemsMost = 20, kSetsMost = 100'000'000;

/// Items by their place in the order of names, ascending.
using ItemSet = std::vector<int32_t>;
using Baskets = std::vector<int32_t>;  // ascending

Baskets both(const Baskets& a, const Baskets& b) {
  Baskets out;
  out.reserve(std::min(a.size(), b.size()));
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

/// The least count that is such a share of all.
int64_t least_count(double share, int64_t all) {
  auto out = std::max(int64_t(1), int64_t(std::ceil(share * double(all))));
  while (out > 1 && double(out - 1) / double(all) >= share) --out;
  while (double(out) / double(all) < share) ++out;
  return out;
}

class RulesReader final : public columns::BatchReader {
 public:
  RulesReader(std::unique_ptr<columns::BatchReader> input, Schema output, const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        baskets_(input_type("basket")),
        items_(input_type("item")) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<Batch> next() override {
    if (!counted_) count();
    BatchBuilder builder(layout_);
    size_t rules = 0;
    for (; rules < kLeastRulesOfBatch && next_ != counts_.end(); ++next_)
      rules += write_rules(builder, next_->first, next_->second);
    if (rules == 0) return {};
    return builder.finish();
  }

 private:
  struct Frequent {
    int32_t item;  // in the order of names
    Baskets baskets;
  };

  size_t position(const std::string& parameter) const {
    const auto& schema = input_->layout()->schema();
    return size_t(schema.find(settings_.text(parameter)) - schema.fields.data());
  }
  Type input_type(const std::string& parameter) const {
    return input_->layout()->schema().fields[position(parameter)].type;
  }

  void count() {
    counted_ = true;
    auto frequent = read();
    const auto most = size_t(integer_of(settings_, "items"));
    ItemSet prefix;
    extend(prefix, frequent, most);
    next_ = counts_.begin();
  }

  /// Items in enough baskets, in the order of their names.
  std::vector<Frequent> read() {
    const size_t basket_at = position("basket"), item_at = position("item");
    std::vector<Baskets> of_items;
    while (const auto batch = input_->next()) {
      const auto basket = batch->column(basket_at), item = batch->column(item_at);
      for (int64_t row = 0; row < batch->rows(); ++row) {
        if (basket.null(row) || item.null(row)) continue;
        const int32_t where = baskets_.number(basket, row), what = items_.number(item, row);
        if (size_t(what) == of_items.size()) of_items.emplace_back();
        auto& all = of_items[size_t(what)];
        if (all.empty() || all.back() != where) all.push_back(where);
      }
    }
    if (baskets_.count() > 0) least_ = least_count(real_of(settings_, "support"), baskets_.count());
    for (int32_t i = 0; i < items_.count(); ++i)
      if (int64_t(of_items[size_t(i)].size()) >= least_) number_.push_back(i);
    std::sort(number_.begin(), number_.end(),
              [&](int32_t a, int32_t b) { return items_.before(a, b); });
    std::vector<Frequent> out;
    for (size_t i = 0; i < number_.size(); ++i)
      out.push_back({int32_t(i), std::move(of_items[size_t(number_[i])])});
    return out;
  }

  /// Counts `prefix` with each of `more`, and with several of them (Zaki, Scalable Algorithms for
  /// Association Mining, IEEE TKDE 2000).
  void extend(ItemSet& prefix, const std::vector<Frequent>& more, size_t most) {
    for (size_t i = 0; i < more.size(); ++i) {
      heed();
      prefix.push_back(more[i].item);
      remember(prefix, int64_t(more[i].baskets.size()));
      std::vector<Frequent> further;
      for (size_t j = i + 1; j < more.size() && prefix.size() < most; ++j) {
        auto shared = both(more[i].baskets, more[j].baskets);
        if (int64_t(shared.size()) >= least_) further.push_back({more[j].item, std::move(shared)});
      }
      extend(prefix, further, most);
      prefix.pop_back();
    }
  }

  void remember(const ItemSet& items, int64_t count) {
    if (int64_t(counts_.size()) == integer_of(settings_, "sets"))
      throw Error(Code::data,
                  "operator \"association_rules\" finds more than " + settings_.text("sets") +
                      " sets of items in a share of " + settings_.text("support") +
                      " of all baskets",
                  "raise \"support\", lower \"items\", or allow more by \"sets\": each takes about "
                  "150 bytes",
                  settings_.place("support"));
    counts_.emplace(items, count);
  }

  size_t write_rules(BatchBuilder& builder, const ItemSet& items, int64_t count) const {
    if (items.size() < 2) return 0;
    size_t written = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      ItemSet rest = items;
      rest.erase(rest.begin() + std::ptrdiff_t(i));
      const auto all = double(baskets_.count());
      const double support = double(count) / all;
      const double before = double(counts_.at(rest)) / all,
                   after = double(counts_.at({items[i]})) / all;
      const double confidence = double(count) / double(counts_.at(rest)), lift = confidence / after;
      if (confidence < real_of(settings_, "confidence") || lift < real_of(settings_, "lift"))
        continue;
      std::string antecedent;
      for (const auto item : rest)
        antecedent += (antecedent.empty() ? "[" : ",") + items_.json(number_[size_t(item)]);
      builder.text(0, antecedent + "]");
      items_.write(builder, 1, number_[size_t(items[i])]);
      builder.integer(2, int64_t(items.size()));
      builder.integer(3, count);
      builder.real(4, support);
      builder.real(5, confidence);
      builder.real(6, lift);
      builder.real(7, support - before * after);
      confidence < 1 ? builder.real(8, (1 - after) / (1 - confidence)) : builder.null(8);
      ++written;
    }
    return written;
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  Names baskets_, items_;
  bool counted_ = false;
  int64_t least_ = 1;
  std::vector<int32_t> number_;  // in items_, of each that is in enough baskets
  std::map<ItemSet, int64_t> counts_;
  std::map<ItemSet, int64_t>::const_iterator next_;
};

class AssociationRules final : public columns::Operator {
 public:
  std::string name() const override { return kAssociationRules; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {
        {"basket", P::Kind::text, "", true, "The column that says what was bought together."},
        {"item", P::Kind::text, "", true, "The column that says what."},
        {"support", P::Kind::real, "0.01", false,
         "Greater than 0, at most 1: the least share of all baskets that have all items of a "
         "rule."},
        {"confidence", P::Kind::real, "0.5", false,
         "From 0 to 1: the least share of baskets with the antecedent that have the consequent."},
        {"lift", P::Kind::real, "0", false, "0 or more: the least lift."},
        {"items", P::Kind::integer, "3", false,
         "From 2 to 20: how many items a rule has at most, its consequent among them."},
        {"sets", P::Kind::integer, "1000000", false,
         "From 1 to 100000000: more sets of items with that support are an error."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* basket = columns.named("basket", settings.text("basket"));
    const auto* item = columns.named("item", settings.text("item"));
    for (const auto& [parameter, field] : {std::pair("basket", basket), std::pair("item", item)})
      if (field && !is_name(field->type))
        columns.wrong(parameter, *field, "it must be a VARCHAR or a whole number");
    const auto within = [&](const char* parameter, bool good, const char* hint) {
      if (!good) columns.problem(parameter, hint);
    };
    const double support = real_of(settings, "support"),
                 confidence = real_of(settings, "confidence");
    const double lift = real_of(settings, "lift");
    const int64_t items = integer_of(settings, "items"), sets = integer_of(settings, "sets");
    within("support", support > 0 && support <= 1, "it is greater than 0 and at most 1");
    within("confidence", confidence >= 0 && confidence <= 1, "it is from 0 to 1");
    within("lift", lift >= 0 && std::isfinite(lift), "it is 0 or more");
    within("items", items >= 2 && items <= kItemsMost, "it is from 2 to 20");
    within("sets", sets >= 1 && sets <= kSetsMost, "it is from 1 to 100000000");
    columns.with({});  // raises what was found
    const Type whole{Type::Kind::long_}, real{Type::Kind::double_};
    return Schema{{{"antecedent", Type{Type::Kind::string}},
                   {"consequent", item->type},
                   {"items", whole},
                   {"baskets", whole},
                   {"support", real},
                   {"confidence", real},
                   {"lift", real},
                   {"leverage", real},
                   {"conviction", real}}};
  }

  std::vector<std::string> order(const Settings& settings) const override {
    return {settings.text("basket"), settings.text("item")};
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<RulesReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& association_rules() {
  static const AssociationRules operator_;
  return operator_;
}

}  // namespace windrow::operators
