#include "storage/webhdfs_writer.h"

#include <algorithm>

#include "base/id.h"
#include "storage/webhdfs_status.h"

namespace windrow::storage {

WebHdfsTemporary::WebHdfsTemporary(WebHdfsClient& client, WebHdfsPath path)
    : client_(client), path_(std::move(path)), temporary_(path_) {
  temporary_.path = path_.path.substr(0, path_.path.rfind('/') + 1) + ".tmp-" + new_uuid();
}

WebHdfsTemporary::~WebHdfsTemporary() {
  if (!there_) return;
  try {
    WebHdfsCall call = call_for("DELETE", "DELETE");
    call.tries_max = 3;
    client_.call(call);
  } catch (const Error&) {
    // Readers pass over it, and vacuum removes it.
  }
}

WebHdfsCall WebHdfsTemporary::call_for(const char* method, const char* operation) const {
  WebHdfsCall out;
  out.method = method;
  out.operation = operation;
  out.path = temporary_;
  out.doing = "write";
  out.shown = path_.text();
  return out;
}

void WebHdfsTemporary::create(std::string_view bytes) {
  WebHdfsCall call = call_for("PUT", "CREATE");
  const WebHdfsOptions& options = client_.options();
  // The name is ours alone, so what an earlier try has left may be replaced.
  call.parameters = {{"overwrite", "true"}};
  if (options.sync_blocks)
    call.parameters.emplace_back("createflag", "CREATE,OVERWRITE,SYNC_BLOCK");
  if (options.replication > 0)
    call.parameters.emplace_back("replication", std::to_string(options.replication));
  if (options.block_bytes > 0)
    call.parameters.emplace_back("blocksize", std::to_string(options.block_bytes));
  call.body = bytes;
  call.data = true;
  there_ = true;
  client_.call(call);
  size_ = bytes.size();
}

void WebHdfsTemporary::append(std::string_view bytes) {
  WebHdfsCall call = call_for("POST", "APPEND");
  call.body = bytes;
  call.data = true;
  call.repeatable = false;  // it could be there twice
  client_.call(call);
  size_ += bytes.size();
}

void WebHdfsTemporary::check_size() {
  const auto status = webhdfs_status(client_, temporary_);
  if (status && status->size == size_) return;
  throw Error(Code::unavailable, "cannot write \"" + path_.text() + "\": of " +
                                     std::to_string(size_) + " bytes " +
                                     std::to_string(status ? status->size : 0) + " are there");
}

bool WebHdfsTemporary::was_renamed() {
  // Nobody else knows the temporary name: where it is gone, our rename has moved it.
  return !webhdfs_status(client_, temporary_) && webhdfs_status(client_, path_);
}

PutOutcome WebHdfsTemporary::rename(bool replace) {
  WebHdfsCall call = call_for("PUT", "RENAME");
  call.parameters = {{"destination", path_.path},
                     {"renameoptions", replace ? "OVERWRITE" : "NONE"}};
  call.expected = {"FileNotFoundException"};
  if (!replace) call.expected.insert("FileAlreadyExistsException");
  try {
    const auto answer = client_.call(call);
    if (answer.exception && answer.exception->name == "FileAlreadyExistsException")
      return PutOutcome::exists;
    if (answer.exception) {
      if (answer.maybe_done && was_renamed()) {
        there_ = false;
        return PutOutcome::created;
      }
      throw webhdfs_error(answer.response.status, answer.exception, "write", path_.text());
    }
    // A gateway that knows no options: `false` is all that it says.
    if (webhdfs_boolean(answer.response.body).value_or(true)) {
      there_ = false;
      return PutOutcome::created;
    }
    if (answer.maybe_done && was_renamed()) {
      there_ = false;
      return PutOutcome::created;
    }
    if (!replace && webhdfs_status(client_, path_)) return PutOutcome::exists;
    throw Error(Code::unsupported, "the server does not rename to \"" + path_.text() + "\"",
                "use the name node itself (port 9870) rather than a gateway");
  } catch (const WebHdfsFailure& failure) {
    if (!failure.maybe_done()) throw;
    there_ = false;  // it may have its name by now, or get it yet
    if (!replace) return PutOutcome::unknown;
    throw;
  }
}

void WebHdfsWriter::flush() {
  if (created_) {
    file_.append(buffer_);
  } else {
    file_.create(buffer_);
  }
  created_ = true;
  buffer_.clear();
}

void WebHdfsWriter::write(std::string_view bytes) {
  const uint64_t most = std::max<uint64_t>(client_.options().append_bytes, 1);
  while (!bytes.empty()) {
    const size_t fits = size_t(std::min<uint64_t>(bytes.size(), most - buffer_.size()));
    buffer_.append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
    if (buffer_.size() == most) flush();
  }
}

void WebHdfsWriter::finish() {
  if (!created_ || !buffer_.empty()) flush();
  file_.check_size();
  file_.rename(true);
}

}  // namespace windrow::storage
