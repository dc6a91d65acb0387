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
/// What an empty project begins with; `PROJECT` in them stands for its name.
const std::vector<ExampleFile>& scaffold_files();

}  // namespace windrow::cli
