#include "storage/s3_file_system.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/parallel.h"
#include "storage/s3_client.h"
#include "storage/s3_error.h"
#include "storage/s3_upload.h"
#include "storage/xml.h"

namespace windrow::storage {

namespace {

/// `Wed, 12 Oct 2009 17:50:00 GMT`
Time header_time(std::string_view text) {
  tm parts{};
  if (!strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S", &parts)) return {};
  return time_from_micros(int64_t(timegm(&parts)) * 1'000'000);
}

uint64_t number_of(std::string_view text) {
  return std::strtoull(std::string(text).c_str(), nullptr, 10);
}

/// Keys come percent-encoded (encoding-type=url), as XML cannot hold every character.
std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) && isxdigit(text[i + 2])) {
      out += char(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

class S3FileSystem final : public FileSystem {
 public:
  S3FileSystem(S3Options options, Environment environment, clients::HttpClient& http,
               const Clock& clock, std::function<void(std::string_view)> learn)
      : credentials_(std::move(environment), http, clock, options.region, std::move(learn)),
        client_(std::move(options), credentials_, http, clock) {}

  std::string read(const std::string& path) override;
  std::string read_range(const std::string& path, uint64_t offset, uint64_t length) override;
  std::optional<FileInfo> stat(const std::string& path) override;
  std::vector<FileInfo> list(const std::string& folder, const std::string& after,
                             bool details) override;
  std::vector<FileInfo> list_tree(const std::string& folder) override;
  void put(const std::string& path, std::string_view bytes) override;
  std::unique_ptr<Writer> writer(const std::string& path) override {
    return std::make_unique<S3Upload>(client_, file_path(path));
  }
  PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override;
  void remove(const std::string& path) override;
  void remove_all(const std::vector<std::string>& paths) override;
  void make_folder(const std::string&) override {}
  void sync(const std::vector<std::string>&) override {}  // durable since it was written
  std::optional<uint64_t> space_left(const std::string&) override { return {}; }

 private:
  static S3Path file_path(const std::string& path) {
    S3Path out = parse_s3_path(path);
    if (out.key.empty() || out.key.ends_with('/'))
      throw Error(Code::usage, "\"" + path + "\" names no file");
    return out;
  }
  static S3Call call_for(const S3Path& path, const char* method) {
    S3Call out;
    out.method = method;
    out.bucket = path.bucket;
    out.key = path.key;
    return out;
  }
  /// Up to a thousand keys of one bucket.
  void remove_batch(const std::string& bucket, const std::vector<std::string>& keys);
  /// One piece. `tag`: only where the file still is the one with that tag; else status 412.
  clients::HttpResponse get(const S3Path& path, uint64_t offset, uint64_t length,
                            const std::string& tag);
  std::optional<std::string> read_pieces(const S3Path& path, uint64_t offset, uint64_t length);
  /// Every page of a listing; `entry` gets keys and, with a delimiter, common beginnings.
  void list_pages(const S3Path& at, const std::string& after, bool one_level, int keys_max,
                  const std::function<bool(const Xml&, const std::string&, bool)>& entry);

  AwsCredentialsChain credentials_;
  S3Client client_;
};

clients::HttpResponse S3FileSystem::get(const S3Path& path, uint64_t offset, uint64_t length,
                                        const std::string& tag) {
  auto call = call_for(path, "GET");
  call.headers = {
      {"Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1)}};
  if (!tag.empty()) call.headers.emplace_back("If-Match", tag);
  call.expected = {412, 416};
  return client_.call(call).response;
}

/// Nothing where the file was replaced while it was read.
std::optional<std::string> S3FileSystem::read_pieces(const S3Path& path, uint64_t offset,
                                                     uint64_t length) {
  const uint64_t piece = client_.options().part_bytes;
  auto first = get(path, offset, std::min(length, piece), {});
  if (first.status == 416) return std::string();  // empty, or it ends before
  if (first.status == 412) return {};
  const std::string_view range = first.header("content-range");  // bytes 0-9/1234
  const uint64_t size = number_of(range.substr(std::min(range.size(), range.find('/') + 1)));
  if (first.status != 206 || range.empty()) {
    throw Error(Code::unsupported,
                "the server does not read ranges of \"s3://" + path.bucket + "/" + path.key + "\"");
  }
  const uint64_t end = offset + std::min(length, size > offset ? size - offset : 0);
  std::string out = std::move(first.body);
  if (offset + out.size() >= end) return out;
  const std::string tag(first.header("etag"));
  const uint64_t begin = offset + out.size();
  out.resize(end - offset);
  std::atomic<bool> replaced{false};
  in_parallel((end - begin + piece - 1) / piece, client_.options().parallel, [&](size_t i) {
    const uint64_t from = begin + i * piece, wanted = std::min(piece, end - from);
    const auto response = get(path, from, wanted, tag);
    if (response.status != 206) {
      replaced = true;
    } else if (response.body.size() != wanted) {
      throw Error(Code::unavailable,
                  "the server cut \"s3://" + path.bucket + "/" + path.key + "\" short");
    } else {
      response.body.copy(out.data() + (from - offset), wanted);
    }
  });
  if (replaced) return {};
  return out;
}

std::string S3FileSystem::read_range(const std::string& path, uint64_t offset, uint64_t length) {
  const S3Path file = file_path(path);
  if (length == 0) return {};
  for (int tries = 0; tries < 3; ++tries) {
    if (auto bytes = read_pieces(file, offset, length)) return std::move(*bytes);
  }
  throw Error(Code::conflict, "\"" + path + "\" is replaced again and again while it is read");
}

std::string S3FileSystem::read(const std::string& path) { return read_range(path, 0, UINT64_MAX); }

std::optional<FileInfo> S3FileSystem::stat(const std::string& path) {
  const S3Path at = parse_s3_path(path);
  if (!at.key.empty() && !at.key.ends_with('/')) {
    auto call = call_for(at, "HEAD");
    call.expected = {404};
    const auto response = client_.call(call).response;
    if (response.ok()) {
      return FileInfo{path, number_of(response.header("content-length")),
                      header_time(response.header("last-modified")), false,
                      std::string(response.header("etag"))};
    }
  }
  bool found = false;
  list_pages(at, {}, false, 1, [&](const Xml&, const std::string&, bool) {
    found = true;
    return false;
  });
  if (!found && !at.key.empty()) return {};
  return FileInfo{path, 0, {}, true, {}};
}

void S3FileSystem::list_pages(
    const S3Path& at, const std::string& after, bool one_level, int keys_max,
    const std::function<bool(const Xml&, const std::string&, bool)>& entry) {
  S3Call call;
  call.bucket = at.bucket;
  const std::string prefix = at.key.empty() || at.key.ends_with('/') ? at.key : at.key + "/";
  std::string continuation;
  while (true) {
    call.query = {{"list-type", "2"}, {"prefix", prefix}, {"encoding-type", "url"}};
    if (one_level) call.query.emplace_back("delimiter", "/");
    if (keys_max > 0) call.query.emplace_back("max-keys", std::to_string(keys_max));
    if (!continuation.empty()) {
      call.query.emplace_back("continuation-token", continuation);
    } else if (!after.empty()) {
      call.query.emplace_back("start-after", prefix + after);
    }
    const Xml answer = parse_xml(client_.call(call).response.body);
    for (const auto& child : answer.children) {
      const bool folder = child.name == "CommonPrefixes";
      if (!folder && child.name != "Contents") continue;
      const std::string key = percent_decoded(child.child_text(folder ? "Prefix" : "Key"));
      if (!key.starts_with(prefix) || key == prefix) continue;
      if (!entry(child, key.substr(prefix.size()), folder)) return;
    }
    continuation = answer.child_text("NextContinuationToken");
    if (answer.child_text("IsTruncated") != "true" || continuation.empty()) return;
  }
}

namespace {

FileInfo info_of(const std::string& folder, const Xml& contents, const std::string& name) {
  return {(folder.ends_with('/') ? folder : folder + "/") + name,
          number_of(contents.child_text("Size")),
          parse_time(contents.child_text("LastModified")).value_or(Time{}), false,
          contents.child_text("ETag")};
}

void sort_by_path(std::vector<FileInfo>& files) {
  std::sort(files.begin(), files.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
}

}  // namespace

std::vector<FileInfo> S3FileSystem::list(const std::string& folder, const std::string& after,
                                         bool) {
  std::vector<FileInfo> out;
  list_pages(parse_s3_path(folder), after, true, 0,
             [&](const Xml& child, std::string name, bool is_folder) {
               if (is_folder) name.pop_back();  // the delimiter
               if (name > after && !name.empty()) {
                 out.push_back(info_of(folder, child, name));
                 out.back().folder = is_folder;
               }
               return true;
             });
  sort_by_path(out);
  return out;
}

std::vector<FileInfo> S3FileSystem::list_tree(const std::string& folder) {
  std::vector<FileInfo> out;
  list_pages(parse_s3_path(folder), {}, false, 0,
             [&](const Xml& child, const std::string& name, bool) {
               // Some tools keep an empty object for a folder.
               if (!name.ends_with('/')) out.push_back(info_of(folder, child, name));
               return true;
             });
  sort_by_path(out);
  return out;
}

void S3FileSystem::put(const std::string& path, std::string_view bytes) {
  S3Upload upload(client_, file_path(path));
  upload.write(bytes);
  upload.finish();
}

PutOutcome S3FileSystem::put_if_absent(const std::string& path, std::string_view bytes) {
  auto call = call_for(file_path(path), "PUT");
  call.headers = client_.keeping();
  call.headers.emplace_back("If-None-Match", "*");
  call.body = bytes;
  call.expected = {412};
  call.once = true;
  try {
    const auto answer = client_.call(call);
    if (answer.response.ok()) return PutOutcome::created;
    // Refused, but by whose file, after an answer was lost? It may be our own.
    return answer.maybe_done_before ? PutOutcome::unknown : PutOutcome::exists;
  } catch (const S3Failure& failure) {
    if (failure.maybe_done()) return PutOutcome::unknown;
    throw;
  }
}

void S3FileSystem::remove(const std::string& path) {
  const S3Path at = parse_s3_path(path);
  if (at.key.empty()) return;  // buckets are not ours to remove
  auto call = call_for(at, "DELETE");
  call.expected = {404};
  const auto response = client_.call(call).response;
  if (response.status == 404 && s3_error_code(response) == "NoSuchBucket")
    throw s3_error(response, {"DELETE", path, at.bucket, client_.options().region});
}

void S3FileSystem::remove_all(const std::vector<std::string>& paths) {
  static constexpr size_t kBatch = 1000;  // S3 takes no more at once
  std::map<std::string, std::vector<std::vector<std::string>>> batches;
  for (const auto& path : paths) {
    S3Path at = parse_s3_path(path);
    // XML cannot hold control characters.
    const bool plain = std::none_of(at.key.begin(), at.key.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (at.key.empty()) continue;
    if (!plain) {
      remove(path);
      continue;
    }
    auto& of_bucket = batches[at.bucket];
    if (of_bucket.empty() || of_bucket.back().size() == kBatch) of_bucket.emplace_back();
    of_bucket.back().push_back(std::move(at.key));
  }
  for (const auto& [bucket, of_bucket] : batches) {
    in_parallel(of_bucket.size(), client_.options().parallel,
                [&, &bucket = bucket, &of_bucket = of_bucket](size_t i) {
                  remove_batch(bucket, of_bucket[i]);
                });
  }
}

void S3FileSystem::remove_batch(const std::string& bucket, const std::vector<std::string>& keys) {
  std::string document = "<Delete><Quiet>true</Quiet>";
  for (const auto& key : keys) document += "<Object><Key>" + xml_escaped(key) + "</Key></Object>";
  document += "</Delete>";
  S3Call call;
  call.method = "POST";
  call.bucket = bucket;
  call.query = {{"delete", ""}};
  call.body = document;
  call.headers = {{"x-amz-sdk-checksum-algorithm", "SHA256"},
                  {"x-amz-checksum-sha256", base64(sha256_bytes(document))}};
  const Xml answer = parse_xml(client_.call(call).response.body);
  for (const auto& error : answer.children) {
    if (error.name != "Error" || error.child_text("Code") == "NoSuchKey") continue;
    const std::string code = error.child_text("Code");
    throw Error(
        s3_retryable(0, code) ? Code::unavailable : Code::permission,
        "\"s3://" + bucket + "/" + error.child_text("Key") + "\" was not removed (" + code + ")");
  }
}

/// Owns its world.
class OwnS3FileSystem {
 public:
  OwnS3FileSystem(S3Options options, Environment environment,
                  std::function<void(std::string_view)> learn)
      : files(std::move(options), std::move(environment), *http_, *clock_, std::move(learn)) {}

 private:
  std::unique_ptr<clients::HttpClient> http_ = clients::http_client();
  std::unique_ptr<Clock> clock_ = system_clock();

 public:
  S3FileSystem files;
};

}  // namespace

std::shared_ptr<FileSystem> s3_file_system(S3Options options, Environment environment,
                                           std::function<void(std::string_view)> learn) {
  auto own = std::make_shared<OwnS3FileSystem>(std::move(options), std::move(environment),
                                               std::move(learn));
  return {own, &own->files};
}

std::shared_ptr<FileSystem> s3_file_system(S3Options options, Environment environment,
                                           clients::HttpClient& http, const Clock& clock,
                                           std::function<void(std::string_view)> learn) {
  return std::make_shared<S3FileSystem>(std::move(options), std::move(environment), http, clock,
                                        std::move(learn));
}

}  // namespace windrow::storage
