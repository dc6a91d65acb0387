#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

/// Private to sources/files: where the records of texts and JSON begin and end. Pure; the bytes
/// come in pieces of any size.
namespace windrow::sources {

struct RecordText {
  int64_t position = 0;   ///< counts from 1; blank lines and empty elements are left out
  std::string_view text;  ///< with kPadding readable bytes behind
  bool whole = true;      ///< false: it is too long, and this is how it begins
  uint64_t bytes = 0;     ///< how long it is
  int64_t line = 0;       ///< of the file, from 1, in which it begins; 0: nobody counts lines
  static constexpr size_t kPadding = 64;  ///< parsers of JSON look at whole words beyond the end
};
using OnRecord = std::function<void(const RecordText&)>;

/// Counts the lines of what comes in pieces: `\n`, `\r\n` and `\r` end one.
class LineCount {
 public:
  void pass(std::string_view text);
  int64_t line() const { return line_; }  ///< in which the next byte lies

 private:
  int64_t line_ = 1;
  bool after_return_ = false;
};

/// Takes a file's bytes. A byte order mark at the beginning is passed over.
class RecordSplitter {
 public:
  RecordSplitter(uint64_t record_bytes_max, OnRecord on_record)
      : max_(record_bytes_max), on_record_(std::move(on_record)) {}
  virtual ~RecordSplitter() = default;
  /// Before the first byte: RecordText::line is to be told.
  void count_lines() { counting_ = true; }
  void feed(std::string_view piece);
  void end();
  int64_t records() const { return position_; }
  /// There are records, but not quite as the engine's reader expects them: ends of lines of another
  /// kind, lines of blanks, commas too many. A copy has none of that.
  bool irregular() const { return irregular_; }
  /// Not empty: why it is no such file at all. Records of it mean nothing.
  const std::string& broken() const { return broken_; }

 protected:
  /// Takes whole records off the front of `window_` behind `at_`; `last`: no more comes.
  virtual void work(bool last) = 0;
  void give(std::string_view text);
  /// The window holds the beginning of a record that is too long, `length` bytes of it.
  void too_long(size_t length);
  void give_long();
  bool passing_over() const { return long_bytes_ > 0; }

  const uint64_t max_;
  std::string window_;
  size_t at_ = 0;
  uint64_t long_bytes_ = 0;  ///< of a record that is too long and not at its end
  bool irregular_ = false;
  std::string broken_;

 private:
  int64_t line_at(size_t at);
  void drop_front();

  OnRecord on_record_;
  std::string long_head_;
  int64_t position_ = 0, long_line_ = 0;
  bool begun_ = false, counting_ = false;
  LineCount lines_;
  size_t counted_ = 0;  ///< bytes of `window_` that `lines_` has passed
};

/// A record a line; `\n`, `\r\n` and `\r` end one.
class LineSplitter : public RecordSplitter {
 public:
  using RecordSplitter::RecordSplitter;

 protected:
  void work(bool last) override;
  virtual void line(std::string_view text);

 private:
  void lines_of(std::string_view text);
};

/// A broken array with a record a line: without the brackets and commas around each.
class ElementLineSplitter final : public LineSplitter {
 public:
  using LineSplitter::LineSplitter;

 protected:
  void line(std::string_view text) override;
};

/// The elements of an array, or values one after the other. Told by brackets and quotes alone: a
/// broken element is one as long as those match.
class ValueSplitter final : public RecordSplitter {
 public:
  ValueSplitter(bool array, uint64_t record_bytes_max, OnRecord on_record)
      : RecordSplitter(record_bytes_max, std::move(on_record)), array_(array) {}

 protected:
  void work(bool last) override;

 private:
  bool between(char c);
  void value_ends(size_t end);

  const bool array_;
  bool opened_ = false, closed_ = false, inside_ = false;  ///< the array; a value
  bool text_ = false, escaped_ = false;                    ///< within quotes
  bool comma_ = true;                                      ///< or nothing was before
  int64_t depth_ = 0;
  size_t scan_ = 0;  ///< how far `window_` was looked at
};

/// Blanks of JSON, and of those that write text by hand.
bool is_blank(char c);
std::string_view without_blanks(std::string_view text);

}  // namespace windrow::sources
