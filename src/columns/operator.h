#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rows.h"
#include "columns/batch.h"

/// What SQL says badly, in C++: a pure function over the rows of a SELECT.
namespace windrow::columns {

/// A parameter of an operator, as a project's file may set it.
struct Parameter {
  enum class Kind { text, texts, integer, real, truth, duration };
  std::string name;
  Kind kind = Kind::text;
  std::string otherwise;  ///< what it is where it is not set, as documents say it
  bool required = false;
  std::string about;  ///< for documents, one sentence
};

/// What a project's file says of one parameter.
struct Setting {
  std::vector<std::string> texts;  ///< one, but for Kind::texts
  Place place;
};

/// The parameters of one use, typed. What is not set is as its Parameter says.
class Settings {
 public:
  /// Problems have the setting's place: names that there are not (with the nearest one), values of
  /// another kind, what is required and not there.
  Settings(const std::string& name, const std::vector<Parameter>& parameters,
           const std::map<std::string, Setting>& given, const Place& place, Problems& problems);

  bool has(const std::string& name) const { return values_.count(name) > 0; }
  const std::string& text(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  int64_t micros(const std::string& name) const;  ///< of a duration
  Place place(const std::string& name) const;
  /// All of them in one line that is the same for the same meaning: for fingerprints.
  std::string canonical() const;

 private:
  struct Value {
    std::vector<std::string> texts;
    int64_t micros = 0;
    Place place;
  };
  std::map<std::string, Value> values_;
  Place place_;
};

/// A kind of operator. A value with no state: one for the whole process.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual std::string name() const = 0;
  /// Grows where the same rows give other ones: it belongs to a model's fingerprint.
  virtual int version() const = 0;
  virtual std::vector<Parameter> parameters() const = 0;
  /// What comes out of rows with these columns. Error(configuration) with a place names a column
  /// that is missing or of a type that it cannot be of.
  virtual Schema output(const Schema& input, const Settings& settings) const = 0;
  /// Columns in whose order the rows have to come, ascending, NULLs first; mostly none.
  virtual std::vector<std::string> order(const Settings& settings) const = 0;
  /// The rows that come out, read as they are asked for, in bounded memory.
  virtual std::unique_ptr<BatchReader> run(std::unique_ptr<BatchReader> input,
                                           const Settings& settings) const = 0;
};

/// What a project's file says of one operator that rows go through.
struct OperatorUse {
  const Operator* kind = nullptr;
  Settings settings;
  Place place;

  /// The same for the same rows of the same rows: for fingerprints.
  std::string meaning() const {
    return kind->name() + " " + std::to_string(kind->version()) + " " + settings.canonical();
  }
};

/// Those that a program knows. They outlive whoever asks.
using Operators = std::vector<const Operator*>;
/// Error(configuration) at `place` with the nearest name.
const Operator& operator_named(const Operators& operators, const std::string& name,
                               const Place& place);

}  // namespace windrow::columns
