#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sources/files/csv_form.h"

/// Private to sources/files: where the records of a CSV file begin and end. The engine's reader
/// takes an unclosed quote for the beginning of a field that swallows every line to the next quote,
/// or for a reason to see another dialect in the file; so the records are counted and told from
/// what is none before it reads.
namespace windrow::sources {

struct CsvDialect {
  std::string delimiter = ",";
  char quote = '"';   ///< 0: none
  char escape = '"';  ///< of quotes within quotes
  char comment = 0;   ///< begins what is passed over to the end of the line; 0: none
  int64_t skip = 0;   ///< lines before the first record
  bool operator==(const CsvDialect&) const = default;
};

struct CsvCount {
  int64_t records = 0;  ///< with the header
  int64_t bad = 0;      ///< lines or records that are none
  int64_t columns = 0;  ///< of the first record
  int64_t uneven = 0;   ///< records with another number of columns
  uint64_t uneven_bytes = 0;
  int64_t multi_line = 0;  ///< records of more than one line
  uint64_t longest = 0;    ///< bytes of the longest record
  bool first_is_bad = false;
  bool mixed_ends = false;  ///< lines end in more than one way
  bool formed = false;      ///< forms were told, and each value of a record has that of its column
};

/// Takes what is found, in the order of the file.
class CsvSink {
 public:
  virtual ~CsvSink() = default;
  /// Asked of each record that is one, the header too: why it is to be none; null: it is kept.
  virtual const char* refuse() { return nullptr; }
  /// A line that is skipped, or a record; without its line's end.
  virtual void keep(std::string_view /*text*/) {}
  /// A record, with the line of the file in which it begins.
  virtual void record(int64_t /*line*/, std::string_view text) { keep(text); }
  virtual void bad(int64_t /*line*/, const char* /*why*/, std::string_view /*text*/) {}
  /// From the `reader_line`-th line on, as the engine's reader counts them, a line of the file has
  /// a number that is greater by `shift`.
  virtual void shift(int64_t /*reader_line*/, int64_t /*shift*/) {}
};

/// A record whose quote is not closed ends nowhere, so only its first line is taken for bad, and
/// reading goes on with the next line. A quote counts as not closed where text follows the one that
/// closes it, where the file or the longest record ends before it, or where what it holds has the
/// form of three or more whole records.
class CsvScanner {
 public:
  /// `copied`: the engine's reader sees what `keep` gets, instead of the file itself. `even`: a
  /// record with another number of columns than the first one is bad. `forms`: of the columns'
  /// values, of all records but the first.
  CsvScanner(CsvDialect dialect, uint64_t record_bytes_max, bool utf8, CsvSink& sink, bool copied,
             bool even = false, std::vector<CsvForm> forms = {});
  void feed(std::string_view piece);
  void end();
  const CsvCount& count() const { return count_; }

 private:
  enum class Form { record, blank, comment, bad, more };
  struct Step {
    Form form;
    size_t end = 0;   ///< of the text
    size_t next = 0;  ///< behind the line's end
    int64_t columns = 1;
    bool quoted_end = false;  ///< a quoted field holds the end of a line
    const char* why = nullptr;
  };
  void work(bool last);
  bool skip_lines(bool last);
  Step parse(bool last);
  Step bad_line(const char* why, bool last);
  bool too_long(bool last);
  void take(const Step& step);
  void look_at_field(int64_t column, size_t begin, size_t end);
  size_t closing_quote(size_t from);
  size_t line_end(size_t from, size_t& next, bool last);
  size_t columns_of_line(std::string_view line) const;
  bool swallows(const Step& step) const;
  bool whole_line_within(const Step& step, int64_t least) const;
  void tell_shift();

  const CsvDialect dialect_;
  const uint64_t max_;
  const bool utf8_, copied_, even_;
  const std::vector<CsvForm> forms_;
  CsvSink& sink_;
  CsvCount count_;
  std::array<bool, 256> special_{};
  std::string window_;
  size_t at_ = 0;  ///< where the next record begins in `window_`
  /// So much is to be there before a record is tried again: a long one that comes in many pieces is
  /// not looked through for each of them.
  uint64_t wait_ = 0;
  uint64_t base_ = 0;  ///< bytes of the file before `window_`
  /// No quote lies in [quote_from_, quote_at_): a file with many that are not closed is searched
  /// once, not once for each.
  uint64_t quote_from_ = 0, quote_at_ = 0;
  int64_t line_ = 1, reader_line_ = 1, told_shift_ = 0, skipped_ = 0;
  int ends_ = 0;  ///< which ends of lines there are: bits for \n, \r\n, \r
  bool begun_ = false, dropping_ = false;
};

}  // namespace windrow::sources
