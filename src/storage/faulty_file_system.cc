#include "storage/faulty_file_system.h"

#include <algorithm>
#include <initializer_list>
#include <type_traits>

#include "base/id.h"

namespace windrow::storage {

void FaultyFileSystem::fail(size_t number, Fault fault, Code code, bool stay_down) {
  const std::scoped_lock lock(mutex_);
  count_ = 0;
  trace_.clear();
  failing_ = number;
  fault_ = fault;
  code_ = code;
  stay_down_ = stay_down;
}

void FaultyFileSystem::heal() {
  const std::scoped_lock lock(mutex_);
  count_ = 0;
  trace_.clear();
  failing_.reset();
}

size_t FaultyFileSystem::operations() const {
  const std::scoped_lock lock(mutex_);
  return count_;
}

std::vector<std::string> FaultyFileSystem::trace() const {
  const std::scoped_lock lock(mutex_);
  return trace_;
}

size_t FaultyFileSystem::land_late() {
  std::vector<std::pair<std::string, std::string>> late;
  {
    const std::scoped_lock lock(mutex_);
    late.swap(late_);
  }
  size_t landed = 0;
  for (const auto& [path, bytes] : late)
    if (real_.put_if_absent(path, bytes) == PutOutcome::created) ++landed;
  return landed;
}

namespace {

bool is_one_of(const std::string& operation, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), operation) != names.end();
}

/// True where the fault is not the same as `before`.
bool matters(Fault fault, const std::string& operation) {
  switch (fault) {
    case Fault::before: return true;
    case Fault::after:
      return !is_one_of(operation,
                        {"read", "read_range", "stat", "list", "list_tree", "space_left"});
    case Fault::torn: return is_one_of(operation, {"put", "put_if_absent"});
    case Fault::short_read: return is_one_of(operation, {"read", "read_range"});
    case Fault::late: return operation == "put_if_absent";
  }
  return true;
}

}  // namespace

std::optional<Fault> FaultyFileSystem::next(const std::string& operation, const std::string& path) {
  const std::string line = operation + " " + path;
  if (hook_) hook_(line);
  const std::scoped_lock lock(mutex_);
  trace_.push_back(line);
  const bool down = stay_down_ && failing_ && count_ > *failing_;
  if (failing_ && !matters(fault_, operation))
    return down ? std::optional(Fault::before) : std::nullopt;
  const size_t number = count_++;
  if (!failing_ || number < *failing_ || (number > *failing_ && !stay_down_)) return {};
  return number == *failing_ ? fault_ : Fault::before;
}

void FaultyFileSystem::raise(const std::string& path) const {
  throw Error(code_, "injected fault at \"" + path + "\"");
}

template <typename Operation>
auto FaultyFileSystem::run(const char* name, const std::string& path, Operation operation) {
  const auto fault = next(name, path);
  if (!fault) return operation();
  if (*fault == Fault::after) operation();
  if constexpr (std::is_same_v<decltype(operation()), std::string>) {
    if (*fault == Fault::short_read) {
      std::string bytes = operation();
      bytes.resize(bytes.size() / 2);
      return bytes;
    }
  }
  raise(path);
}

std::string FaultyFileSystem::read(const std::string& path) {
  return run("read", path, [&] { return real_.read(path); });
}

std::string FaultyFileSystem::read_range(const std::string& path, uint64_t offset,
                                         uint64_t length) {
  return run("read_range", path, [&] { return real_.read_range(path, offset, length); });
}

std::optional<FileInfo> FaultyFileSystem::stat(const std::string& path) {
  return run("stat", path, [&] { return real_.stat(path); });
}

std::vector<FileInfo> FaultyFileSystem::list(const std::string& folder, const std::string& after,
                                             bool details) {
  return run("list", folder, [&] { return real_.list(folder, after, details); });
}

std::vector<FileInfo> FaultyFileSystem::list_tree(const std::string& folder) {
  return run("list_tree", folder, [&] { return real_.list_tree(folder); });
}

namespace {
void leave_half(FileSystem& files, const std::string& path, std::string_view bytes) {
  const std::string folder = path.substr(0, path.find_last_of('/'));
  files.put(folder + "/.tmp-" + new_uuid(), bytes.substr(0, bytes.size() / 2));
}
}  // namespace

void FaultyFileSystem::put(const std::string& path, std::string_view bytes) {
  const auto fault = next("put", path);
  if (!fault) return real_.put(path, bytes);
  if (*fault == Fault::after) real_.put(path, bytes);
  if (*fault == Fault::torn) leave_half(real_, path, bytes);
  raise(path);
}

class FaultyFileSystem::FaultyWriter final : public Writer {
 public:
  FaultyWriter(FaultyFileSystem& files, std::string path, std::unique_ptr<Writer> real)
      : files_(files), path_(std::move(path)), real_(std::move(real)) {}
  void write(std::string_view bytes) override {
    files_.run("write", path_, [&] { real_->write(bytes); });
  }
  void finish() override {
    files_.run("finish", path_, [&] { real_->finish(); });
  }

 private:
  FaultyFileSystem& files_;
  std::string path_;
  std::unique_ptr<Writer> real_;
};

std::unique_ptr<Writer> FaultyFileSystem::writer(const std::string& path) {
  return run("writer", path, [&]() -> std::unique_ptr<Writer> {
    return std::make_unique<FaultyWriter>(*this, path, real_.writer(path));
  });
}

PutOutcome FaultyFileSystem::put_if_absent(const std::string& path, std::string_view bytes) {
  const auto fault = next("put_if_absent", path);
  if (!fault) return real_.put_if_absent(path, bytes);
  if (*fault == Fault::after) {
    real_.put_if_absent(path, bytes);
    return PutOutcome::unknown;
  }
  if (*fault == Fault::late) {
    const std::scoped_lock lock(mutex_);
    late_.emplace_back(path, bytes);
    return PutOutcome::unknown;
  }
  if (*fault == Fault::torn) leave_half(real_, path, bytes);
  raise(path);
}

void FaultyFileSystem::remove(const std::string& path) {
  run("remove", path, [&] { real_.remove(path); });
}

void FaultyFileSystem::remove_all(const std::vector<std::string>& paths) {
  run("remove_all", paths.empty() ? "" : paths.front(), [&] { real_.remove_all(paths); });
}

void FaultyFileSystem::make_folder(const std::string& path) {
  run("make_folder", path, [&] { real_.make_folder(path); });
}

void FaultyFileSystem::sync(const std::vector<std::string>& paths) {
  run("sync", paths.empty() ? "" : paths.front(), [&] { real_.sync(paths); });
}

std::optional<uint64_t> FaultyFileSystem::space_left(const std::string& path) {
  return run("space_left", path, [&] { return real_.space_left(path); });
}

}  // namespace windrow::storage
