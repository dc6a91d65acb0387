#pragma once

#include <string>

/// Private to sources/files: files that are fetched or converted before they are read.
namespace windrow::sources {

/// A folder of this process below the project's spill folder, gone with this. What killed processes
/// have left there goes when the next one is made.
class LocalCopies {
 public:
  explicit LocalCopies(const std::string& spill);
  ~LocalCopies();
  LocalCopies(const LocalCopies&) = delete;
  LocalCopies& operator=(const LocalCopies&) = delete;
  /// Where the copy of a file of this name goes; the folder is there.
  std::string path(const std::string& name) const;

 private:
  std::string folder_;
};

}  // namespace windrow::sources
