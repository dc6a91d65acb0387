#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

/// What goes to an engine with a statement and what comes back of a small one, whichever engine it
/// is. Names of types are those of SQL as DuckDB writes them.
namespace windrow {

/// A value of a small result. Types without a place here come as DuckDB's own text for them
/// (decimal, date, timestamp in ISO form, list, struct, …).
using Cell = std::variant<std::monostate, bool, int64_t, double, std::string>;
/// Text of a cell as a person reads it; NULL is `NULL`.
std::string cell_text(const Cell& cell);

struct Column {
  std::string name;
  std::string
      type;  ///< DuckDB's name of the type, e.g. `DECIMAL(10,2)`, `STRUCT(a INTEGER, b VARCHAR[])`
  bool operator==(const Column&) const = default;
};

/// A whole small result in memory.
struct Rows {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

/// An SQL error. `position` is the byte in the SQL text where DuckDB points, where it says.
class SqlError : public Error {
 public:
  SqlError(Problem problem, std::optional<size_t> position, std::string kind)
      : Error(std::move(problem)), position_(position), kind_(std::move(kind)) {}
  std::optional<size_t> position() const { return position_; }
  /// DuckDB's kind: `Parser`, `Binder`, `Catalog`, `Conversion`, `Out of Memory`, `IO`, …
  const std::string& kind() const { return kind_; }

 private:
  std::optional<size_t> position_;
  std::string kind_;
};

/// A value for `$x`. `type` is DuckDB's name of a type to cast it to first; empty: as the cell is.
struct Parameter {
  Cell value;
  std::string type;
  Parameter() = default;
  template <typename T>
  requires std::constructible_from<Cell, T> Parameter(T&& v, std::string t = {})
      : value(std::forward<T>(v)), type(std::move(t)) {}  // NOLINT: implicit
};
using Parameters = std::map<std::string, Parameter>;  ///< by name, without the dollar

}  // namespace windrow
