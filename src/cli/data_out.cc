#include "cli/data_out.h"

#include <cstdio>

namespace windrow::cli {

void put_data(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) write_failed();
}

void put_data(const Out& out, const TextTable& table) {
  put_data(table.text({out.width(), out.style()}));
}

}  // namespace windrow::cli
