#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "lake/rewrite.h"

/// Private to lake/: whether a file that loses rows is written anew without them, or only gets a
/// deletion vector. The rule and why: docs/adr/024-deletion-vectors-are-written.md.
namespace windrow::lake {

/// What becomes of the files that rows are taken out of.
struct Fates {
  std::vector<Add> whole;      ///< no row stays: they go
  std::vector<Add> rewritten;  ///< to be written anew without the rows
  std::vector<Add> thinned;    ///< stay, with a vector of the rows

  /// Those that go: whole and rewritten ones.
  std::vector<Add> gone() const;
  /// All that lose rows.
  std::vector<Add> all() const;
};

/// The table's property kVectorsWhenCheaper may say `always`: then the rule's bounds do not count.
/// `hits`: absolute path and how many rows go, of each file that loses some. Pure.
Fates fates_of(const Snapshot& table, const Rows& hits, const VectorRule& rule);

/// Whether two states of a table are the same to who reads its rows: at most it has been switched
/// on that it may have vectors.
bool differ_in_vectors_alone(const Metadata& one, const Metadata& other);

/// Whether vectors may be written to the table: its property says so, or it was made for them
/// (kVectorsWhenCheaper) and its next commit may switch them on.
bool takes_vectors(const Snapshot& table);
/// True where that commit has to switch them on, as `protocol` and `metadata` do then.
bool switch_vectors_on(Protocol& protocol, Metadata& metadata);

/// A file with another vector: its statistics are bounds from now on, none of them exact.
Add with_vector(Add add, DeletionVector vector);

}  // namespace windrow::lake
