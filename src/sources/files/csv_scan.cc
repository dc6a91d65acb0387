#include "sources/files/csv_scan.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "sources/files/record_split.h"

namespace windrow::sources {

namespace {

constexpr const char* kUnclosed = "a quote is not closed, or text follows the one that closes it";
constexpr const char* kTooLong = "longer than record_bytes_max";
constexpr const char* kUneven = "it has another number of columns than the first record";
constexpr const char* kEncoding = "invalid UTF-8";
constexpr int64_t kSwallowed = 3;

int64_t line_ends(std::string_view text) {
  LineCount lines;
  lines.pass(text);
  return lines.line() - 1;
}

}  // namespace

CsvScanner::CsvScanner(CsvDialect dialect, uint64_t record_bytes_max, bool utf8, CsvSink& sink,
                       bool copied, bool even, std::vector<CsvForm> forms)
    : dialect_(std::move(dialect)),
      max_(record_bytes_max),
      utf8_(utf8),
      copied_(copied),
      even_(even),
      forms_(std::move(forms)),
      sink_(sink) {
  count_.formed = !forms_.empty();
  special_['\n'] = special_['\r'] = true;
  special_[uint8_t(dialect_.delimiter[0])] = true;
  if (dialect_.comment != 0) special_[uint8_t(dialect_.comment)] = true;
}

void CsvScanner::feed(std::string_view piece) {
  window_.erase(0, at_);
  base_ += at_;
  at_ = 0;
  window_ += piece;
  if (!begun_) {
    if (window_.size() < 3) return;
    begun_ = true;
    if (window_.starts_with("\xEF\xBB\xBF")) window_.erase(0, 3);
  }
  work(false);
}

void CsvScanner::end() {
  begun_ = true;
  work(true);
}

void CsvScanner::work(bool last) {
  if (!skip_lines(last)) return;
  while (at_ < window_.size()) {
    if (dropping_) {
      size_t next = 0;
      line_end(at_, next, last);
      if (next == 0) {
        at_ = window_.size();
        return;
      }
      dropping_ = false;
      at_ = next;
      ++line_;
      continue;
    }
    if (!last && window_.size() - at_ < wait_) return;
    const Step step = parse(last);
    wait_ = 0;
    if (step.form == Form::more) {
      wait_ = std::min<uint64_t>(max_ + 1, 2 * (window_.size() - at_));
      if (window_.size() - at_ <= max_ || !too_long(last)) return;
      continue;
    }
    take(step);
  }
}

bool CsvScanner::skip_lines(bool last) {
  while (skipped_ < dialect_.skip && at_ < window_.size()) {
    size_t next = 0;
    const size_t end = line_end(at_, next, last);
    if (next == 0) return false;
    sink_.keep(std::string_view(window_).substr(at_, end - at_));
    at_ = next;
    ++skipped_;
    ++line_;
    ++reader_line_;
  }
  return true;
}

/// Where the line ends; `next` is behind its end, 0 where the window ends first.
size_t CsvScanner::line_end(size_t from, size_t& next, bool last) {
  const size_t end = window_.find_first_of("\r\n", from);
  next = 0;
  if (end == std::string::npos) {
    if (last) next = window_.size();
    return window_.size();
  }
  if (window_[end] == '\n' || end + 1 < window_.size() || last)
    next = end +
           (window_[end] == '\r' && end + 1 < window_.size() && window_[end + 1] == '\n' ? 2 : 1);
  return end;
}

/// The quote that ends a quoted field; npos where the window ends first.
size_t CsvScanner::closing_quote(size_t from) {
  const char quote = dialect_.quote;
  if (dialect_.escape != 0 && dialect_.escape != quote) {
    for (size_t i = from; i < window_.size(); ++i) {
      if (window_[i] == quote) return i;
      if (window_[i] == dialect_.escape) ++i;
    }
    return std::string::npos;
  }
  for (size_t i = from;;) {
    const uint64_t absolute = base_ + i;
    if (absolute < quote_from_ || absolute > quote_at_) quote_from_ = quote_at_ = absolute;
    const size_t begin = size_t(quote_at_ - base_);
    const void* found = begin < window_.size()
                            ? std::memchr(window_.data() + begin, quote, window_.size() - begin)
                            : nullptr;
    const size_t at =
        found ? size_t(static_cast<const char*>(found) - window_.data()) : window_.size();
    quote_at_ = base_ + at;
    if (!found) return std::string::npos;
    if (dialect_.escape != quote || at + 1 >= window_.size() || window_[at + 1] != quote) return at;
    i = at + 2;
    quote_from_ = quote_at_ = base_ + i;
  }
}

/// What a quote holds is seen where no other quote is in it.
void CsvScanner::look_at_field(int64_t column, size_t begin, size_t end) {
  if (!count_.formed || count_.records == 0) return;
  const CsvForm form =
      column <= int64_t(forms_.size()) ? forms_[size_t(column - 1)] : CsvForm::empty;
  if (form == CsvForm::any) return;
  auto field = std::string_view(window_).substr(begin, end - begin);
  if (dialect_.quote != 0 && field.size() > 2 && field.front() == dialect_.quote &&
      field.back() == dialect_.quote) {
    field.remove_prefix(1);
    field.remove_suffix(1);
  }
  count_.formed = has_form(field, form);
}

CsvScanner::Step CsvScanner::parse(bool last) {
  const std::string& w = window_;
  const size_t size = w.size();
  Step step{Form::record};
  size_t i = at_;
  const auto finish = [&](size_t end) {
    size_t next = 0;
    step.end = line_end(end, next, last);
    step.next = next;
    if (next == 0) step.form = Form::more;
    return step;
  };
  if (w[i] == '\n' || w[i] == '\r') {
    step.form = Form::blank;
    return finish(i);
  }
  if (dialect_.comment != 0 && w[i] == dialect_.comment) {
    step.form = Form::comment;
    return finish(i);
  }
  while (true) {
    const size_t begin = i;
    size_t field = i;
    while (field < size && w[field] == ' ' && dialect_.delimiter[0] != ' ') ++field;
    if (dialect_.quote != 0 && field < size && w[field] == dialect_.quote) {
      const size_t close = closing_quote(field + 1);
      // A quote at the window's end may be the first of two.
      if (close == std::string::npos || (close + 1 == size && !last))
        return last ? bad_line(kUnclosed, last) : Step{Form::more};
      const auto inside = std::string_view(w).substr(field, close - field);
      step.quoted_end = step.quoted_end || inside.find_first_of("\r\n") != std::string_view::npos;
      i = close + 1;
      while (i < size && w[i] == ' ' && dialect_.delimiter[0] != ' ') ++i;
      if (i < size && !special_[uint8_t(w[i])]) return bad_line(kUnclosed, last);
    } else {
      i = field;
    }
    while (i < size && !special_[uint8_t(w[i])]) ++i;
    if (i == size) {
      if (!last) return {Form::more};
      look_at_field(step.columns, begin, size);
      return finish(size);
    }
    if (w[i] == '\n' || w[i] == '\r' || (dialect_.comment != 0 && w[i] == dialect_.comment)) {
      look_at_field(step.columns, begin, i);
      return finish(i);
    }
    const size_t width = dialect_.delimiter.size();
    if (i + width > size && !last) return {Form::more};
    if (w.compare(i, width, dialect_.delimiter) == 0) {
      look_at_field(step.columns, begin, i);
      ++step.columns;
      i += width;
      continue;
    }
    ++i;  // it only begins as the delimiter does
  }
}

CsvScanner::Step CsvScanner::bad_line(const char* why, bool last) {
  Step step{Form::bad};
  step.why = why;
  step.end = line_end(at_, step.next, last);
  if (step.next == 0) step.form = Form::more;
  return step;
}

/// What began is longer than a record may be: its first line is bad, be it whole or not.
bool CsvScanner::too_long(bool last) {
  Step step = bad_line(kUnclosed, last);
  if (step.form == Form::bad) {
    if (step.end - at_ > max_) step.why = kTooLong;
    take(step);
    return true;
  }
  ++count_.bad;
  count_.first_is_bad = count_.first_is_bad || count_.records == 0;
  sink_.bad(line_, kTooLong, std::string_view(window_).substr(at_));
  at_ = window_.size();
  dropping_ = true;
  return true;
}

size_t CsvScanner::columns_of_line(std::string_view line) const {
  size_t out = 1;
  for (size_t at = line.find(dialect_.delimiter); at != std::string_view::npos;
       at = line.find(dialect_.delimiter, at + dialect_.delimiter.size()))
    ++out;
  return out;
}

/// Whether `least` lines of the record, or more, and all of those between its first and its last
/// one, would be records.
bool CsvScanner::whole_line_within(const Step& step, int64_t least) const {
  std::string_view text = std::string_view(window_).substr(at_, step.end - at_);
  int64_t found = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    text.remove_prefix(end + 1);
    const size_t until = text.find('\n');
    if (until == std::string_view::npos) break;
    if (int64_t(columns_of_line(text.substr(0, until))) != count_.columns) return false;
    ++found;
  }
  return found >= least;
}

bool CsvScanner::swallows(const Step& step) const {
  if (!step.quoted_end || count_.columns < 2) return false;
  // With another number of columns than the others it is bad in any case; where the lines that it
  // holds are good ones, they are not to go with it.
  if (step.columns != count_.columns) {
    const std::string_view text = std::string_view(window_).substr(at_, step.end - at_);
    const size_t last = text.rfind('\n');
    return whole_line_within(step, 1) ||
           (last != std::string_view::npos &&
            int64_t(columns_of_line(text.substr(last + 1))) == count_.columns);
  }
  return count_.columns > 2 && whole_line_within(step, kSwallowed);
}

void CsvScanner::tell_shift() {
  const int64_t shift = line_ - reader_line_;
  if (shift == told_shift_) return;
  told_shift_ = shift;
  sink_.shift(reader_line_, shift);
}

void CsvScanner::take(const Step& found) {
  Step step = found;
  if (step.form == Form::record && swallows(step)) step = bad_line(kUnclosed, true);
  const std::string_view text = std::string_view(window_).substr(at_, step.end - at_);
  const bool blank_record = step.form == Form::blank && count_.columns == 1;
  if (step.form == Form::record || blank_record) {
    if (utf8_ && !simdjson::validate_utf8(text.data(), text.size())) {
      step.form = Form::bad;
      step.why = kEncoding;
    } else if (text.size() > max_) {
      step.form = Form::bad;
      step.why = kTooLong;
    } else if (even_ && count_.records > 0 && step.columns != count_.columns) {
      step.form = Form::bad;
      step.why = kUneven;
    } else if (const char* why = sink_.refuse(); why != nullptr) {
      step.form = Form::bad;
      step.why = why;
    }
  }
  if (step.end < step.next) {
    const char first = window_[step.end];
    ends_ |= first == '\n' ? 1 : step.next - step.end == 2 ? 2 : 4;
    count_.mixed_ends = (ends_ & (ends_ - 1)) != 0;
  }
  if (step.form == Form::bad) {
    ++count_.bad;
    count_.first_is_bad = count_.first_is_bad || count_.records == 0;
    sink_.bad(line_, step.why, text);
  } else if (step.form == Form::record || blank_record) {
    if (count_.records == 0) count_.columns = step.columns;
    ++count_.records;
    if (step.columns != count_.columns) {
      ++count_.uneven;
      count_.uneven_bytes += text.size();
    }
    count_.multi_line += step.quoted_end ? 1 : 0;
    count_.longest = std::max(count_.longest, uint64_t(text.size()));
    tell_shift();
    sink_.record(line_, text);
    ++reader_line_;
  } else if (!copied_) {
    ++reader_line_;
  }
  line_ += 1;
  if (step.quoted_end && step.form != Form::blank) line_ += line_ends(text);
  at_ = step.next;
}

}  // namespace windrow::sources
