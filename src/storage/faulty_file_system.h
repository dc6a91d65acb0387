#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "storage/file_system.h"

namespace windrow::storage {

/// How an operation goes wrong.
enum class Fault {
  before,  ///< an Error, and nothing happened
  after,   ///< it happened, and an Error is thrown (put_if_absent: `unknown`)
  torn,    ///< an Error; put and put_if_absent leave half of the bytes in a `.tmp-` file, as a kill
           ///< would
  short_read,  ///< no Error: read and read_range give half of the bytes
  late  ///< put_if_absent gives `unknown`, and is carried out only by `land_late`: a request that
        ///< was on its way when its sender stopped waiting
};

/// For tests: passes everything on to another file system, except that the n-th operation fails,
/// and with `stay_down` every one after it. Counts from 0. Any thread.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& real) : real_(real) {}

  /// The operation with this number from now on fails. Counted are those for which the fault is
  /// something of its own: for `before` all, for `after` what changes files, for `torn` put and
  /// put_if_absent, for `short_read` read and read_range, for `late` put_if_absent.
  void fail(size_t number, Fault fault, Code code = Code::unavailable, bool stay_down = false);
  /// No operation fails any more; counting starts again.
  void heal();
  /// Carries out what is late, in order, whatever fails meanwhile. How many of them came to be
  /// there: the others found somebody else's file.
  size_t land_late();
  /// Operations that were counted since the last `fail` or `heal`; without a `fail`, all of them.
  size_t operations() const;
  /// What was done, in order, e.g. `put_if_absent /lake/…/00000000000000000000.json`.
  std::vector<std::string> trace() const;
  /// Called before each operation with its trace line: for tests that let another writer be first.
  void before_each(std::function<void(const std::string&)> hook) { hook_ = std::move(hook); }

  std::string read(const std::string& path) override;
  std::string read_range(const std::string& path, uint64_t offset, uint64_t length) override;
  std::optional<FileInfo> stat(const std::string& path) override;
  std::vector<FileInfo> list(const std::string& folder, const std::string& after,
                             bool details) override;
  std::vector<FileInfo> list_tree(const std::string& folder) override;
  void put(const std::string& path, std::string_view bytes) override;
  /// `write` and `finish` of what it gives are operations too.
  std::unique_ptr<Writer> writer(const std::string& path) override;
  PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override;
  void remove(const std::string& path) override;
  void remove_all(const std::vector<std::string>& paths) override;
  void make_folder(const std::string& path) override;
  void sync(const std::vector<std::string>& paths) override;
  std::vector<std::string> prefixes() const override { return real_.prefixes(); }
  std::optional<uint64_t> space_left(const std::string& path) override;

 private:
  class FaultyWriter;
  std::optional<Fault> next(const std::string& operation, const std::string& path);
  [[noreturn]] void raise(const std::string& path) const;
  template <typename Operation>
  auto run(const char* name, const std::string& path, Operation operation);

  FileSystem& real_;
  mutable std::mutex mutex_;
  size_t count_ = 0;
  std::optional<size_t> failing_;
  Fault fault_ = Fault::before;
  Code code_ = Code::unavailable;
  bool stay_down_ = false;
  std::vector<std::string> trace_;
  std::vector<std::pair<std::string, std::string>> late_;  // path, bytes
  std::function<void(const std::string&)> hook_;
};

}  // namespace windrow::storage
