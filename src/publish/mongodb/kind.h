#pragma once

#include <string>
#include <vector>

#include "publish/store_kind.h"

namespace windrow::publish {

/// `document` of a view: how a row becomes a document.
struct DocumentForm {
  bool flat = false;       ///< columns are fields; else `view_type`, `data`, `computed_at`, …
  std::string view_type;   ///< empty: the view's name
  std::string collection;  ///< empty: the view's name
  std::vector<std::string> top;  ///< columns that stand beside `data`, not in it
};
const DocumentForm& document_form(const project::PublishedView& view);

std::unique_ptr<Store> mongodb_store(const project::Connection& connection,
                                     const Surroundings& surroundings);
StoreKind mongodb_kind();

}  // namespace windrow::publish
