#include "sources/files/csv_form.h"

#include <chrono>
#include <string>

#include "sources/files/declared_columns.h"

namespace windrow::sources {

namespace {

/// So many fit into 64 bits, whichever they are.
constexpr size_t kWholeDigits = 18;
constexpr size_t kFractionDigits = 6;

/// Takes what it recognises off the front of a text.
class FieldCursor {
 public:
  explicit FieldCursor(std::string_view text) : text_(text) {}
  bool done() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  size_t digits() {
    size_t n = 0;
    while (n < text_.size() && text_[n] >= '0' && text_[n] <= '9') ++n;
    text_.remove_prefix(n);
    return n;
  }
  /// A number of exactly so many digits; -1: there is none.
  int number(size_t digits) {
    if (text_.size() < digits) return -1;
    int out = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return -1;
      out = 10 * out + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return out;
  }
  bool upto(size_t digits, int most) {
    const int found = number(digits);
    return found >= 0 && found <= most;
  }

 private:
  std::string_view text_;
};

bool take_whole(FieldCursor& at) {
  at.take('-');
  const size_t digits = at.digits();
  return digits > 0 && digits <= kWholeDigits;
}

bool take_date(FieldCursor& at) {
  const int year = at.number(4);
  if (year < 1 || !at.take('-')) return false;
  const int month = at.number(2);
  if (month < 1 || !at.take('-')) return false;
  const int day = at.number(2);
  return day > 0 &&
         std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(unsigned(month)),
                                     std::chrono::day(unsigned(day)))
             .ok();
}

bool take_time(FieldCursor& at) {
  if (!at.upto(2, 23) || !at.take(':') || !at.upto(2, 59) || !at.take(':') || !at.upto(2, 59))
    return false;
  if (!at.take('.')) return true;
  const size_t digits = at.digits();
  return digits > 0 && digits <= kFractionDigits;
}

bool take_zone(FieldCursor& at) {
  if (at.take('Z')) return true;
  if (!at.take('+') && !at.take('-')) return false;
  if (!at.upto(2, 14)) return false;
  return at.done() || (at.take(':') && at.upto(2, 59));
}

bool take_date_and_time(FieldCursor& at) {
  return take_date(at) && (at.take(' ') || at.take('T')) && take_time(at);
}

bool is_boolean(std::string_view field) {
  if (field.size() != 4 && field.size() != 5) return false;
  const std::string word(field);
  return same_name(word, "true") || same_name(word, "false");
}

}  // namespace

bool has_form(std::string_view field, CsvForm form) {
  if (field.empty() || form == CsvForm::any) return true;
  FieldCursor at(field);
  switch (form) {
    case CsvForm::any: return true;
    case CsvForm::empty: return false;
    case CsvForm::whole: return take_whole(at) && at.done();
    case CsvForm::real:
      if (!take_whole(at)) return false;
      if (!at.take('.')) return at.done();
      return at.digits() > 0 && at.done();
    case CsvForm::boolean: return is_boolean(field);
    case CsvForm::date: return take_date(at) && at.done();
    case CsvForm::timestamp: return take_date_and_time(at) && at.done();
    case CsvForm::moment: return take_date_and_time(at) && take_zone(at) && at.done();
    case CsvForm::time: return take_time(at) && at.done();
  }
  return false;
}

}  // namespace windrow::sources
