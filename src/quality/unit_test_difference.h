#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "quality/unit_test_values.h"

/// Private to quality/: which expected rows did not come, which came unasked, and how to say it.
namespace windrow::quality {

struct Matching {
  /// Indexes of expected and found rows that have no partner.
  std::vector<size_t> missing, unexpected;
};

/// Pairs equal rows. A row that names few columns may fit several; the pairing leaves as few alone
/// as possible.
Matching match_rows(const std::vector<std::vector<Expected>>& expected, const Rows& found,
                    bool ordered);

/// An aligned table of `- expected` and `+ found` lines; rows that differ in few columns stand
/// together, with the columns named.
std::string difference_text(const std::vector<std::vector<Expected>>& expected, const Rows& found,
                            const Matching& matching);

}  // namespace windrow::quality
