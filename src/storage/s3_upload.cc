#include "storage/s3_upload.h"

#include "base/error.h"
#include "storage/xml.h"

namespace windrow::storage {

namespace {

S3Call call_for(const S3Path& path, const char* method, Query query = {}) {
  S3Call out;
  out.method = method;
  out.bucket = path.bucket;
  out.key = path.key;
  out.query = std::move(query);
  return out;
}

std::string shown(const S3Path& path) { return "\"s3://" + path.bucket + "/" + path.key + "\""; }

}  // namespace

S3Upload::~S3Upload() {
  for (auto& part : sending_) {
    if (part.valid()) part.wait();
  }
  if (upload_.empty() || complete_) return;
  try {
    auto abort = call_for(path_, "DELETE", {{"uploadId", upload_}});
    abort.expected = {404};
    client_.call(abort);
  } catch (const std::exception&) {
    // The server is not there: its rule for unfinished uploads has to take care of them.
  }
}

uint64_t S3Upload::part_size() const {
  const size_t number = tags_.size() + sending_.size();
  return client_.options().part_bytes << (number / 2000);
}

void S3Upload::write(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    const size_t piece = std::min<uint64_t>(bytes.size(), part_size() - buffer_.size());
    buffer_.append(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    if (buffer_.size() == part_size()) {
      std::string part;
      part.swap(buffer_);
      send_part(std::move(part));
    }
  }
}

void S3Upload::begin() {
  auto call = call_for(path_, "POST", {{"uploads", ""}});
  call.headers = client_.keeping();
  upload_ = parse_xml(client_.call(call).response.body).child_text("UploadId");
  if (upload_.empty())
    throw Error(Code::unavailable, "the server gave no upload to write " + shown(path_) + " with");
}

void S3Upload::send_part(std::string bytes) {
  if (upload_.empty()) begin();
  if (int(sending_.size()) >= std::max(1, client_.options().parallel / 2)) take_oldest();
  const size_t number = tags_.size() + sending_.size() + 1;
  if (number > kPartsMax) {
    throw Error(Code::unsupported, shown(path_) + " is larger than S3 takes",
                "make files smaller, or parts larger");
  }
  sending_.push_back(
      std::async(std::launch::async, [this, number, bytes = std::move(bytes)]() -> std::string {
        auto call =
            call_for(path_, "PUT", {{"partNumber", std::to_string(number)}, {"uploadId", upload_}});
        call.body = bytes;
        return std::string(client_.call(call).response.header("etag"));
      }));
}

void S3Upload::take_oldest() {
  auto oldest = std::move(sending_.front());
  sending_.erase(sending_.begin());
  tags_.push_back(oldest.get());
}

void S3Upload::finish() {
  if (upload_.empty()) {
    auto call = call_for(path_, "PUT");
    call.headers = client_.keeping();
    call.body = buffer_;
    client_.call(call);
    complete_ = true;
    return;
  }
  if (!buffer_.empty()) send_part(std::move(buffer_));
  while (!sending_.empty()) take_oldest();
  complete();
}

void S3Upload::complete() {
  std::string document = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < tags_.size(); ++i) {
    document += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" +
                xml_escaped(tags_[i]) + "</ETag></Part>";
  }
  document += "</CompleteMultipartUpload>";
  auto call = call_for(path_, "POST", {{"uploadId", upload_}});
  call.body = document;
  call.expected = {404};
  // Status 200 comes before the server has put the parts together; the body says how it went.
  for (int tries = 0; tries < 3; ++tries) {
    const auto answer = client_.call(call);
    const bool good = answer.response.ok() &&
                      parse_xml(answer.response.body).name == "CompleteMultipartUploadResult";
    // A lost answer and then "no such upload": it may be complete since the first try.
    if (good || (answer.response.status == 404 && is_there())) {
      complete_ = true;
      return;
    }
    if (answer.response.status == 404) break;
  }
  throw Error(Code::unavailable,
              "the server did not put the parts of " + shown(path_) + " together",
              "nothing was written; try again");
}

bool S3Upload::is_there() const {
  auto call = call_for(path_, "HEAD");
  call.expected = {404};
  const auto response = client_.call(call).response;
  // Of the size that was sent, and made of as many parts.
  const std::string parts = "-" + std::to_string(tags_.size()) + "\"";
  return response.ok() && response.header("content-length") == std::to_string(size_) &&
         response.header("etag").ends_with(parts);
}

}  // namespace windrow::storage
