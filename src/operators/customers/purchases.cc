#include "operators/customers/purchases.h"

#include <cmath>

#include "base/time.h"

namespace windrow::operators {
namespace {

using TimeKind = columns::Type::Kind;

// Of days from 1970, either way: 30,000 years, which calendars and differences are still good for.
constexpr int64_t kDaysMost = 11'000'000;

constexpr const char* kLeaveOut = "leave such rows out by WHERE";

bool is_time(const columns::Type& type) {
  return type.kind == TimeKind::date || type.kind == TimeKind::timestamp ||
         type.kind == TimeKind::timestamp_ntz;
}

}  // namespace

std::vector<columns::Parameter> purchase_parameters(Amount amount) {
  using P = columns::Parameter;
  std::vector<P> out{
      {"customer", P::Kind::text, "", true, "The column that says who."},
      {"time", P::Kind::text, "", true, "The DATE or TIMESTAMP column that says when."}};
  if (amount != Amount::none)
    out.push_back({"amount", P::Kind::text, "", amount == Amount::required,
                   "The column of numbers that says for how much."});
  out.push_back(
      {"as_of", P::Kind::text, "", false,
       "A time such as 2025-10-17: later rows are left out; without it, the last row's."});
  return out;
}

const columns::Field* check_purchases(InputColumns& input, const columns::Settings& settings) {
  const auto* customer = input.named("customer", settings.text("customer"));
  if (customer && !is_name(customer->type))
    input.wrong("customer", *customer, "a customer is a VARCHAR or a whole number");
  const auto* time = input.named("time", settings.text("time"));
  if (time && !is_time(time->type))
    input.wrong("time", *time, "it must be a DATE, TIMESTAMP or TIMESTAMPTZ");
  if (settings.has("amount")) {
    const auto* amount = input.named("amount", settings.text("amount"));
    if (amount && !is_number(amount->type)) input.wrong("amount", *amount, "it must be a number");
  }
  if (settings.has("as_of") && !parse_time(settings.text("as_of")))
    input.problem("as_of", "it is a time such as 2025-10-17 or 2025-10-17 14:00");
  return customer;
}

std::vector<std::string> order_of_purchases(const columns::Settings& settings) {
  std::vector<std::string> out{settings.text("customer"), settings.text("time")};
  if (settings.has("amount")) out.push_back(settings.text("amount"));
  return out;
}

columns::Schema with_customer(const std::string& name, const columns::Field& customer,
                              const columns::Settings& settings,
                              const std::vector<columns::Field>& added) {
  const columns::Schema alone{{{customer.name, customer.type}}};
  return InputColumns(name, alone, settings).with(added);
}

Purchases::Purchases(std::string name, columns::BatchReader& input,
                     const columns::Settings& settings)
    : name_(std::move(name)), input_(input), settings_(settings) {
  days_ = input_.layout()->schema().fields[position("time")].type.kind == TimeKind::date;
  if (!settings_.has("as_of")) return;
  as_of_ = micros(*parse_time(settings_.text("as_of")));
}

size_t Purchases::position(const std::string& parameter) const {
  const auto& schema = input_.layout()->schema();
  return size_t(schema.find(settings_.text(parameter)) - schema.fields.data());
}

void Purchases::each(Names& customers, const std::function<void(const Purchase&)>& visit) const {
  while (const auto batch = input_.next()) take(*batch, customers, visit);
}

void Purchases::take(const columns::Batch& batch, Names& customers,
                     const std::function<void(const Purchase&)>& visit) const {
  const auto customer = batch.column(position("customer")), time = batch.column(position("time"));
  std::optional<NumberColumn> amount;
  if (settings_.has("amount")) amount.emplace(batch, position("amount"));
  for (int64_t row = 0; row < batch.rows(); ++row) {
    if (customer.null(row) || time.null(row) || (amount && amount->null(row))) continue;
    const int64_t at = time.integer(row), most = kDaysMost * (days_ ? 1 : kMicrosOfADay);
    const bool countable = at >= -most && at <= most;
    const int64_t micros = !countable ? 0 : days_ ? at * kMicrosOfADay : at;
    if (countable && as_of_ && micros > *as_of_) continue;
    Purchase found{customers.number(customer, row), micros, amount ? amount->at(row) : 0};
    const auto quoted = [&] { return customers.quoted(found.customer); };
    if (!countable)
      wrong("time", " is infinite, or too far away to be counted,", quoted(), kLeaveOut);
    if (!std::isfinite(found.amount))
      wrong("amount", std::string(not_finite(found.amount)), quoted(), kLeaveOut);
    visit(found);
  }
}

void Purchases::wrong(const std::string& parameter, const std::string& what,
                      const std::string& customer, const std::string& hint) const {
  throw Error(Code::data,
              "the " + parameter + " \"" + settings_.text(parameter) + "\" of operator \"" + name_ +
                  "\"" + what + " in a row of customer " + customer,
              hint, settings_.place(parameter));
}

}  // namespace windrow::operators
