#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// How the values of a feature are put into bins that tell good from bad (weight of evidence:
/// Siddiqi, Credit Risk Scorecards, 2006).
namespace windrow::operators::credit {

/// Rows that went well, and rows that did not.
struct Outcomes {
  int64_t good = 0, bad = 0;
  int64_t rows() const { return good + bad; }
  double bad_rate() const { return double(bad) / double(rows()); }
};

struct Bin {
  std::string label;
  double upper = 0;  ///< of numbers: the greatest that is in it
  Outcomes outcomes;
  /// ln of this bin's share of all that went well over its share of all that did not, each with
  /// half a row more; 0 where the bin has no rows.
  double weight_of_evidence = 0;
};

/// The last bin is of what is missing; that before it, of texts, of all texts that have none of
/// their own.
struct Bins {
  std::vector<Bin> all;
  double information_value = 0;  ///< Σ (share of good − share of bad) × weight of evidence
  std::map<std::string, size_t, std::less<>> of_text;

  size_t missing() const { return all.size() - 1; }
  size_t of_number(double value) const;
  size_t of(const std::string& text) const;
};

/// First bins of equally many rows, then neighbours made one until the bad rate only grows or only
/// falls, whichever tells more, and each has the share `least` of the rows.
Bins bins_of_numbers(const std::map<double, Outcomes>& values, const Outcomes& missing, int most,
                     double least);
/// A bin for each text that has the share `least` of the rows.
Bins bins_of_texts(const std::map<std::string, Outcomes>& values, const Outcomes& missing,
                   double least);

}  // namespace windrow::operators::credit
