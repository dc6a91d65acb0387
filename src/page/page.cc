#include "page/page.h"

#include "page/embedded.h"

namespace windrow::page {

const Asset* asset(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto file_at = [](std::string_view wanted) -> const Asset* {
    for (const auto& [file, found] : embedded())  // a few dozen
      if (file == wanted) return &found;
    return nullptr;
  };
  if (const auto* found = file_at(path)) return found;
  // Names of tables have dots, too: `/assets/gold.daily`.
  for (const char* ending : {".js", ".css", ".map", ".woff2", ".svg", ".png", ".ico", ".txt"})
    if (path.ends_with(ending)) return nullptr;
  return file_at("index.html");
}

}  // namespace windrow::page
