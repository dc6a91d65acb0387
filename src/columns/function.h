#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace windrow::columns {

/// A function of one text that SELECTs may call: pure, and NULL for NULL.
struct TextFunction {
  std::string name;
  /// Grows where the same text gives something else: it belongs to the fingerprint of whoever calls
  /// it.
  int version = 1;
  std::string about;  ///< for documents, one sentence
  /// DOUBLE, or VARCHAR in memory that lives as long as the program.
  std::variant<double (*)(std::string_view), std::string_view (*)(std::string_view)> of;
};

using TextFunctions = std::vector<TextFunction>;

}  // namespace windrow::columns
