#include "storage/webhdfs_file_system.h"

#include <algorithm>

#include "clients/http.h"
#include "storage/parallel.h"
#include "storage/webhdfs_status.h"
#include "storage/webhdfs_writer.h"

namespace windrow::storage {

namespace {

class WebHdfsFileSystem final : public FileSystem {
 public:
  WebHdfsFileSystem(WebHdfsOptions options, std::unique_ptr<clients::HttpClient> own,
                    clients::HttpClient& http)
      : own_(std::move(own)), client_(std::move(options), http) {}

  std::string read(const std::string& path) override { return open(path, {}); }
  std::string read_range(const std::string& path, uint64_t offset, uint64_t length) override {
    if (length == 0) return {};
    return open(path, {{"offset", std::to_string(offset)}, {"length", std::to_string(length)}});
  }
  std::optional<FileInfo> stat(const std::string& path) override {
    auto info = webhdfs_status(client_, parse_webhdfs_path(path));
    if (info) info->path = path;
    return info;
  }
  std::vector<FileInfo> list(const std::string& folder, const std::string& after,
                             bool details) override;
  std::vector<FileInfo> list_tree(const std::string& folder) override;
  void put(const std::string& path, std::string_view bytes) override {
    WebHdfsTemporary file(client_, file_path(path));
    file.create(bytes);
    file.rename(true);
  }
  std::unique_ptr<Writer> writer(const std::string& path) override {
    return std::make_unique<WebHdfsWriter>(client_, file_path(path));
  }
  PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override {
    WebHdfsTemporary file(client_, file_path(path));
    file.create(bytes);
    return file.rename(false);
  }
  void remove(const std::string& path) override {
    WebHdfsCall call;
    call.method = "DELETE";
    call.operation = "DELETE";
    call.path = parse_webhdfs_path(path);
    call.doing = "remove";
    call.expected = {"FileNotFoundException"};
    client_.call(call);  // `false`: it was not there
  }
  void remove_all(const std::vector<std::string>& paths) override {
    in_parallel(paths.size(), 8, [&](size_t i) { remove(paths[i]); });
  }
  void make_folder(const std::string& path) override {
    WebHdfsCall call;
    call.method = "PUT";
    call.operation = "MKDIRS";
    call.path = parse_webhdfs_path(path);
    call.doing = "make folder";
    client_.call(call);
  }
  void sync(const std::vector<std::string>&) override {}  // durable since it was written
  std::optional<uint64_t> space_left(const std::string& path) override {
    return webhdfs_space(client_, parse_webhdfs_path(path));
  }

 private:
  static WebHdfsPath file_path(const std::string& path) {
    WebHdfsPath out = parse_webhdfs_path(path);
    if (out.path == "/" || path.ends_with('/'))
      throw Error(Code::usage, "\"" + path + "\" names no file");
    return out;
  }
  std::string open(const std::string& path,
                   std::vector<std::pair<std::string, std::string>> parameters);

  std::unique_ptr<clients::HttpClient> own_;
  WebHdfsClient client_;
};

std::string WebHdfsFileSystem::open(const std::string& path,
                                    std::vector<std::pair<std::string, std::string>> parameters) {
  WebHdfsCall call;
  call.operation = "OPEN";
  call.path = parse_webhdfs_path(path);
  call.parameters = std::move(parameters);
  call.data = true;
  call.expected = {"IOException"};
  auto answer = client_.call(call);
  if (!answer.exception) return std::move(answer.response.body);
  // The only way to begin behind the end of a file is to be told so.
  if (answer.exception->message.find("out of the range") != std::string::npos) return {};
  throw webhdfs_error(answer.response.status, answer.exception, "read", path);
}

std::vector<FileInfo> WebHdfsFileSystem::list(const std::string& folder, const std::string& after,
                                              bool) {
  std::vector<FileInfo> found = webhdfs_list(client_, parse_webhdfs_path(folder));
  std::erase_if(found, [&](const FileInfo& info) { return info.path <= after; });
  // `startAfter` of HDFS cannot stand for `after`: in its order bytes from 0x80 come first.
  std::ranges::sort(found, {}, &FileInfo::path);
  const std::string before = folder.ends_with('/') ? folder : folder + "/";
  for (auto& info : found) info.path.insert(0, before);
  return found;
}

std::vector<FileInfo> WebHdfsFileSystem::list_tree(const std::string& folder) {
  std::vector<FileInfo> out;
  std::vector<std::string> folders{folder};
  while (!folders.empty()) {
    const std::string next = std::move(folders.back());
    folders.pop_back();
    for (auto& info : list(next, {}, true)) {
      if (info.folder) {
        folders.push_back(std::move(info.path));
      } else {
        out.push_back(std::move(info));
      }
    }
  }
  std::ranges::sort(out, {}, &FileInfo::path);
  return out;
}

}  // namespace

std::shared_ptr<FileSystem> webhdfs_file_system(WebHdfsOptions options) {
  auto http = clients::http_client();
  auto& reference = *http;
  return std::make_shared<WebHdfsFileSystem>(std::move(options), std::move(http), reference);
}

std::shared_ptr<FileSystem> webhdfs_file_system(WebHdfsOptions options, clients::HttpClient& http) {
  return std::make_shared<WebHdfsFileSystem>(std::move(options), nullptr, http);
}

}  // namespace windrow::storage
