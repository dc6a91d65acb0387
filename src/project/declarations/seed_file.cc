#include "project/declarations/files.h"
#include "project/project.h"

namespace windrow::project {

const Keys<Seed>& seed_file() {
  static const Keys<Seed> keys =
      Keys<Seed>("seed")
          .include(common_keys(), &Seed::common)
          .optional("columns", &Seed::columns, columns_type(false), "all, types inferred",
                    "Columns of the file that have a type, a description or checks.")
          .optional("checks", &Seed::checks, list_type(check_type(false)), "",
                    "Checks of the whole table.");
  return keys;
}

}  // namespace windrow::project
