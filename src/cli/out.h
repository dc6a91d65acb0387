#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secrets.h"
#include "cli/text.h"
#include "cli/text_table.h"

namespace windrow::cli {

/// Thrown where nobody reads stdout any more (`windrow … | head`): the program ends quietly.
struct OutputClosed {};
/// What became of the last write to standard output, by errno: OutputClosed or an Error.
[[noreturn]] void write_failed();

struct OutOptions {
  bool json = false, color = true, quiet = false, verbose = false;
};

/// What the program says on the terminal: all of it masked. Rows are data: data_out.h.
class Out {
 public:
  Out(const Secrets& secrets, const OutOptions& options);

  bool json() const { return options_.json; }
  bool quiet() const { return options_.quiet; }
  bool verbose() const { return options_.verbose; }
  bool terminal() const { return terminal_; }              ///< stdout is one
  bool error_terminal() const { return error_terminal_; }  ///< stderr is one
  const Style& style() const { return style_; }
  const Style& error_style() const { return error_style_; }
  /// Columns of the terminal; kNoTerminal where it is none.
  size_t width() const;
  size_t error_width() const;
  const Secrets& secrets() const { return secrets_; }

  void print(std::string_view text) const;  ///< stdout, with a line end
  void write(std::string_view text) const;  ///< stdout, as it is
  void table(const TextTable& table) const;
  void note(std::string_view text) const;       ///< stderr, with a line end; not when quiet
  void raw_error(std::string_view text) const;  ///< stderr, as it is
  /// All problems: message, place, hint; as one JSON document where --json was said.
  void error(const Error& error) const;
  /// Throws where stdout could not be written to the end.
  void finish() const;

 private:
  const Secrets& secrets_;
  OutOptions options_;
  bool terminal_, error_terminal_;
  Style style_, error_style_;
};

/// `error: message`, the place and the hint on lines of their own.
std::string problem_text(const Problem& problem, const Style& style);

}  // namespace windrow::cli
