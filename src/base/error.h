#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windrow {

/// What kind of failure it is. The list is short and closed: `retryable` and the exit code are
/// decided from it alone.
enum class Code {
  usage,          ///< the command line is wrong
  configuration,  ///< a file of the project is wrong
  data,           ///< rows are not what a check, a key or a type demands
  not_found,      ///< a table, version, file or column that was asked for is not there
  conflict,       ///< another writer was faster: plan again
  history_lost,   ///< a table's provenance is gone: somebody has to decide
  unsupported,    ///< a feature of a table or a file that this program does not know
  corrupt,        ///< bytes that do not read back as what they claim to be
  permission,     ///< read-only, not allowed
  full,           ///< no space left
  unavailable,    ///< a server or device that may answer later
  timeout,        ///< it took longer than it was allowed to
  canceled,       ///< somebody asked to stop
  internal        ///< a bug
};

/// "conflict", "not found", … : as it is printed and logged.
std::string_view name_of(Code code);
/// Code::internal where there is none of that name.
Code code_named(std::string_view name);

/// True where trying the same thing again may succeed without anybody changing anything.
bool retryable(Code code);

/// A place in one of the user's files. Lines and columns count from 1; 0 means unknown. Columns
/// count bytes.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  bool known() const { return !file.empty(); }
  /// `file:line:column`, without what is unknown.
  std::string text() const;
  bool operator==(const Place&) const = default;
};

/// One failure: what happened, where in the user's files, and what to do about it.
struct Problem {
  Code code = Code::internal;
  std::string message;  ///< lower case, no full stop, quotes the user's text, never a secret
  std::string hint;     ///< what to do; may be empty
  Place place;

  /// `message (file:line:column)`, and the hint on a line of its own where there is one.
  std::string text() const;
  bool operator==(const Problem&) const = default;
};

/// The one exception of this program. It carries one problem, or all that were found at once.
class Error : public std::exception {
 public:
  Error(Code code, std::string message, std::string hint = {}, Place place = {});
  explicit Error(Problem problem);
  /// `problems` must not be empty; the first one decides `code()`.
  explicit Error(std::vector<Problem> problems);

  Code code() const { return problems_.front().code; }
  const std::vector<Problem>& problems() const { return problems_; }
  const Problem& problem() const { return problems_.front(); }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::vector<Problem> problems_;
  std::string text_;
};

/// Collects problems so that all of them are reported at once.
class Problems {
 public:
  void add(Problem problem) { all_.push_back(std::move(problem)); }
  void add(Code code, std::string message, std::string hint = {}, Place place = {});
  void add(const Error& error);
  bool empty() const { return all_.empty(); }
  const std::vector<Problem>& all() const { return all_; }
  /// Throws one Error with all of them, ordered by place; does nothing when there are none.
  void raise() const;

 private:
  std::vector<Problem> all_;
};

/// A broken invariant: prints and aborts, before anything is written.
[[noreturn]] void broken_invariant(const char* what, const char* file, int line);
#define WINDROW_INVARIANT(condition) \
  ((condition) ? void(0) : ::windrow::broken_invariant(#condition, __FILE__, __LINE__))

/// The system's words for an errno value, as an Error of the fitting code (ENOSPC → full, EACCES →
/// permission, …).
Error system_error(int error_number, std::string_view doing, std::string_view path);

}  // namespace windrow
