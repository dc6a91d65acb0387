#pragma once

#include <functional>
#include <vector>

namespace windrow::operators {

/// A smooth function of a few numbers: its value, and its gradient by the way.
using Smooth = std::function<double(const std::vector<double>& at, std::vector<double>& gradient)>;

/// Where `function` is least, going down from `at`: by BFGS (Nocedal and Wright, Numerical
/// Optimization, 6.1) with a line search for Wolfe's conditions. Ends where no part of the gradient
/// is greater than `gradient_most`, or where no step gets lower in floating point.
std::vector<double> minimize(const Smooth& function, std::vector<double> at, double gradient_most);

}  // namespace windrow::operators
