#pragma once

#include <string_view>
#include <vector>

namespace windrow::cli {

/// A file of an example project, inside the program.
struct ExampleFile {
  std::string_view example, path, content;
  bool executable = false;
};
const std::vector<ExampleFile>& example_files();

}  // namespace windrow::cli
