#include "lsp/inbox.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace windrow::lsp {

namespace {

/// As a key: numbers and texts are different ids. Empty where it is none.
std::string id_text(const Json& message) {
  const auto id = message.find("id");
  if (id == message.end() || !(id->is_number_integer() || id->is_string())) return {};
  return id->dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Inbox::Inbox(int fd) : fd_(fd) {
  if (::pipe2(wake_, O_CLOEXEC) != 0) throw system_error(errno, "make", "a pipe");
  thread_ = std::thread([this] { read(); });
}

Inbox::~Inbox() {
  close();
  thread_.join();
  ::close(wake_[0]);
  ::close(wake_[1]);
}

void Inbox::close() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  const char byte = 0;
  (void)!::write(wake_[1], &byte, 1);
}

std::optional<Letter> Inbox::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || !letters_.empty(); });
  if (letters_.empty()) return std::nullopt;
  Letter out = std::move(letters_.front());
  letters_.pop_front();
  changed_.notify_all();
  return out;
}

void Inbox::answered(const Json& id) {
  std::lock_guard lock(mutex_);
  requests_.erase(id_text({{"id", id}}));
}

void Inbox::read() {
  char bytes[1 << 16];
  while (true) {
    pollfd waiting[2] = {{fd_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) break;
    if (waiting[1].revents != 0) break;
    if (waiting[0].revents == 0) continue;
    const ssize_t got = ::read(fd_, bytes, sizeof bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    framing_.feed({bytes, static_cast<size_t>(got)});
    while (auto frame = framing_.next()) take(std::move(*frame));
  }
  std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Inbox::take(Frame frame) {
  Letter letter;
  if (frame.broken) {
    letter.broken = std::move(frame.text);
  } else {
    letter.message = Json::parse(frame.text, nullptr, false);
    if (letter.message.is_discarded())
      letter.broken = "the content is no JSON";
    else if (!letter.message.is_object())
      letter.broken = "the content is no object";
  }
  const auto method =
      letter.message.is_object() ? letter.message.find("method") : letter.message.end();
  const bool has_method =
      letter.message.is_object() && method != letter.message.end() && method->is_string();
  if (has_method && *method == "$/cancelRequest") return cancel(letter.message);
  std::unique_lock lock(mutex_);
  if (has_method) {
    if (const auto id = id_text(letter.message); !id.empty())
      requests_[id] = letter.cancel = std::make_shared<Cancel>();
  }
  changed_.wait(lock, [&] { return ended_ || letters_.size() < kLettersMax; });
  letters_.push_back(std::move(letter));
  changed_.notify_all();
}

void Inbox::cancel(const Json& message) {
  const auto params = message.find("params");
  if (params == message.end() || !params->is_object()) return;
  std::shared_ptr<Cancel> found;
  {
    std::lock_guard lock(mutex_);
    const auto request = requests_.find(id_text(*params));
    if (request != requests_.end()) found = request->second;
  }
  if (found) found->request();
}

}  // namespace windrow::lsp
