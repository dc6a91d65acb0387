#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/id.h"
#include "storage/file_system.h"

// Local disk. A write goes to a temporary file in the same folder, is made durable, and only then
// gets its name:
//   put            write, fsync, rename over the name, fsync of the folder
//   put_if_absent  write, fsync, link() to the name (EEXIST: somebody was there first), unlink,
//   fsync of the folder
// rename() would replace a file that another writer has just made, so only link() can decide a
// race.

namespace windrow::storage {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  /// Some file systems tell only here that a write failed.
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Time modified_of(const struct stat& info) {
  return time_from_micros(int64_t(info.st_mtim.tv_sec) * 1'000'000 + info.st_mtim.tv_nsec / 1000);
}

FileInfo info_of(std::string path, const struct stat& info) {
  if (S_ISDIR(info.st_mode)) return {std::move(path), 0, modified_of(info), true, {}};
  std::string tag = std::to_string(info.st_size) + "-" + std::to_string(info.st_mtim.tv_sec) + "." +
                    std::to_string(info.st_mtim.tv_nsec) + "-" + std::to_string(info.st_ino);
  return {std::move(path), uint64_t(info.st_size), modified_of(info), false, std::move(tag)};
}

bool sync_descriptor(int fd) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    // Some file systems know no fsync of a folder; there is nothing more that could be done.
    return errno == EINVAL || errno == ENOTSUP;
  }
  return true;
}

bool sync_folder(const std::string& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.ok() && sync_descriptor(fd.get());
}

/// Makes the folder and those above it, each name durable in its parent.
void make_folders(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0777) == 0) {
    if (!sync_folder(folder_of(folder))) throw system_error(errno, "make durable", folder);
    return;
  }
  const int why = errno;
  if (why == EEXIST) {
    struct stat info;
    if (::stat(folder.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
      throw system_error(ENOTDIR, "make folder", folder);
    }
    return;
  }
  const std::string parent = folder_of(folder);
  if (why != ENOENT || parent == folder) throw system_error(why, "make folder", folder);
  make_folders(parent);
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
    throw system_error(errno, "make folder", folder);
  }
  if (!sync_folder(parent)) throw system_error(errno, "make durable", folder);
}

/// A file under a name that nobody reads, made durable by `close`. Gone with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string final_path)
      : final_path_(std::move(final_path)), path_(folder_of(final_path_) + "/.tmp-" + new_uuid()) {
    int fd = create();
    if (fd < 0 && errno == ENOENT) {
      make_folders(folder_of(final_path_));
      fd = create();
    }
    if (fd < 0) throw system_error(errno, "write", final_path_);
    file_.emplace(fd);
  }
  TemporaryFile(std::string final_path, std::string_view bytes)
      : TemporaryFile(std::move(final_path)) {  // delegated: the destructor runs on a failure below
    write(bytes);
    close();
  }
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_->get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error(errno, "write", final_path_);
      bytes.remove_prefix(size_t(n));
    }
  }
  void close() {
    if (!sync_descriptor(file_->get()) || file_->close() != 0)
      throw system_error(errno, "write", final_path_);
  }
  /// Under its final name, in place of the former file, durable.
  void rename() {
    if (::rename(path_.c_str(), final_path_.c_str()) != 0)
      throw system_error(errno, "write", final_path_);
    path_.clear();
    if (!sync_folder(folder_of(final_path_)))
      throw system_error(errno, "make durable", final_path_);
  }
  const std::string& path() const { return path_; }

 private:
  int create() const {
    return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  std::string final_path_, path_;
  std::optional<Descriptor> file_;
};

class LocalWriter final : public Writer {
 public:
  explicit LocalWriter(const std::string& path) : file_(path) {}
  void write(std::string_view bytes) override { file_.write(bytes); }
  void finish() override {
    file_.close();
    file_.rename();
  }

 private:
  TemporaryFile file_;
};

class LocalFileSystem final : public FileSystem {
 public:
  std::string read(const std::string& path) override { return read_bytes(path, 0, UINT64_MAX); }

  std::string read_range(const std::string& path, uint64_t offset, uint64_t length) override {
    return read_bytes(path, offset, length);
  }

  std::optional<FileInfo> stat(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return info_of(path, info);
    if (errno == ENOENT || errno == ENOTDIR) return {};
    throw system_error(errno, "look at", path);
  }

  std::vector<FileInfo> list(const std::string& folder, const std::string& after,
                             bool details) override;
  std::vector<FileInfo> list_tree(const std::string& folder) override;

  void put(const std::string& path, std::string_view bytes) override {
    TemporaryFile(path, bytes).rename();
  }

  std::unique_ptr<Writer> writer(const std::string& path) override {
    return std::make_unique<LocalWriter>(path);
  }

  PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override {
    // Looked at first to spare a hopeless write; the race itself is decided by link().
    struct stat info;
    if (::lstat(path.c_str(), &info) == 0) return PutOutcome::exists;
    const TemporaryFile temporary(path, bytes);
    if (const int why = give_name(temporary.path(), path); why != 0) {
      if (why == EEXIST) return PutOutcome::exists;
      if (why == EIO || why == ETIMEDOUT)
        return PutOutcome::unknown;  // network disks: it may have happened
      throw system_error(why, "write", path);
    }
    return sync_folder(folder_of(path)) ? PutOutcome::created : PutOutcome::unknown;
  }

  void remove(const std::string& path) override {
    if (::remove(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return;
    throw system_error(errno, "remove", path);
  }

  void make_folder(const std::string& path) override { make_folders(path); }

  void sync(const std::vector<std::string>& paths) override;

  std::optional<uint64_t> space_left(const std::string& path) override {
    struct statvfs info;
    for (std::string at = path;; at = folder_of(at)) {
      if (::statvfs(at.c_str(), &info) == 0) return uint64_t(info.f_bavail) * info.f_frsize;
      if (errno != ENOENT || at == folder_of(at)) throw system_error(errno, "look at", path);
    }
  }

 private:
  static std::string read_bytes(const std::string& path, uint64_t offset, uint64_t length);

  /// 0, or the errno. Disks without hard links have a rename that refuses to replace.
  static int give_name(const std::string& from, const std::string& to) {
    if (::link(from.c_str(), to.c_str()) == 0) return 0;
    const int why = errno;
    if (why != EPERM && why != EOPNOTSUPP && why != ENOSYS && why != EMLINK) return why;
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    return errno == EINVAL || errno == ENOSYS ? why : errno;
  }
};

std::string LocalFileSystem::read_bytes(const std::string& path, uint64_t offset, uint64_t length) {
  // Without O_NONBLOCK, opening a named pipe waits for somebody at its other end.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) throw system_error(errno, "read", path);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) throw system_error(errno, "read", path);
  if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))
    throw Error(Code::data, "\"" + path + "\" is a named pipe or a socket, not a file",
                "remove it");
  if (S_ISDIR(info.st_mode)) throw system_error(EISDIR, "read", path);
  const uint64_t size = uint64_t(info.st_size);
  std::string bytes(offset >= size ? 0 : std::min(length, size - offset), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pread(file.get(), bytes.data() + done, bytes.size() - done, off_t(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(errno, "read", path);
    if (n == 0) break;  // it became shorter while we read
    done += size_t(n);
  }
  bytes.resize(done);
  return bytes;
}

std::vector<FileInfo> LocalFileSystem::list(const std::string& folder, const std::string& after,
                                            bool details) {
  std::vector<FileInfo> out;
  DIR* opened = ::opendir(folder.c_str());
  if (opened == nullptr) {
    if (errno == ENOENT) return out;
    throw system_error(errno, "list", folder);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(opened, ::closedir);
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(opened);
    if (entry == nullptr) {
      if (errno != 0) throw system_error(errno, "list", folder);
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name <= after) continue;
    FileInfo info{prefix + std::string(name), 0, {}, entry->d_type == DT_DIR, {}};
    const bool kind_known = entry->d_type == DT_DIR || entry->d_type == DT_REG;
    if (details || !kind_known) {
      struct stat found;
      if (::fstatat(::dirfd(opened), entry->d_name, &found, 0) != 0) continue;  // gone meanwhile
      info = info_of(std::move(info.path), found);
    }
    out.push_back(std::move(info));
  }
  std::sort(out.begin(), out.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  return out;
}

std::vector<FileInfo> LocalFileSystem::list_tree(const std::string& folder) {
  std::vector<FileInfo> out;
  std::vector<std::string> open = {folder};
  while (!open.empty()) {
    const std::string next = std::move(open.back());
    open.pop_back();
    for (auto& entry : list(next, {}, true)) {
      if (!entry.folder) {
        out.push_back(std::move(entry));
        continue;
      }
      struct stat info;  // a link to a folder could lead round in a circle
      if (::lstat(entry.path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
        open.push_back(entry.path);
    }
  }
  std::sort(out.begin(), out.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  return out;
}

void LocalFileSystem::sync(const std::vector<std::string>& paths) {
  std::set<std::string> folders;
  for (const auto& path : paths) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.ok() || !sync_descriptor(file.get())) throw system_error(errno, "make durable", path);
    // Folders above may be new as well (partitions), and nobody else will make their names durable.
    for (std::string folder = folder_of(path);
         folders.insert(folder).second && folder != folder_of(folder);) {
      folder = folder_of(folder);
    }
  }
  const std::string nearest = paths.empty() ? "" : folder_of(paths.front());
  for (const auto& folder : folders) {
    if (sync_folder(folder)) continue;
    // Far above there may be folders that this user cannot open; they are older than anything of
    // ours.
    if (errno == EACCES && folder != nearest) continue;
    throw system_error(errno, "make durable", folder);
  }
}

}  // namespace

std::unique_ptr<FileSystem> local_file_system() { return std::make_unique<LocalFileSystem>(); }

}  // namespace windrow::storage
