#pragma once

#include <cstdint>
#include <vector>

#include "operators/stop.h"

/// Who has how much to do with what, and what follows for the rest.
namespace windrow::operators {

/// A sparse matrix by rows. Its weights are greater than 0.
struct Ratings {
  struct Entry {
    int32_t column;
    double weight;
  };
  std::vector<size_t> begin{0};  ///< rows + 1: where the entries of each begin
  std::vector<Entry> entries;    ///< of a row by column
  int32_t columns = 0;

  int32_t rows() const { return int32_t(begin.size() - 1); }
  template <typename Visit>
  void each(int32_t row, const Visit& visit) const {
    for (size_t i = begin[size_t(row)]; i < begin[size_t(row) + 1]; ++i)
      visit(entries[i].column, entries[i].weight);
  }
  size_t count(int32_t row) const { return begin[size_t(row) + 1] - begin[size_t(row)]; }
  /// Rows become columns.
  Ratings turned() const;
};

/// Something with how good it is: the better, of equal ones the one with the smaller number first.
struct Scored {
  int32_t number;
  double score;
};

/// Keeps the best of what it is shown.
class Best {
 public:
  explicit Best(size_t most) : most_(most) {}
  void take(int32_t number, double score);
  /// The best first; begins anew.
  std::vector<Scored> all();

 private:
  size_t most_;
  std::vector<Scored> heap_;  // the worst on top
};

/// Of each column of `ratings` the `most` others with the greatest cosine to it, above 0, best
/// first (Sarwar and others, Item-Based Collaborative Filtering, WWW 2001).
std::vector<std::vector<Scored>> similar_columns(const Ratings& ratings, size_t most,
                                                 const StopCheck& stop);

struct FactorOptions {
  size_t factors = 32;
  int64_t iterations = 15;
  double regularization = 0.05;
  double confidence = 1;  ///< an entry of weight w counts 1 + confidence · w, others 1
  uint64_t seed = 1;
};

/// Vectors of the rows and of the columns, one after the other, each `stride` long.
struct Factors {
  size_t stride = 0;
  std::vector<double> rows, columns;

  const double* row(int32_t i) const { return rows.data() + size_t(i) * stride; }
  const double* column(int32_t i) const { return columns.data() + size_t(i) * stride; }
};

/// The sum of a[i] · b[i]; `stride` is one of Factors.
double product(const double* a, const double* b, size_t stride);

/// Vectors whose products are near 1 where there is an entry and near 0 where there is none:
/// Σ c (p − x·y)² + regularization · (Σ|x|² + Σ|y|²) is made small by alternating least squares
/// (Hu, Koren and Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008),
/// each by three steps of conjugate gradients from where it was (Takács, Pilászy and Tikk, RecSys
/// 2011).
Factors factorized(const Ratings& ratings, const FactorOptions& options, const StopCheck& stop);

}  // namespace windrow::operators
