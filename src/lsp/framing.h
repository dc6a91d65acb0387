#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// The base protocol of the Language Server Protocol 3.17: `Content-Length: N`, an empty line, N
/// bytes of JSON.
namespace windrow::lsp {

/// A message that is longer than any that an editor sends.
inline constexpr size_t kMessageBytesMax = 64u << 20;

/// What came off the wire.
struct Frame {
  bool broken = false;  ///< bytes that are no message were passed over; `text` says why
  std::string text;     ///< the JSON
};

/// Takes bytes as they come and gives messages. After bytes that are none it goes on at the next
/// `Content-Length`: raw line ends cannot stand in the JSON of a message, so that none inside of
/// one is taken for a head.
class Framing {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  std::optional<Frame> next();

 private:
  struct Head {
    size_t size = 0, length = 0;
    std::string wrong;
  };
  static Head read_head(std::string_view head);
  /// Goes on at the next head; tells of it once.
  std::optional<Frame> lost(std::string why);

  std::string buffer_;
  bool lost_ = false;
};

/// A message with its head.
std::string framed(std::string_view json);

}  // namespace windrow::lsp
