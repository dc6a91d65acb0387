#pragma once

#include <string>
#include <vector>

#include "lsp/view.h"

namespace windrow::lsp {

/// What may be written at a place.
struct Completion {
  /// The protocol's numbers.
  enum class Kind { function = 3, field = 5, variable = 6, module = 9, property = 10, value = 12 };
  std::string label;
  Kind kind = Kind::value;
  std::string detail, documentation;
  std::string text;  ///< what is written; empty: the label
  Span replaced;     ///< by it, in the whole text
};

/// In the order in which they are to be offered. At most kCompletionsMax.
inline constexpr size_t kCompletionsMax = 1'000;
std::vector<Completion> completions(const View& view, const Spot& spot);

/// The functions that a model may call, with what DuckDB says of them.
std::vector<Function> functions_of(duck::Database& database);

}  // namespace windrow::lsp
