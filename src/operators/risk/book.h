#pragma once

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "operators/beside.h"

/// What a bank holds and how it moved: the rows that the operators of market risk read.
namespace windrow::operators::risk {

inline constexpr double kNoPrice = std::numeric_limits<double>::quiet_NaN();

bool is_number(const columns::Type& type);  ///< DOUBLE, FLOAT, DECIMAL or a whole number
bool is_label(const columns::Type& type);   ///< VARCHAR or a whole number
bool is_time(const columns::Type& type);    ///< DATE or TIMESTAMP, with zone or without
double number_at(const columns::Column& column, const columns::Type& type, int64_t row);
std::string label_at(const columns::Column& column, const columns::Type& type, int64_t row);
void write_label(columns::BatchBuilder& builder, size_t column, const columns::Type& type,
                 const std::string& label);
/// `2018-02-07`, or with the time of day.
std::string time_text(int64_t time, const columns::Type& type);
/// A whole or other number as a file says it; NaN where it is none.
double number_in(const std::string& text);

/// By what results are broken down: `by: [desk, desk/book]`. Each set of columns has a result for
/// each of its values; the first set is empty: all there is.
struct Breakdown {
  std::vector<std::string> columns;       ///< of all sets, each once
  std::vector<std::vector<size_t>> sets;  ///< positions in `columns`
};

/// Those that all operators over books have: time, asset, price, quantity, by, returns, missing.
/// `profits`: whether there may be profits instead of prices.
std::vector<columns::Parameter> book_parameters(bool profits);
/// What is wrong with them becomes problems of `input`. Gives what `by` says.
Breakdown check_book(const columns::Settings& settings, InputColumns& input);
/// The columns of a result: `first`, those of the breakdown, `measures`. What two of them would
/// share as a name becomes a problem of `input`.
columns::Schema book_output(const columns::Schema& schema, const Breakdown& breakdown,
                            std::vector<columns::Field> first,
                            const std::vector<columns::Field>& measures, InputColumns& input);
/// Columns that the rows have to be ordered by.
std::vector<std::string> book_order(const columns::Settings& settings);

struct Group;

enum class Returns { simple, log, absolute };
enum class Missing { error, carry, skip, zero };

/// Something that has a price, or a position's profits, by the number of the time.
struct Series {
  std::string name;
  std::vector<double> price;  ///< kNoPrice where there is none; may end before the last time
  size_t last_row = 0;        ///< the last time at which there was a row of it

  double at(size_t time) const { return time < price.size() ? price[time] : kNoPrice; }
};

/// So much of a series, with its value of each column of the breakdown.
struct Position {
  size_t series = 0;
  std::vector<std::string> labels;
  size_t time = 0;  ///< of its last row
  double quantity = 0;
};

/// The rows, time by time. Each holds a price of an asset and, where a quantity is said, a position
/// of it; or, where `profit` is set, what a position gained or lost.
class Book {
 public:
  Book(std::string operator_name, std::unique_ptr<columns::BatchReader> input,
       const columns::Settings& settings);

  /// Takes the rows of one time more; false where there are none. Error(data) names the row that is
  /// not what it has to be.
  bool read_time();
  columns::BatchReader& input() { return *input_; }

  const std::vector<int64_t>& times() const { return times_; }
  std::string time_text(size_t time) const;
  const Breakdown& breakdown() const { return breakdown_; }
  const std::vector<Series>& series() const { return series_; }
  /// The number of the series of this name, which is an asset's.
  std::optional<size_t> find(const std::string& name) const;
  /// What is held at the last time: the positions of each series' last rows, without those of which
  /// there is nothing.
  std::vector<const Position*> held() const;
  bool of_profits() const { return profit_.has_value(); }
  Returns returns() const { return returns_; }
  Missing missing() const { return missing_; }

  /// Of a series, where what is missing is as `missing` says; what would be skipped is an error.
  double price(size_t series, size_t time) const { return filled(series_[series], time); }
  /// The columns of the breakdown from `first` on, NULL where the group is not by it. Gives the
  /// column after them.
  size_t write_labels(columns::BatchBuilder& builder, size_t first, const columns::Schema& schema,
                      const Group& group) const;

  /// The prices of some series at so many times, the last of them the last that counts, where what
  /// is missing is as `missing` says. `wanted` 0: all there are. Fewer times where there are not so
  /// many. Error(data) where a price is missing that must not be.
  struct Prices {
    std::vector<size_t> times;
    std::vector<std::vector<double>> of;  ///< of each series, by `times`
  };
  Prices prices(const std::vector<size_t>& series, size_t wanted) const;
  /// How each moved from one time to the next as `returns` says. Profits are such changes.
  std::vector<std::vector<double>> changes(const Prices& prices) const;

  [[noreturn]] void wrong(const std::string& message, const std::string& hint,
                          const std::string& parameter) const;

 private:
  void take(int64_t row);
  size_t series_of(const std::string& name);
  void take_price(Series& series, double price);
  double checked(size_t column, int64_t row, const std::string& parameter,
                 const std::string& of) const;
  double filled(const Series& series, size_t time) const;

  std::string operator_;
  std::unique_ptr<columns::BatchReader> input_;
  columns::Settings settings_;
  Breakdown breakdown_;
  Returns returns_;
  Missing missing_;
  std::optional<size_t> asset_, price_, quantity_, profit_;
  size_t time_ = 0;
  std::vector<size_t> by_;
  std::optional<columns::Batch> batch_;
  int64_t row_ = 0;
  bool ended_ = false;  ///< a reader is not asked beyond its end
  std::vector<int64_t> times_;
  std::vector<Series> series_;
  std::unordered_map<std::string, size_t> series_named_;
  std::vector<Position> positions_;
  std::unordered_map<std::string, size_t> position_named_;
};

/// What a price that was `before` and is `after` moved by.
double change(Returns returns, double before, double after);

/// So much of some series together: what one row of the results is about.
struct Group {
  std::vector<std::string> labels;  ///< of the columns of its set
  size_t set = 0;                   ///< of the breakdown
  double value = 0;
  /// Places among the series that are held, ascending, with what one of `returns` is multiplied by.
  std::vector<std::pair<size_t, double>> exposures;
};

/// The series of these positions, each once, ascending.
std::vector<size_t> held_series(const std::vector<const Position*>& held);
/// By sets, then labels; the first is all there is. `now`: the price of each series.
std::vector<Group> groups_of(const Book& book, const std::vector<const Position*>& held,
                             const std::vector<size_t>& series, const std::vector<double>& now);

}  // namespace windrow::operators::risk
