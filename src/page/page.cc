#include "page/page.h"

#include "page/embedded.h"

namespace windrow::page {

const Asset* asset(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  // A few dozen files.
  const auto wanted = name.find('.') == std::string_view::npos ? "index.html" : path;
  for (const auto& [file, found] : embedded())
    if (file == wanted) return &found;
  return nullptr;
}

}  // namespace windrow::page
