#pragma once

#include <cstdint>
#include <vector>

#include "operators/stop.h"

/// How often customers buy and for how much: two models of Fader and Hardie. Time is in any one
/// unit.
namespace windrow::operators {

/// What is known of one customer.
struct Buyer {
  int64_t frequency = 0;  ///< purchases after the first
  double recency = 0;     ///< from the first to the last
  double age = 0;         ///< from the first to the end of what is known
  double value = 0;       ///< mean worth of the purchases after the first
};

/// The BG/NBD model: while a customer is alive, purchases come at a rate of their own, gamma
/// distributed over customers (r, alpha); after each, customers leave with a probability of their
/// own, beta distributed (a, b). P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting Your Customers"
/// the Easy Way, Marketing Science 24, 2005.
struct BuyingModel {
  double r = 1, alpha = 1, a = 1, b = 1;

  /// How likely the customer is still alive at the end of what is known (Fader and Hardie 2008).
  double alive(const Buyer& buyer) const;
  /// How many purchases are to be expected in the time `later` from a customer with so many
  /// purchases after the first and that age who is alive: equation 10, its hypergeometric function
  /// turned by Euler's formula so that nothing overflows, and by the way nothing is divided by
  /// a − 1.
  double expected(int64_t frequency, double age, double later) const;
};

/// The Gamma-Gamma model: purchases of a customer are gamma distributed around a mean of their own,
/// which over customers is the inverse of a gamma (p, q, v). P. S. Fader, B. G. S. Hardie, The
/// Gamma-Gamma Model of Monetary Value, 2013.
struct SpendingModel {
  double p = 1, q = 2, v = 1;
  /// The mean worth of the customer's purchases to come.
  double expected(const Buyer& buyer) const;
};

/// The most likely models. Logarithms of parameters stay between −8 and 8 (with time and worth in
/// units of their means), where the likelihood has no maximum. At least one of the buyers has
/// bought again.
BuyingModel fitted_buying(const std::vector<Buyer>& buyers, const StopCheck& stop);
/// `q` is greater than 1, so that there is a mean over customers. Of the buyers that have bought
/// again for more than 0, at least one.
SpendingModel fitted_spending(const std::vector<Buyer>& buyers, const StopCheck& stop);

/// What both make most likely: the logarithm of the likelihood.
double log_likelihood(const BuyingModel& model, const std::vector<Buyer>& buyers);
double log_likelihood(const SpendingModel& model, const std::vector<Buyer>& buyers);

}  // namespace windrow::operators
