#include "sources/files/csv_file.h"

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "duck/quoting.h"
#include "sources/files/kind.h"
#include "sources/settings.h"

namespace windrow::sources {

namespace {

using duck::quote_text;

constexpr size_t kHeadBytes = 1 << 20;
constexpr int64_t kColumnsMax = 4096;
/// A line of what is set aside: its content, each byte of which may be written as six.
constexpr size_t kBadLine = 8 * kKeptContent;

/// How the engine's reader shows a character: as it is, or as an escape.
std::string character(const std::string& shown) {
  if (shown == "(empty)" || shown == "\\0") return {};
  return shown == "\\t" ? "\t" : shown;
}

class NoSink final : public CsvSink {};

/// Records that are left out because their values do not fit: their numbers, in a file.
struct Misfits {
  std::string path, why;
};

/// Leaves them out.
class WithoutMisfits : public CsvSink {
 public:
  explicit WithoutMisfits(const Misfits& misfits) : why_(misfits.why), numbers_(misfits.path) {}
  const char* refuse() final {
    if (record_ == misfit_ && !(numbers_ >> misfit_)) misfit_ = kNone;
    return ++record_ == misfit_ ? why_.c_str() : nullptr;
  }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  const std::string why_;
  std::ifstream numbers_;
  int64_t record_ = 0, misfit_ = 0;
};

/// What is bad goes into one file of JSON lines, what is good into another, which the engine reads.
class Copy final : public WithoutMisfits {
 public:
  Copy(const FoundFile& file, const LocalCopies& copies, const Misfits& misfits)
      : WithoutMisfits(misfits),
        name_(file.name),
        good_path(copies.path("good/" + name_ + (named_packed(name_) ? ".csv" : ""))),
        bad_path(copies.path("bad/" + name_)),
        lines_path(copies.path("lines/" + name_)),
        good_(good_path, std::ios::binary | std::ios::trunc),
        bad_(bad_path, std::ios::binary | std::ios::trunc),
        lines_(lines_path, std::ios::binary | std::ios::trunc) {}
  void keep(std::string_view text) override { good_ << text << '\n'; }
  void bad(int64_t line, const char* why, std::string_view text) override {
    const nlohmann::json row = {{"origin", name_},
                                {"position", line},
                                {"error", why},
                                {"content", text.substr(0, kKeptContent)}};
    bad_ << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  }
  void shift(int64_t reader_line, int64_t shift) override {
    lines_ << reader_line << ',' << shift << '\n';
  }
  void close() {
    for (auto* file : {&good_, &bad_, &lines_}) {
      file->close();
      if (!*file) throw system_error(errno, "write", good_path);
    }
  }

 private:
  const std::string name_;

 public:
  const std::string good_path, bad_path, lines_path;

 private:
  std::ofstream good_, bad_, lines_;
};

/// Each good record behind the number of its line, without lines that are skipped.
class Numbered final : public WithoutMisfits {
 public:
  Numbered(const std::string& path, const std::string& delimiter, const Misfits& misfits)
      : WithoutMisfits(misfits),
        out(path, std::ios::binary | std::ios::trunc),
        delimiter_(delimiter) {}
  void record(int64_t line, std::string_view text) override {
    out << kLineMark << line << delimiter_ << text << '\n';
  }
  std::ofstream out;

 private:
  const std::string delimiter_;
};

class Lines final : public CsvSink {
 public:
  explicit Lines(const std::string& path) : out(path, std::ios::binary | std::ios::trunc) {}
  void shift(int64_t reader_line, int64_t shift) override {
    out << reader_line << ',' << shift << '\n';
  }
  std::ofstream out;
};

CsvCount scan(const FoundFile& file, const CsvDialect& dialect, const CsvWish& wish,
              const Outside& outside, CsvSink& sink, bool copied, bool even = false,
              std::vector<CsvForm> forms = {}) {
  CsvScanner scanner(dialect, outside.record_bytes_max, wish.utf8, sink, copied, even,
                     std::move(forms));
  read_bytes(file, outside, [&](std::string_view piece) {
    scanner.feed(piece);
    return true;
  });
  scanner.end();
  return scanner.count();
}

std::string arguments_of(const CsvDialect& dialect, const CsvWish& wish, uint64_t longest) {
  const auto text = [](char c) { return quote_text(c == 0 ? "" : std::string(1, c)); };
  std::string out =
      ", delim = " + quote_text(dialect.delimiter) + ", quote = " + text(dialect.quote) +
      ", escape = " + text(dialect.quote == 0 ? '\0' : dialect.escape) +
      ", comment = " + text(dialect.comment) + ", skip = " + std::to_string(dialect.skip);
  if (longest > kUsualLine)
    out +=
        fmt::format(", max_line_size = {}, buffer_size = {}", longest + 1000, 2 * longest + 2000);
  return out + wish.rest + wish.names;
}

struct Sniffed {
  CsvDialect dialect;
  bool header = false;
  std::vector<Column> columns;
  std::string date_format, timestamp_format;
};

std::vector<std::string> names_of(const std::vector<Column>& columns) {
  std::vector<std::string> out;
  for (const auto& column : columns) out.push_back(column.name);
  return out;
}

/// `'a': 'VARCHAR', …`
std::string texts_of(const std::vector<Column>& columns) {
  std::string out;
  for (const auto& column : columns)
    out += (out.empty() ? "" : ", ") + quote_text(column.name) + ": 'VARCHAR'";
  return out;
}

std::optional<Sniffed> sniff(const FoundFile& file, const std::string& arguments,
                             lake::DuckRows& session) {
  try {
    const auto row =
        session
            .query(
                "SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, "
                "to_json([[c.name, c.type] FOR c IN Columns]), coalesce(DateFormat, ''), "
                "coalesce(TimestampFormat, '') FROM sniff_csv(" +
                quote_text(escape_glob(file.path)) + ", ignore_errors = true" + arguments + ")")
            .rows.at(0);
    Sniffed out;
    const auto one = [&](size_t column) {
      const std::string found = character(cell_text(row[column]));
      return found.empty() ? '\0' : found[0];
    };
    out.dialect.delimiter = character(cell_text(row[0]));
    if (out.dialect.delimiter.empty()) out.dialect.delimiter = ",";
    out.dialect.quote = one(1);
    out.dialect.escape = one(2);
    out.dialect.comment = one(3);
    out.dialect.skip = std::stoll(cell_text(row[4]));
    const bool* header = std::get_if<bool>(&row[5]);
    out.header = header != nullptr && *header;
    for (const auto& column : nlohmann::json::parse(cell_text(row[6])))
      out.columns.push_back({column.at(0), column.at(1)});
    out.date_format = cell_text(row[7]);
    out.timestamp_format = cell_text(row[8]);
    return out;
  } catch (const SqlError& error) {
    if (error.code() != Code::data) throw;
    return {};
  }
}

/// How well a dialect explains the beginning of a file: the share of its lines that are records of
/// one form. One column explains nothing.
double score(const std::string& head, const CsvDialect& dialect, const CsvWish& wish) {
  NoSink nothing;
  CsvScanner scanner(dialect, kHeadBytes, wish.utf8, nothing, false);
  scanner.feed(head);
  if (head.size() < kHeadBytes) scanner.end();
  const auto& count = scanner.count();
  if (count.columns < 2 || count.first_is_bad) return 0;
  return double(count.records - count.uneven) / double(count.records + count.bad);
}

CsvDialect best_of(const std::string& head, const CsvDialect& first, const CsvWish& wish) {
  std::vector<CsvDialect> all = {first};
  for (const char* delimiter : {first.delimiter.c_str(), ",", ";", "\t", "|"}) {
    CsvDialect one = first;
    if (!wish.delimiter) one.delimiter = delimiter;
    if (!wish.quote) one.quote = '"';
    if (!wish.escape) one.escape = '"';
    all.push_back(one);
    if (!wish.escape) {
      one.escape = '\\';
      all.push_back(one);
    }
    // Tables with tabs between columns often have no quotes, and then quotes are text.
    if (one.delimiter == "\t" && !wish.quote) {
      one.quote = 0;
      all.push_back(one);
    }
  }
  size_t best = 0;
  double most = score(head, all[0], wish);
  for (size_t i = 1; i < all.size(); ++i) {
    const double here = score(head, all[i], wish);
    if (here > most) {
      most = here;
      best = i;
    }
  }
  return all[best];
}

std::string head_of(const FoundFile& file, const Outside& outside) {
  std::string head;
  read_bytes(file, outside, [&](std::string_view piece) {
    head += piece;
    return head.size() < kHeadBytes;
  });
  head.resize(std::min(head.size(), kHeadBytes));
  return head;
}

CsvDialect with_wish(CsvDialect found, const CsvWish& wish) {
  if (wish.delimiter) found.delimiter = wish.told.delimiter;
  if (wish.quote) found.quote = wish.told.quote;
  if (wish.escape) found.escape = wish.told.escape;
  if (wish.comment) found.comment = wish.told.comment;
  if (wish.skip) found.skip = wish.told.skip;
  // Where the reader has seen no quotes in its sample, there may be some behind it.
  if (!wish.quote && found.quote == 0 && found.delimiter != "\t") found.quote = '"';
  if (!wish.escape && found.escape == 0) found.escape = found.quote;
  return found;
}

/// The file's dialect, and its records counted by it.
CsvDialect dialect_of(const CsvFile& file, const std::optional<Sniffed>& sniffed,
                      const CsvWish& wish, const Outside& outside, CsvCount& count,
                      std::vector<CsvForm> forms = {}) {
  NoSink nothing;
  const CsvDialect first = with_wish(sniffed ? sniffed->dialect : CsvDialect{}, wish);
  count = scan(file.found, first, wish, outside, nothing, false, false, std::move(forms));
  if (sniffed && count.bad == 0 && count.columns > 1 && !count.mixed_ends) return first;
  const CsvDialect best = best_of(head_of(file.found, outside), first, wish);
  if (!(best == first)) count = scan(file.found, best, wish, outside, nothing, false);
  return best;
}

}  // namespace

CsvWish::CsvWish(const project::Source& source) {
  const auto& csv = project::own_or_default<FilesFrom>(source).csv;
  if (csv.is_null()) return;
  Settings all(csv);
  std::vector<std::string> keys = {"header", "skip", "nulls", "strict", "names"};
  const auto text = [&](const char* key, const char* argument, std::string& out) {
    keys.emplace_back(key);
    if (!all.find(key)) return false;
    out += std::string(", ") + argument + " = " + quote_text(all.text(key));
    return true;
  };
  const auto one = [&](const char* key) {
    const std::string value = all.text(key);
    return value.empty() ? '\0' : value[0];
  };
  delimiter = text("delimiter", "delim", dialect);
  quote = text("quote", "quote", dialect);
  escape = text("escape", "escape", dialect);
  comment = text("comment", "comment", dialect);
  if (text("decimal", "decimal_separator", rest)) decimal = all.text("decimal");
  std::string encoding;
  const bool encoded = text("encoding", "encoding", encoding);
  text("date_format", "dateformat", rest);
  text("timestamp_format", "timestampformat", rest);
  all.only(keys);
  if (delimiter) told.delimiter = character(all.text("delimiter"));
  if (delimiter && told.delimiter.empty()) all.wrong("delimiter", "a text that parts the columns");
  if (quote) told.quote = one("quote");
  if (escape) told.escape = one("escape");
  if (comment) told.comment = one("comment");
  if (encoded) {
    const std::string name = lower(all.text("encoding"));
    utf16 = name == "utf-16" || name == "utf16";
    utf8 = utf16 || name == "utf-8" || name == "utf8";
    if (!utf16) rest += encoding;
  }
  skip = all.find("skip") != nullptr;
  if (skip) {
    told.skip = all.number("skip", 0);
    dialect += ", skip = " + std::to_string(told.skip);
  }
  header_told = all.find("header") != nullptr;
  if (header_told) header = all.flag("header");
  nulls = all.find("nulls") != nullptr;
  if (nulls) rest += ", nullstr = " + duck::quote_list(all.texts("nulls"));
  if (all.find("strict")) {
    counted = counted && all.flag("strict");
    rest += std::string(", strict_mode = ") + (all.flag("strict") ? "true" : "false");
  }
  if (all.find("names")) names = ", names = " + duck::quote_list(all.texts("names"));
}

/// Before anybody makes columns of it: by the delimiter that is told, or the most frequent of those
/// that files have.
void refuse_too_wide(std::string_view line, const CsvWish& wish) {
  const std::string told = wish.delimiter ? wish.told.delimiter : "";
  int64_t most = 0;
  for (const char delimiter : told.size() == 1 ? told : std::string(",;\t|"))
    most = std::max<int64_t>(most, std::count(line.begin(), line.end(), delimiter));
  if (most >= kColumnsMax)
    throw Error(Code::corrupt,
                fmt::format("it has {} columns; {} are the most", most + 1, kColumnsMax));
}

constexpr size_t kShapesMax = 16;

std::shared_ptr<const CsvShape> shape_by(const CsvShapes& shapes, std::string_view line) {
  const auto found = std::find_if(shapes.rbegin(), shapes.rend(),
                                  [&](const auto& shape) { return shape->first_line == line; });
  return found == shapes.rend() ? nullptr : *found;
}

/// A form that SQL reads as well is left to it: it reads `infinity` too.
std::string foreign(const std::string& format) {
  return format.starts_with("%Y-%m-%d") && format.find("%p") == std::string::npos ? "" : format;
}

/// Where the first line alone names the columns, and all of them.
std::shared_ptr<const CsvShape> shape_of(const CsvFile& file, const Sniffed& sniffed,
                                         std::string_view line, const CsvWish& wish,
                                         lake::DuckRows& session, CsvShapes& shapes) {
  const bool whole =
      file.dialect.quote == 0 || std::count(line.begin(), line.end(), file.dialect.quote) % 2 == 0;
  if (!file.header || !wish.names.empty() || file.records() == 0 || file.dialect.skip != 0 ||
      file.dialect.comment != 0 || !whole || line.starts_with("\xEF\xBB\xBF") ||
      int64_t(sniffed.columns.size()) != file.count.columns)
    return nullptr;
  CsvShape out{file.found.name,
               std::string(line),
               file.dialect,
               sniffed.columns,
               foreign(sniffed.date_format),
               foreign(sniffed.timestamp_format)};
  // The reader calls a column without values a text.
  std::string texts;
  for (const auto& column : out.columns) {
    if (column.type == "VARCHAR")
      texts += (texts.empty() ? "count(" : ", count(") + duck::quote_name(column.name) + ")";
  }
  if (!texts.empty()) {
    const auto filled = session.query(
        "SELECT " + texts + " FROM read_csv(" + quote_text(escape_glob(file.readable.path)) +
        ", ignore_errors = true" + arguments_of(file.dialect, wish, file.count.longest) +
        ", header = true, auto_detect = false, columns = {" + texts_of(out.columns) + "})");
    size_t i = 0;
    for (auto& column : out.columns) {
      if (column.type == "VARCHAR" && std::get<int64_t>(filled.rows.at(0)[i++]) == 0)
        column.type.clear();
    }
  }
  shapes.push_back(std::make_shared<const CsvShape>(std::move(out)));
  if (shapes.size() > kShapesMax) shapes.erase(shapes.begin());
  return shapes.back();
}

/// What is bad goes beside, and the reader sees a copy without it.
void copy_good(CsvFile& file, const CsvWish& wish, const Outside& outside, bool even,
               const Misfits& misfits = {}) {
  Copy copy(file.found, *outside.copies, misfits);
  file.count = scan(file.found, file.dialect, wish, outside, copy, true, even);
  copy.close();
  file.readable.path = copy.good_path;
  file.readable.size = 1;  // it is not empty: it has a header, or records
  file.even = even;
  file.misfits = misfits.path;
  file.lines = copy.lines_path;
  if (file.count.bad > 0)
    file.bad = "SELECT origin, position, error, content FROM read_json(" +
               quote_text(escape_glob(copy.bad_path)) +
               ", format = 'newline_delimited', compression = 'uncompressed', "
               "maximum_object_size = " +
               std::to_string(kBadLine) +
               ", columns = {'origin': 'VARCHAR', 'position': 'BIGINT', 'error': 'VARCHAR', "
               "'content': 'VARCHAR'})";
}

CsvFile look_at_csv(const FoundFile& found, const CsvWish& wish, const Outside& outside,
                    lake::DuckRows& session, CsvShapes& shapes, const FormsOf& forms) {
  const std::string head = head_of(found, outside);
  const std::string_view line(head.data(), std::min(head.size(), head.find_first_of("\r\n")));
  refuse_too_wide(line, wish);
  CsvFile out{.found = found, .readable = found, .header = wish.header};
  const std::string header =
      wish.header_told ? std::string(", header = ") + (wish.header ? "true" : "false") : "";
  const auto ask = [&] {
    return sniff(found, wish.dialect + header + wish.rest + wish.names, session);
  };
  if (!wish.counted) {
    out.arguments = wish.dialect + header + wish.rest + wish.names;
    if (const auto sniffed = ask()) out.columns = names_of(sniffed->columns);
    return out;
  }
  out.shape = shape_by(shapes, line);
  auto sniffed = out.shape ? Sniffed{out.shape->dialect, true, out.shape->columns, {}, {}} : ask();
  out.dialect = dialect_of(out, sniffed, wish, outside, out.count,
                           out.shape ? forms(out.shape) : std::vector<CsvForm>{});
  if (out.shape && (!(out.dialect == out.shape->dialect) ||
                    out.count.columns != int64_t(out.shape->columns.size()))) {
    out.shape.reset();
    sniffed = ask();
    out.dialect = dialect_of(out, sniffed, wish, outside, out.count);
  }
  if (out.count.columns > kColumnsMax)
    throw Error(Code::corrupt,
                fmt::format("it has {} columns; {} are the most", out.count.columns, kColumnsMax));
  if (out.count.first_is_bad && !(wish.header_told && !wish.header))
    throw Error(Code::corrupt, "its first line, which names the columns, is no record");
  bool even = out.count.uneven_bytes > kRejectsBytes;
  bool copied = out.count.bad > 0 || out.count.mixed_ends || even;
  if (copied) copy_good(out, wish, outside, even);
  const auto look = [&] {
    out.arguments = arguments_of(out.dialect, wish, out.count.longest);
    // Of what will be read, which may not be what was first looked at.
    if (out.shape) return;
    if (!sniffed || copied || !(with_wish(sniffed->dialect, wish) == out.dialect) ||
        out.count.longest > kUsualLine)
      sniffed = sniff(out.readable, out.arguments + header, session);
    if (!sniffed) throw Error(Code::corrupt, "its columns cannot be told");
  };
  if (out.count.records > 0) {
    look();
    if (even && int64_t(sniffed->columns.size()) != out.count.columns) {
      // The first record does not say how many columns there are.
      NoSink nothing;
      out.count = scan(found, out.dialect, wish, outside, nothing, false);
      even = false;
      copied = out.count.bad > 0 || out.count.mixed_ends;
      out.readable = out.found;
      out.even = false;
      out.bad.clear();
      out.lines.clear();
      if (copied) copy_good(out, wish, outside, even);
      look();
    }
    if (!wish.header_told) out.header = sniffed->header;
    out.columns = names_of(sniffed->columns);
    if (!out.shape) out.shape = shape_of(out, *sniffed, line, wish, session, shapes);
  } else {
    out.arguments = arguments_of(out.dialect, wish, out.count.longest);
  }
  out.arguments += std::string(", header = ") + (out.header ? "true" : "false");
  return out;
}

std::shared_ptr<const CsvShape> own_shape(const CsvFile& file, const CsvWish& wish,
                                          lake::DuckRows& session, CsvShapes& shapes) {
  const auto sniffed = sniff(file.readable, file.arguments, session);
  if (!file.shape || !sniffed || !sniffed->header) return nullptr;
  return shape_of(file, *sniffed, file.shape->first_line, wish, session, shapes);
}

void leave_out_misfits(CsvFile& file, const CsvWish& wish, const Outside& outside,
                       const std::string& why,
                       const std::function<void(const std::string& path)>& numbers) {
  copy_good(file, wish, outside, true);
  const Misfits misfits{outside.copies->path("misfits/" + file.found.name + ".txt"), why};
  numbers(misfits.path);
  copy_good(file, wish, outside, true, misfits);
}

void number_records(CsvFile& file, const CsvWish& wish, const Outside& outside) {
  const std::string path = outside.copies->path("numbered/" + file.found.name);
  Numbered numbered(path, file.dialect.delimiter, {file.misfits, "it does not fit"});
  scan(file.found, file.dialect, wish, outside, numbered, true, file.even);
  numbered.out.close();
  if (!numbered.out) throw system_error(errno, "write", path);
  file.readable.path = path;
}

CsvShape shape_as_read(const CsvFile& file, const std::string& types, lake::DuckRows& session) {
  const auto sniffed = sniff(file.readable, file.arguments + types, session);
  if (!sniffed) throw Error(Code::corrupt, "its columns cannot be told");
  return {file.found.name,
          "",
          file.dialect,
          sniffed->columns,
          foreign(sniffed->date_format),
          foreign(sniffed->timestamp_format)};
}

void tell_lines(CsvFile& file, const CsvWish& wish, const Outside& outside) {
  if (!file.lines.empty() || file.count.multi_line == 0) return;
  file.lines = outside.copies->path("lines/" + file.found.name);
  Lines lines(file.lines);
  scan(file.found, file.dialect, wish, outside, lines, false);
  lines.out.close();
  if (!lines.out) throw system_error(errno, "write", file.lines);
}

}  // namespace windrow::sources
