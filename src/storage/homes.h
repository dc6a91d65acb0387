#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "storage/file_system.h"

namespace windrow::storage {

/// The scheme of `s3://bucket/key` is `s3`; empty for a path on local disk.
std::string_view scheme_of(std::string_view path);

/// All homes of files as one: a path goes to the home of its scheme, or to local disk where it has
/// none. Homes are made when first used, so that a project on local disk never asks for anybody's
/// credentials. Safe from any thread.
class Homes final : public FileSystem {
 public:
  using Factory = std::function<std::shared_ptr<FileSystem>()>;

  Homes();
  /// Before first use. Several schemes may share a factory's home: it is called once.
  void add(const std::vector<std::string>& schemes, Factory factory);
  /// All schemes there are, as `s3://`.
  std::vector<std::string> prefixes() const override;
  /// The home of a path.
  FileSystem& at(std::string_view path);

  std::string read(const std::string& path) override { return at(path).read(path); }
  std::string read_range(const std::string& path, uint64_t offset, uint64_t length) override {
    return at(path).read_range(path, offset, length);
  }
  std::optional<FileInfo> stat(const std::string& path) override { return at(path).stat(path); }
  std::vector<FileInfo> list(const std::string& folder, const std::string& after,
                             bool details) override {
    return at(folder).list(folder, after, details);
  }
  std::vector<FileInfo> list_tree(const std::string& folder) override {
    return at(folder).list_tree(folder);
  }
  void put(const std::string& path, std::string_view bytes) override { at(path).put(path, bytes); }
  std::unique_ptr<Writer> writer(const std::string& path) override { return at(path).writer(path); }
  PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override {
    return at(path).put_if_absent(path, bytes);
  }
  void remove(const std::string& path) override { at(path).remove(path); }
  void remove_all(const std::vector<std::string>& paths) override;
  void make_folder(const std::string& path) override { at(path).make_folder(path); }
  void sync(const std::vector<std::string>& paths) override;
  std::optional<uint64_t> space_left(const std::string& path) override {
    return at(path).space_left(path);
  }

 private:
  std::map<FileSystem*, std::vector<std::string>> by_home(const std::vector<std::string>& paths);

  struct Home {
    Factory factory;
    std::shared_ptr<FileSystem> files;
  };
  std::unique_ptr<FileSystem> local_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Home>, std::less<>> homes_;
};

}  // namespace windrow::storage
