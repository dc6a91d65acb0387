#include "operators/risk/book.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/time.h"

namespace windrow::operators::risk {
namespace {

using Kind = columns::Type::Kind;

constexpr int64_t kDayMicros = 86'400'000'000;

bool whole_kind(Kind kind) {
  return kind == Kind::long_ || kind == Kind::integer || kind == Kind::short_ || kind == Kind::byte;
}

/// Names of things as the key of a map: their lengths keep them apart.
std::string joined_key(const std::string& first, const std::vector<std::string>& rest) {
  std::string out = std::to_string(first.size()) + ":" + first;
  for (const auto& each : rest) out += std::to_string(each.size()) + ":" + each;
  return out;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string of_kind(double number) {
  return std::isnan(number) ? "NaN" : std::isinf(number) ? "infinite" : std::to_string(number);
}

/// The columns that one element of `by` names, with `/` between them.
std::vector<std::string> set_of(const std::string& element) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= element.size();) {
    const size_t end = std::min(element.find('/', begin), element.size());
    out.push_back(element.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// All sets of the parameter `by`, before anybody looks whether there are such columns.
Breakdown sets_of(const columns::Settings& settings) {
  Breakdown out;
  out.sets.emplace_back();
  for (const auto& element : settings.texts("by")) {
    std::vector<size_t> set;
    for (const auto& name : set_of(element)) {
      auto at = std::find(out.columns.begin(), out.columns.end(), name);
      if (at == out.columns.end()) at = out.columns.insert(at, name);
      set.push_back(size_t(at - out.columns.begin()));
    }
    if (std::find(out.sets.begin(), out.sets.end(), set) == out.sets.end())
      out.sets.push_back(std::move(set));
  }
  return out;
}

Breakdown checked_sets(const columns::Settings& settings, InputColumns& input) {
  auto out = sets_of(settings);
  for (const auto& name : out.columns) {
    const auto* field = input.named("by", name);
    if (field && !is_label(field->type))
      input.wrong("by", *field, "it must be a VARCHAR or a whole number");
  }
  return out;
}

}  // namespace

bool is_number(const columns::Type& type) {
  return whole_kind(type.kind) || type.kind == Kind::double_ || type.kind == Kind::float_ ||
         type.kind == Kind::decimal;
}

bool is_label(const columns::Type& type) {
  return type.kind == Kind::string || whole_kind(type.kind);
}

bool is_time(const columns::Type& type) {
  return type.kind == Kind::date || type.kind == Kind::timestamp ||
         type.kind == Kind::timestamp_ntz;
}

double number_at(const columns::Column& column, const columns::Type& type, int64_t row) {
  if (type.kind == Kind::decimal) return double(column.decimal(row)) / std::pow(10.0, type.scale);
  return whole_kind(type.kind) ? double(column.integer(row)) : column.real(row);
}

std::string label_at(const columns::Column& column, const columns::Type& type, int64_t row) {
  return type.kind == Kind::string ? std::string(column.text(row))
                                   : std::to_string(column.integer(row));
}

void write_label(columns::BatchBuilder& builder, size_t column, const columns::Type& type,
                 const std::string& label) {
  if (type.kind == Kind::string) return builder.text(column, label);
  int64_t number = 0;
  std::from_chars(label.data(), label.data() + label.size(), number);
  builder.integer(column, number);
}

std::string time_text(int64_t time, const columns::Type& type) {
  if (type.kind == Kind::date) return iso(time_from_micros(time * kDayMicros)).substr(0, 10);
  auto out = iso(time_from_micros(time));
  if (type.kind == Kind::timestamp_ntz) out.pop_back();  // the Z
  return out;
}

double number_in(const std::string& text) {
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? out : kNoPrice;
}

std::vector<columns::Parameter> book_parameters(bool profits) {
  using P = columns::Parameter;
  const std::string either = profits ? " or profits" : "";
  std::string missing =
      "What to do where there is no price: `error`, `carry` the last one on, `skip` times at which "
      "one is missing.";
  if (profits) missing += " Of profits: `error`, `zero`, `skip`.";
  return {
      {"time", P::Kind::text, "", true, "The DATE or TIMESTAMP column of prices" + either + "."},
      {"asset", P::Kind::text, "", false,
       "The column that says what a price is of; a VARCHAR or a whole number."},
      {"price", P::Kind::text, "", false, "The column with the price of one at that time."},
      {"quantity", P::Kind::text, "", false,
       "The column that says how many are held, below 0 where they are owed; NULL in a row that "
       "is a price alone."},
      {"by", P::Kind::texts, "", false,
       "Columns by whose values results are broken down; several together as `desk/book`."},
      {"returns", P::Kind::text, "simple", false,
       "How prices move: `simple` p₂ / p₁ − 1, `log` ln p₂ / p₁, `absolute` p₂ − p₁."},
      {"missing", P::Kind::text, "error", false, missing}};
}

Breakdown check_book(const columns::Settings& settings, InputColumns& input) {
  const auto check = [&](const char* parameter, bool (*good)(const columns::Type&),
                         const char* hint) {
    if (!settings.has(parameter)) return;
    const auto* field = input.named(parameter, settings.text(parameter));
    if (field && !good(field->type)) input.wrong(parameter, *field, hint);
  };
  check("time", is_time, "it must be a DATE, TIMESTAMP or TIMESTAMPTZ");
  check("asset", is_label, "it must be a VARCHAR or a whole number");
  for (const char* each : {"price", "quantity", "profit"})
    check(each, is_number, "it must be a DOUBLE, a DECIMAL or a whole number");
  const auto one_of = [&](const char* parameter, const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), settings.text(parameter)) == known.end())
      input.problem(parameter, "it is one of " + listed(known));
  };
  one_of("returns", {"simple", "log", "absolute"});
  if (settings.has("profit")) {
    for (const char* each : {"price", "quantity"})
      if (settings.has(each)) input.problem(each, "rows with profits have no prices beside them");
    one_of("missing", {"error", "zero", "skip"});
  } else {
    one_of("missing", {"error", "carry", "skip"});
    for (const char* each : {"asset", "price", "quantity"})
      if (!settings.has(each))
        input.needed(each, "name the columns with assets, prices and quantities");
  }
  return checked_sets(settings, input);
}

columns::Schema book_output(const columns::Schema& schema, const Breakdown& breakdown,
                            std::vector<columns::Field> first,
                            const std::vector<columns::Field>& measures, InputColumns& input) {
  columns::Schema out{std::move(first)};
  const auto add = [&](const columns::Field& field) {
    if (out.find_any_case(field.name))
      input.problem("by", field.name, "a column of the result has that name: give it another");
    out.fields.push_back(field);
  };
  for (const auto& column : breakdown.columns) {
    const auto* field = schema.find(column);
    add({column, field ? field->type : columns::Type{}});
  }
  for (const auto& field : measures) add(field);
  return out;
}

std::vector<std::string> book_order(const columns::Settings& settings) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& column) {
    if (std::find(out.begin(), out.end(), column) == out.end()) out.push_back(column);
  };
  for (const char* each : {"time", "asset"})
    if (settings.has(each)) add(settings.text(each));
  for (const auto& column : sets_of(settings).columns) add(column);
  for (const char* each : {"quantity", "price", "profit"})
    if (settings.has(each)) add(settings.text(each));
  return out;
}

Book::Book(std::string operator_name, std::unique_ptr<columns::BatchReader> input,
           const columns::Settings& settings)
    : operator_(std::move(operator_name)),
      input_(std::move(input)),
      settings_(settings),
      breakdown_(sets_of(settings)) {
  const auto& schema = input_->layout()->schema();
  const auto position = [&](const std::string& column) {
    return size_t(schema.find(column) - schema.fields.data());
  };
  const auto maybe = [&](const char* parameter) -> std::optional<size_t> {
    if (!settings.has(parameter)) return {};
    return position(settings.text(parameter));
  };
  time_ = *maybe("time");
  asset_ = maybe("asset");
  price_ = maybe("price");
  quantity_ = maybe("quantity");
  profit_ = maybe("profit");
  for (const auto& column : breakdown_.columns) by_.push_back(position(column));
  const auto& returns = settings.text("returns");
  returns_ = profit_ || returns == "absolute" ? Returns::absolute
             : returns == "log"               ? Returns::log
                                              : Returns::simple;
  const auto& missing = settings.text("missing");
  missing_ = missing == "carry"  ? Missing::carry
             : missing == "skip" ? Missing::skip
             : missing == "zero" ? Missing::zero
                                 : Missing::error;
}

void Book::wrong(const std::string& message, const std::string& hint,
                 const std::string& parameter) const {
  throw Error(Code::data, "operator \"" + operator_ + "\" " + message, hint,
              settings_.place(parameter));
}

std::string Book::time_text(size_t time) const {
  return risk::time_text(times_[time], input_->layout()->schema().fields[time_].type);
}

std::optional<size_t> Book::find(const std::string& name) const {
  const auto found = series_named_.find(joined_key(name, {}));
  if (found == series_named_.end()) return {};
  return found->second;
}

bool Book::read_time() {
  bool any = false;
  while (true) {
    while (!batch_ || row_ >= batch_->rows()) {
      if (ended_) return any;
      batch_ = input_->next();
      row_ = 0;
      ended_ = !batch_;
    }
    const auto time = batch_->column(time_);
    if (time.null(row_))
      wrong("has a row whose \"" + settings_.text("time") + "\" is NULL", "leave it out by WHERE",
            "time");
    const int64_t at = time.integer(row_);
    if (any && at != times_.back()) return true;
    if (!any) times_.push_back(at);
    any = true;
    take(row_++);
  }
}

double Book::checked(size_t column, int64_t row, const std::string& parameter,
                     const std::string& of) const {
  const double out = number_at(batch_->column(column), batch_->schema().fields[column].type, row);
  if (!std::isfinite(out))
    wrong("has a " + parameter + " of " + of + " at " + time_text(times_.size() - 1) + " that is " +
              of_kind(out),
          "leave the row out by WHERE or make it NULL", parameter);
  return out;
}

size_t Book::series_of(const std::string& name) {
  const auto [found, added] = series_named_.emplace(name, series_.size());
  if (added) series_.emplace_back();
  return found->second;
}

void Book::take_price(Series& series, double price) {
  const size_t now = times_.size() - 1;
  if (series.price.size() < now) series.price.resize(now, kNoPrice);
  if (series.price.size() == now) {
    series.price.push_back(price);
  } else if (profit_) {
    series.price[now] = std::isnan(series.price[now]) ? price : series.price[now] + price;
  } else if (series.price[now] != price) {
    wrong("has two prices of \"" + series.name + "\" at " + time_text(now) + ": " +
              std::to_string(series.price[now]) + " and " + std::to_string(price),
          "an asset has one price at a time: give each of them a name of its own", "price");
  }
}

void Book::take(int64_t row) {
  const auto& schema = batch_->schema();
  const size_t now = times_.size() - 1;
  const auto label = [&](size_t column, const char* parameter) {
    if (batch_->column(column).null(row))
      wrong("has a row at " + time_text(now) + " whose \"" + schema.fields[column].name +
                "\" is NULL",
            "name it by coalesce, or leave it out by WHERE", parameter);
    return label_at(batch_->column(column), schema.fields[column].type, row);
  };
  std::string asset = asset_ ? label(*asset_, "asset") : std::string();
  const bool held = profit_ || !batch_->column(*quantity_).null(row);
  std::vector<std::string> labels;
  if (held)
    for (const size_t column : by_) labels.push_back(label(column, "by"));
  const size_t number = series_of(joined_key(asset, profit_ ? labels : std::vector<std::string>()));
  Series& series = series_[number];
  if (series.name.empty()) {
    series.name = asset;
    if (profit_)
      for (const auto& each : labels) series.name += (series.name.empty() ? "" : "/") + each;
  }
  series.last_row = now;
  const size_t column = profit_ ? *profit_ : *price_;
  if (!batch_->column(column).null(row)) {
    const auto* parameter = profit_ ? "profit" : "price";
    const double price = checked(column, row, parameter, "\"" + series.name + "\"");
    if (returns_ != Returns::absolute && !(price > 0))
      wrong("has a price of \"" + series.name + "\" at " + time_text(now) + " that is " +
                std::to_string(price),
            "returns are of prices above 0: say `returns: absolute` for those that may be below",
            "price");
    take_price(series, price);
  }
  if (!held) return;
  const auto [found, added] = position_named_.emplace(joined_key(asset, labels), positions_.size());
  if (added) positions_.push_back({number, labels, now, 0});
  Position& position = positions_[found->second];
  if (position.time != now) position.quantity = 0;
  position.time = now;
  position.quantity =
      profit_ ? 1
              : position.quantity + checked(*quantity_, row, "quantity", "\"" + series.name + "\"");
}

std::vector<const Position*> Book::held() const {
  std::vector<const Position*> out;
  for (const auto& position : positions_)
    if (position.quantity != 0 && position.time == series_[position.series].last_row)
      out.push_back(&position);
  return out;
}

double Book::filled(const Series& series, size_t time) const {
  if (const double price = series.at(time); !std::isnan(price)) return price;
  if (missing_ == Missing::zero) return 0;
  if (missing_ == Missing::carry)
    for (size_t before = std::min(time, series.price.size()); before-- > 0;)
      if (!std::isnan(series.price[before])) return series.price[before];
  const std::string what = profit_ ? "profit" : "price";
  const std::string name = series.name.empty() ? "" : " of \"" + series.name + "\"";
  if (missing_ == Missing::carry)
    wrong("has no price" + name + " at " + time_text(time) + " or before",
          "shorten `window`, leave the asset out by WHERE, or give it the prices of a similar one",
          "missing");
  wrong("has no " + what + name + " at " + time_text(time),
        profit_ ? "say with `missing` what to do: zero, or skip such times"
                : "say with `missing` what to do: carry the last price on, or skip such times",
        "missing");
}

size_t Book::write_labels(columns::BatchBuilder& builder, size_t first,
                          const columns::Schema& schema, const Group& group) const {
  const auto& set = breakdown_.sets[group.set];
  for (size_t i = 0; i < breakdown_.columns.size(); ++i) {
    const auto found = std::find(set.begin(), set.end(), i);
    found == set.end() ? builder.null(first + i)
                       : write_label(builder, first + i, schema.fields[first + i].type,
                                     group.labels[size_t(found - set.begin())]);
  }
  return first + breakdown_.columns.size();
}

Book::Prices Book::prices(const std::vector<size_t>& series, size_t wanted) const {
  Prices out;
  for (size_t time = times_.size(); time-- > 0 && (wanted == 0 || out.times.size() < wanted);) {
    const bool whole =
        missing_ != Missing::skip || std::all_of(series.begin(), series.end(), [&](size_t each) {
          return !std::isnan(series_[each].at(time));
        });
    if (whole) out.times.push_back(time);
  }
  std::reverse(out.times.begin(), out.times.end());
  for (const size_t each : series) {
    auto& prices = out.of.emplace_back();
    prices.reserve(out.times.size());
    for (const size_t time : out.times) prices.push_back(filled(series_[each], time));
  }
  return out;
}

double change(Returns returns, double before, double after) {
  switch (returns) {
    case Returns::simple: return after / before - 1;
    case Returns::log: return std::log(after / before);
    case Returns::absolute: break;
  }
  return after - before;
}

std::vector<std::vector<double>> Book::changes(const Prices& prices) const {
  if (profit_) return prices.of;
  std::vector<std::vector<double>> out;
  for (const auto& series : prices.of) {
    auto& changes = out.emplace_back();
    changes.reserve(series.size());
    for (size_t i = 1; i < series.size(); ++i)
      changes.push_back(change(returns_, series[i - 1], series[i]));
  }
  return out;
}

std::vector<size_t> held_series(const std::vector<const Position*>& held) {
  std::vector<size_t> out;
  for (const auto* position : held) out.push_back(position->series);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<Group> groups_of(const Book& book, const std::vector<const Position*>& held,
                             const std::vector<size_t>& series, const std::vector<double>& now) {
  std::map<std::pair<size_t, std::vector<std::string>>, std::map<size_t, double>> quantities;
  for (const auto* position : held) {
    const auto at =
        size_t(std::lower_bound(series.begin(), series.end(), position->series) - series.begin());
    const auto& sets = book.breakdown().sets;
    for (size_t set = 0; set < sets.size(); ++set) {
      std::vector<std::string> labels;
      for (const size_t column : sets[set]) labels.push_back(position->labels[column]);
      quantities[{set, std::move(labels)}][at] += position->quantity;
    }
  }
  std::vector<Group> out;
  for (const auto& [key, of] : quantities) {
    Group group{key.second, key.first, 0, {}};
    for (const auto& [at, quantity] : of) {
      const double value = book.of_profits() ? 0 : quantity * now[at];
      group.value += value;
      group.exposures.emplace_back(at, book.returns() == Returns::absolute ? quantity : value);
    }
    out.push_back(std::move(group));
  }
  return out;
}

}  // namespace windrow::operators::risk
