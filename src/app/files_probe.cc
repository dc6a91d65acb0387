#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "app/homes.h"
#include "base/error.h"

// For tests of homes by many processes at once: one operation of a FileSystem.
//
//   files_probe put-if-absent PATH TEXT     prints created, exists or unknown
//   files_probe put PATH BYTES              a file of so many bytes, by a writer
//   files_probe list PATH                   paths below it
//   files_probe read PATH

namespace {

int run(const std::vector<std::string>& words) {
  using namespace windrow;
  Secrets secrets;
  const auto files = app::all_homes(storage::process_environment(), secrets);
  const std::string& verb = words.at(0);
  const std::string& path = words.at(1);
  if (verb == "put-if-absent") {
    static constexpr const char* kNames[] = {"created", "exists", "unknown"};
    std::puts(kNames[int(files->put_if_absent(path, words.at(2)))]);
  } else if (verb == "put") {
    const auto writer = files->writer(path);
    const std::string piece(1 << 20, 'x');
    for (size_t left = std::stoull(words.at(2)); left > 0;) {
      const size_t part = std::min(left, piece.size());
      writer->write(std::string_view(piece).substr(0, part));
      left -= part;
    }
    writer->finish();
  } else if (verb == "list") {
    for (const auto& file : files->list_tree(path))
      std::cout << file.path << "\t" << file.size << "\n";
  } else if (verb == "read") {
    std::cout << files->read(path);
  } else {
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
