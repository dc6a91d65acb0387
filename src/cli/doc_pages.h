#pragma once

#include <string_view>
#include <vector>

namespace windrow::cli {

/// A page of docs/, inside the program; the README's table says the order and what each is about.
struct DocPage {
  std::string_view topic, about, content;
};
const std::vector<DocPage>& doc_pages();

}  // namespace windrow::cli
