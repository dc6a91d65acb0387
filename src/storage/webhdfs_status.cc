#include "storage/webhdfs_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace windrow::storage {

namespace {

using nlohmann::json;

[[noreturn]] void not_as_expected(const WebHdfsPath& path) {
  throw Error(Code::corrupt,
              "the server's answer about \"" + path.text() + "\" is not what WebHDFS says",
              "check that the port is the one of the name node's web page, 9870 by default");
}

/// Runs `work` on the document; whatever is not as expected in it becomes Error(corrupt).
template <typename Work>
auto reading(const std::string& body, const WebHdfsPath& path, Work work) {
  const json document = json::parse(body, nullptr, false);
  if (document.is_discarded()) not_as_expected(path);
  try {
    return work(document);
  } catch (const json::exception&) {
    not_as_expected(path);
  }
}

FileInfo info_of(const json& status) {
  FileInfo out;
  out.path = status.at("pathSuffix").get<std::string>();
  out.folder = status.at("type").get<std::string>() == "DIRECTORY";
  const auto modified = status.at("modificationTime").get<int64_t>();
  out.modified = time_from_micros(modified * 1000);
  if (out.folder) return out;
  out.size = status.at("length").get<uint64_t>();
  // The file's own number is never used again, so a file that replaces another differs in it.
  out.tag = std::to_string(status.value("fileId", int64_t(0))) + "-" + std::to_string(out.size) +
            "-" + std::to_string(modified);
  return out;
}

WebHdfsCall asking(const char* operation, const WebHdfsPath& path) {
  WebHdfsCall out;
  out.operation = operation;
  out.path = path;
  out.doing = "look at";
  out.expected = {"FileNotFoundException"};
  return out;
}

void take_statuses(const json& statuses, std::vector<FileInfo>& out) {
  for (const json& status : statuses.at("FileStatuses").at("FileStatus")) {
    FileInfo info = info_of(status);
    if (!info.path.empty()) out.push_back(std::move(info));  // a file lists itself without a name
  }
}

/// For servers that do not know how to give a folder page by page.
std::vector<FileInfo> list_whole(WebHdfsClient& client, const WebHdfsPath& folder) {
  const auto answer = client.call(asking("LISTSTATUS", folder));
  if (answer.exception) return {};
  return reading(answer.response.body, folder, [](const json& document) {
    std::vector<FileInfo> out;
    take_statuses(document, out);
    return out;
  });
}

}  // namespace

std::optional<FileInfo> webhdfs_status(WebHdfsClient& client, const WebHdfsPath& path) {
  const auto answer = client.call(asking("GETFILESTATUS", path));
  if (answer.exception) return {};
  return reading(answer.response.body, path,
                 [](const json& document) { return info_of(document.at("FileStatus")); });
}

std::vector<FileInfo> webhdfs_list(WebHdfsClient& client, const WebHdfsPath& folder) {
  std::vector<FileInfo> out;
  WebHdfsCall call = asking("LISTSTATUS_BATCH", folder);
  call.expected.insert("IllegalArgumentException");
  call.expected.insert("UnsupportedOperationException");
  while (true) {
    const auto answer = client.call(call);
    if (answer.exception && answer.exception->name == "FileNotFoundException") return {};
    if (answer.exception) return list_whole(client, folder);
    const size_t before = out.size();
    const auto left = reading(answer.response.body, folder, [&](const json& document) {
      const json& listing = document.at("DirectoryListing");
      take_statuses(listing.at("partialListing"), out);
      return listing.at("remainingEntries").get<int64_t>();
    });
    if (before > 0 && out.size() > before && out[before].path == out.front().path)
      return list_whole(client, folder);  // it begins again: it does not know how to go on
    if (left <= 0 || out.size() == before) return out;
    // Documented with a capital letter, which gateways want and name nodes do not know.
    call.parameters = {{"startafter", out.back().path}, {"startAfter", out.back().path}};
  }
}

std::optional<uint64_t> webhdfs_space(WebHdfsClient& client, const WebHdfsPath& path) {
  WebHdfsPath root = path;
  root.path = "/";
  WebHdfsCall call = asking("GETSTATUS", root);
  call.expected = {"IllegalArgumentException", "UnsupportedOperationException"};
  const auto answer = client.call(call);
  if (answer.exception) return {};
  const auto copies = uint64_t(std::max(client.options().replication, 1));
  return reading(answer.response.body, root, [&](const json& document) {
    return document.at("FsStatus").at("remaining").get<uint64_t>() / copies;
  });
}

std::optional<bool> webhdfs_boolean(std::string_view body) {
  const json document = json::parse(body, nullptr, false);
  const auto found = document.is_object() ? document.find("boolean") : document.end();
  if (!document.is_object() || found == document.end() || !found->is_boolean()) return {};
  return found->get<bool>();
}

}  // namespace windrow::storage
