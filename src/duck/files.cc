#include "duck/files.h"

#include <sys/stat.h>

#include <algorithm>

#include "duck/glob.h"
#include "duck/metering_state.h"
#include "storage/block_cache.h"

namespace windrow::duck {

namespace {

using duckdb::FileHandle;
using duckdb::FileOpener;
using duckdb::FileOpenFlags;
using duckdb::idx_t;
using duckdb::optional_ptr;
using duckdb::Value;

struct ReadHandle final : FileHandle {
  ReadHandle(duckdb::FileSystem& system, storage::FileSystem& files, storage::BlockCache& cache,
             const storage::FileInfo& info, FileOpenFlags flags)
      : FileHandle(system, info.path, flags), reader(files, cache, info) {}
  void Close() override {}
  storage::RandomReader reader;
  idx_t position = 0;
};

struct WriteHandle final : FileHandle {
  WriteHandle(duckdb::FileSystem& system, const std::string& path, FileOpenFlags flags,
              std::unique_ptr<storage::Writer> to)
      : FileHandle(system, path, flags), writer(std::move(to)) {}
  /// DuckDB closes what it has written well; what is destroyed unclosed leaves nothing.
  void Close() override {
    if (!writer) return;
    carried([&] { writer->finish(); });
    writer.reset();
  }
  std::unique_ptr<storage::Writer> writer;
  idx_t position = 0;
};

/// `a/./b` as `a/b`: parquet_writer.cc writes into folders that it names so.
std::string without_dots(std::string path) {
  for (size_t at; (at = path.find("/./")) != std::string::npos;) path.erase(at, 2);
  if (path.ends_with("/.")) path.resize(path.size() - 2);
  return path;
}

class Files final : public duckdb::FileSystem {
 public:
  Files(storage::FileSystem& files, std::vector<std::string> prefixes)
      : files_(files), prefixes_(std::move(prefixes)) {}

  std::string GetName() const override { return "WindrowFiles"; }
  bool CanHandleFile(const std::string& path) override {
    return std::any_of(prefixes_.begin(), prefixes_.end(),
                       [&](const std::string& prefix) { return path.starts_with(prefix); });
  }
  bool CanSeek() override { return true; }
  bool OnDiskFile(FileHandle&) override { return false; }
  bool IsPipe(const std::string&, optional_ptr<FileOpener>) override { return false; }
  std::string PathSeparator(const std::string&) override { return "/"; }
  std::string CanonicalizePath(const std::string& path, optional_ptr<FileOpener>) override {
    return path;
  }

  void Read(FileHandle& handle, void* buffer, int64_t bytes, idx_t location) override;
  int64_t Read(FileHandle& handle, void* buffer, int64_t bytes) override;
  void Write(FileHandle& handle, void* buffer, int64_t bytes, idx_t location) override;
  int64_t Write(FileHandle& handle, void* buffer, int64_t bytes) override;
  void FileSync(FileHandle&) override {}  // what is closed is durable
  void Seek(FileHandle& handle, idx_t location) override { position(handle) = location; }
  void Reset(FileHandle& handle) override { position(handle) = 0; }
  idx_t SeekPosition(FileHandle& handle) override { return position(handle); }

  int64_t GetFileSize(FileHandle& handle) override {
    if (writes(handle)) return int64_t(position(handle));
    return int64_t(reader(handle).info().size);
  }
  duckdb::timestamp_t GetLastModifiedTime(FileHandle& handle) override {
    if (writes(handle)) return duckdb::timestamp_t(0);
    return duckdb::timestamp_t(micros(reader(handle).info().modified));
  }
  std::string GetVersionTag(FileHandle& handle) override {
    return writes(handle) ? std::string() : reader(handle).info().tag;
  }
  duckdb::FileType GetFileType(FileHandle&) override { return duckdb::FileType::FILE_TYPE_REGULAR; }

  bool DirectoryExists(const std::string& folder, optional_ptr<FileOpener>) override {
    const auto info = carried([&] { return files_.stat(without_dots(folder)); });
    return info && info->folder;
  }
  void CreateDirectory(const std::string& folder, optional_ptr<FileOpener>) override {
    carried([&] { files_.make_folder(without_dots(folder)); });
  }
  void CreateDirectoriesRecursive(const std::string& folder, optional_ptr<FileOpener>) override {
    carried([&] { files_.make_folder(without_dots(folder)); });
  }
  bool FileExists(const std::string& path, optional_ptr<FileOpener>) override {
    const auto info = carried([&] { return files_.stat(without_dots(path)); });
    return info && !info->folder;
  }
  void RemoveFile(const std::string& path, optional_ptr<FileOpener>) override {
    carried([&] { files_.remove(without_dots(path)); });
  }
  bool TryRemoveFile(const std::string& path, optional_ptr<FileOpener> opener) override {
    if (!FileExists(path, opener)) return false;
    RemoveFile(path, opener);
    return true;
  }
  bool ListFiles(const std::string& folder,
                 const std::function<void(const std::string&, bool)>& each, FileOpener*) override;
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path, FileOpener*) override;

 protected:
  duckdb::unique_ptr<FileHandle> OpenFileExtended(const duckdb::OpenFileInfo& file,
                                                  FileOpenFlags flags,
                                                  optional_ptr<FileOpener>) override;
  bool SupportsOpenFileExtended() const override { return true; }

 private:
  static bool writes(FileHandle& handle) { return handle.GetFlags().OpenForWriting(); }
  static storage::RandomReader& reader(FileHandle& handle) {
    return static_cast<ReadHandle&>(handle).reader;
  }
  static idx_t& position(FileHandle& handle) {
    return writes(handle) ? static_cast<WriteHandle&>(handle).position
                          : static_cast<ReadHandle&>(handle).position;
  }
  /// The file as an earlier listing found it, so that opening it asks nobody; else by `stat`.
  std::optional<storage::FileInfo> info_of(const duckdb::OpenFileInfo& file);
  std::vector<storage::FileInfo> matching(const std::string& pattern);

  storage::FileSystem& files_;
  std::vector<std::string> prefixes_;
  storage::BlockCache cache_;
};

void Files::Read(FileHandle& handle, void* buffer, int64_t bytes, idx_t location) {
  const uint64_t read = carried(
      [&] { return reader(handle).read(location, static_cast<char*>(buffer), uint64_t(bytes)); });
  if (read != uint64_t(bytes)) {
    throw duckdb::IOException("\"" + handle.GetPath() + "\" ends before byte " +
                              std::to_string(location + idx_t(bytes)));
  }
  tell_read(handle.GetPath(), bytes);
}

int64_t Files::Read(FileHandle& handle, void* buffer, int64_t bytes) {
  auto& at = position(handle);
  const uint64_t read =
      carried([&] { return reader(handle).read(at, static_cast<char*>(buffer), uint64_t(bytes)); });
  at += read;
  tell_read(handle.GetPath(), int64_t(read));
  return int64_t(read);
}

int64_t Files::Write(FileHandle& handle, void* buffer, int64_t bytes) {
  auto& write = static_cast<WriteHandle&>(handle);
  if (!writes(handle) || !write.writer) throw duckdb::IOException("a closed file is written to");
  carried([&] { write.writer->write({static_cast<const char*>(buffer), size_t(bytes)}); });
  write.position += idx_t(bytes);
  return bytes;
}

void Files::Write(FileHandle& handle, void* buffer, int64_t bytes, idx_t location) {
  if (location != position(handle)) {
    throw duckdb::IOException("\"" + handle.GetPath() +
                              "\" can only be written from its beginning to its end");
  }
  Write(handle, buffer, bytes);
}

bool Files::ListFiles(const std::string& folder,
                      const std::function<void(const std::string&, bool)>& each, FileOpener*) {
  const auto entries = carried([&] { return files_.list(folder, {}, false); });
  for (const auto& entry : entries)
    each(entry.path.substr(entry.path.find_last_of('/') + 1), entry.folder);
  return !entries.empty();
}

bool is_temporary(const std::string& path) {
  return path.compare(path.find_last_of('/') + 1, 5, ".tmp-") == 0;
}

/// Files that fit a pattern, each folder of it listed once. The bucket or host is no pattern.
std::vector<storage::FileInfo> Files::matching(const std::string& pattern) {
  const size_t root = pattern.find('/', pattern.find("://") + 3);
  if (root == std::string::npos) return {};
  const size_t first = pattern.find_first_of("*?[", root);
  const size_t begin = pattern.find_last_of('/', first);  // the last part without wildcards
  const std::string rest = pattern.substr(begin + 1);
  if (rest.find("**") != std::string::npos) {
    auto out = files_.list_tree(pattern.substr(0, begin));
    std::erase_if(out, [&](const storage::FileInfo& file) {
      return is_temporary(file.path) ||
             !path_fits(std::string_view(file.path).substr(begin + 1), rest);
    });
    return out;
  }
  std::vector<storage::FileInfo> folders = {{pattern.substr(0, begin), 0, {}, true, {}}};
  for (std::string_view left = rest;;) {
    const size_t slash = left.find('/');
    const std::string_view part = left.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    std::vector<storage::FileInfo> found;
    for (const auto& folder : folders) {
      for (auto& entry : files_.list(folder.path, {}, true)) {
        const std::string_view name = std::string_view(entry.path).substr(folder.path.size() + 1);
        if (entry.folder != last && !is_temporary(entry.path) && fits(name, part))
          found.push_back(std::move(entry));
      }
    }
    if (last) return found;
    folders = std::move(found);
    left.remove_prefix(slash + 1);
  }
}

duckdb::vector<duckdb::OpenFileInfo> Files::Glob(const std::string& path, FileOpener*) {
  return carried([&] {
    duckdb::vector<duckdb::OpenFileInfo> out;
    // A name may hold what looks like a pattern; the file of that very name comes first.
    if (!is_glob(path)) return duckdb::vector<duckdb::OpenFileInfo>{duckdb::OpenFileInfo(path)};
    std::vector<storage::FileInfo> found;
    if (auto literal = files_.stat(path); literal && !literal->folder) {
      found = {*literal};
    } else {
      found = matching(path);
    }
    for (const auto& file : found) {
      duckdb::OpenFileInfo info(file.path);
      info.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
      auto& options = info.extended_info->options;
      options["type"] = Value("file");
      options["file_size"] = Value::BIGINT(int64_t(file.size));
      options["etag"] = Value(file.tag);
      options["last_modified"] = Value::TIMESTAMP(duckdb::timestamp_t(micros(file.modified)));
      out.push_back(std::move(info));
    }
    return out;
  });
}

std::optional<storage::FileInfo> Files::info_of(const duckdb::OpenFileInfo& file) {
  if (file.extended_info) {
    const auto& options = file.extended_info->options;
    const auto size = options.find("file_size"), tag = options.find("etag"),
               modified = options.find("last_modified");
    if (size != options.end() && tag != options.end() && modified != options.end()) {
      return storage::FileInfo{
          file.path, uint64_t(size->second.GetValue<int64_t>()),
          time_from_micros(modified->second.GetValue<duckdb::timestamp_t>().value), false,
          tag->second.ToString()};
    }
  }
  return files_.stat(file.path);
}

duckdb::unique_ptr<FileHandle> Files::OpenFileExtended(const duckdb::OpenFileInfo& file,
                                                       FileOpenFlags flags,
                                                       optional_ptr<FileOpener>) {
  return carried([&]() -> duckdb::unique_ptr<FileHandle> {
    if (flags.OpenForWriting()) {
      if (flags.OpenForReading() || flags.OpenForAppending()) {
        throw Error(Code::unsupported, "\"" + file.path + "\" can only be written anew");
      }
      const bool must_be_new = flags.ExclusiveCreate() || flags.ReturnNullIfExists();
      const std::string path = without_dots(file.path);
      if (must_be_new && files_.stat(path)) {
        if (flags.ReturnNullIfExists()) return nullptr;
        throw Error(Code::conflict, "\"" + file.path + "\" is there already");
      }
      return duckdb::make_uniq<WriteHandle>(*this, path, flags, files_.writer(path));
    }
    const auto info = info_of(file);
    if (!info || info->folder) {
      if (flags.ReturnNullIfNotExists()) return nullptr;
      throw Error(Code::not_found, "\"" + file.path + "\" is not there");
    }
    return duckdb::make_uniq<ReadHandle>(*this, files_, cache_, *info, flags);
  });
}

/// Named pipes and sockets: opening one waits until somebody opens its other end, which nobody may
/// ever do. Takes such paths away from DuckDB's own file system and refuses to open them. Standard
/// input and a shell's `<(…)` lie in /dev and /proc, and are read.
class NoFiles final : public duckdb::FileSystem {
 public:
  std::string GetName() const override { return "WindrowNoFiles"; }
  bool CanHandleFile(const std::string& path) override {
    if (!path.starts_with('/') || path.starts_with("/dev/") || path.starts_with("/proc/"))
      return false;
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
  }
  bool FileExists(const std::string&, optional_ptr<FileOpener>) override { return true; }
  bool DirectoryExists(const std::string&, optional_ptr<FileOpener>) override { return false; }
  bool IsPipe(const std::string&, optional_ptr<FileOpener>) override { return false; }
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path, FileOpener*) override {
    return {duckdb::OpenFileInfo(path)};
  }

 protected:
  duckdb::unique_ptr<FileHandle> OpenFileExtended(const duckdb::OpenFileInfo& file, FileOpenFlags,
                                                  optional_ptr<FileOpener>) override {
    return carried([&]() -> duckdb::unique_ptr<FileHandle> {
      throw Error(Code::data, "\"" + file.path + "\" is a named pipe or a socket, not a file",
                  "remove it, or read it as /dev/stdin");
    });
  }
  bool SupportsOpenFileExtended() const override { return true; }
};

}  // namespace

void attach_files(Database& database, storage::FileSystem& files) {
  guarded([&] {
    duckdb::FileSystem::GetFileSystem(*database.impl().database.instance)
        .RegisterSubSystem(duckdb::make_uniq<NoFiles>());
  });
  auto prefixes = files.prefixes();
  if (prefixes.empty()) return;
  guarded([&] {
    duckdb::FileSystem::GetFileSystem(*database.impl().database.instance)
        .RegisterSubSystem(duckdb::make_uniq<Files>(files, std::move(prefixes)));
  });
}

}  // namespace windrow::duck
