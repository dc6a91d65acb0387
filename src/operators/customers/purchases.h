#pragma once

#include <functional>
#include <optional>

#include "columns/operator.h"
#include "operators/beside.h"
#include "operators/values.h"

/// Rows that are purchases, or other things that customers do: a customer, a time, an amount.
namespace windrow::operators {

constexpr int64_t kMicrosOfADay = 86'400'000'000;

enum class Amount { none, optional, required };
/// `customer`, `time`, `amount` and `as_of`, for an operator's parameters.
std::vector<columns::Parameter> purchase_parameters(Amount amount);
/// Has what is wrong with them told, and gives the customer's column.
const columns::Field* check_purchases(InputColumns& input, const columns::Settings& settings);
/// By customer and time, so that each customer's rows come one after the other.
std::vector<std::string> order_of_purchases(const columns::Settings& settings);
/// A customer's column with `added` behind it. Error(configuration) where it is called as one of
/// these.
columns::Schema with_customer(const std::string& name, const columns::Field& customer,
                              const columns::Settings& settings,
                              const std::vector<columns::Field>& added);

struct Purchase {
  int32_t customer = 0;  ///< of Names, numbered as they come
  int64_t micros = 0;    ///< of its time since 1970
  double amount = 0;     ///< 0 without a column of amounts
};

/// Reads all purchases up to `as_of`. A row with a NULL is none. Error(data) names the customer
/// whose time is infinite, or so far away that differences cannot be counted, or whose amount is
/// NaN or infinite.
class Purchases {
 public:
  Purchases(std::string name, columns::BatchReader& input, const columns::Settings& settings);

  void each(Names& customers, const std::function<void(const Purchase&)>& visit) const;
  /// Where it is not a parameter, the time of the last purchase: not known before the end.
  std::optional<int64_t> as_of() const { return as_of_; }
  /// The value of `parameter`'s column in a row of that customer will not do.
  [[noreturn]] void wrong(const std::string& parameter, const std::string& what,
                          const std::string& customer, const std::string& hint) const;

 private:
  size_t position(const std::string& parameter) const;
  void take(const columns::Batch& batch, Names& customers,
            const std::function<void(const Purchase&)>& visit) const;

  std::string name_;
  columns::BatchReader& input_;
  const columns::Settings& settings_;
  bool days_;
  std::optional<int64_t> as_of_;
};

}  // namespace windrow::operators
