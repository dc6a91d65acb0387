#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace windrow::sql {

/// `CREATE MACRO name(parameters) AS expression`, or `AS TABLE SELECT …`, as it stands in a file.
struct MacroText {
  struct Parameter {
    std::string name;                      ///< lower case
    std::optional<std::string> otherwise;  ///< its default, as SQL
    Place place;
    Place otherwise_begin;
  };

  std::string name;  ///< lower case
  std::vector<Parameter> parameters;
  bool table = false;
  std::string body;  ///< with blanks where comments stood
  Place begin;       ///< of the body
  Place place;       ///< of the name

  /// `money(amount, digits := 2)`
  std::string signature() const;
};

/// The definitions of one file, in order. What is none is a problem with its place; what follows it
/// up to the next semicolon is left out.
std::vector<MacroText> read_macros(std::string_view text, const std::string& file,
                                   Problems& problems);

}  // namespace windrow::sql
