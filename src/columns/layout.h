#pragma once

#include <memory>
#include <string>

#include "columns/arrow_abi.h"
#include "columns/schema.h"

namespace windrow::columns {

/// Columns with how Arrow lays them out. Immutable; shared by all batches of a reader.
class Layout {
 public:
  /// As this program lays them out: texts, bytes and lists with 64-bit offsets.
  explicit Layout(Schema schema);
  /// Takes over how somebody else lays out a struct of columns; `arrow` is empty afterwards,
  /// whatever becomes of it. Error(unsupported) names a column that has no Delta type.
  explicit Layout(ArrowSchema& arrow);
  ~Layout();
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;

  const Schema& schema() const { return schema_; }
  const ArrowSchema& arrow() const { return arrow_; }
  /// The columns of both, each laid out as it was.
  static std::shared_ptr<const Layout> joined(const Layout& first, const Layout& second);
  /// A copy for who wants to own one; it ends it with `release`.
  void copy_to(ArrowSchema& out) const;

 private:
  Schema schema_;
  ArrowSchema arrow_{};
};

}  // namespace windrow::columns
