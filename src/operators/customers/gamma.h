#pragma once

namespace windrow::operators {

/// The logarithm of the gamma function, and its derivative, of x > 0: Stirling's series from 10 on,
/// below that by recurrence (Abramowitz and Stegun 6.1.41, 6.3.18). Relative error below 1e-14
/// away from zeros. Our own because the C library's differs from one machine to the next.
double log_gamma(double x);
double digamma(double x);

}  // namespace windrow::operators
