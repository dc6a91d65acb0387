#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "clients/deflate.h"
#include "sources/files/conversion.h"

/// Excel workbooks: a ZIP archive (PKWARE APPNOTE 6.3, without encryption and ZIP64) of XML parts
/// (ECMA-376, SpreadsheetML). Cells refer to shared texts and to styles, which tell dates from
/// numbers.
namespace windrow::sources {

namespace {

using Json = nlohmann::ordered_json;

/// Parts other than the sheet and its texts are small in any workbook that somebody has made.
constexpr uint64_t kSmallPart = 16 << 20;
constexpr uint64_t kListMax = 64 << 20;
constexpr size_t kNamesShown = 1000;
constexpr int64_t kRowsMax = 1 << 20;  // of a sheet

[[noreturn]] void bad_workbook(const std::string& what) {
  throw Error(Code::corrupt, "broken Excel file: " + what);
}

template <class T>
T number_at(std::string_view bytes, size_t at) {
  if (at > bytes.size() || sizeof(T) > bytes.size() - at) bad_workbook("it ends too early");
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

/// The parts of the archive by name. They are unpacked piece by piece: what an archive says of
/// lengths need not be so.
class Zip {
 public:
  Zip(const std::string& path, uint64_t unpacked_max)
      : in_(path, std::ios::binary), size_(std::filesystem::file_size(path)), left_(unpacked_max) {
    if (!in_) throw Error(Code::permission, "cannot read file \"" + path + "\"");
    const uint64_t tail_at = size_ - std::min<uint64_t>(size_, 66'000);
    const std::string tail = bytes(tail_at, size_ - tail_at);
    const size_t end = tail.rfind("PK\x05\x06");
    if (end == std::string::npos) bad_workbook("it is no ZIP archive, or only a part of one");
    const auto count = number_at<uint16_t>(tail, end + 10);
    const uint64_t list_at = number_at<uint32_t>(tail, end + 16);
    if (list_at > size_ || tail_at + end < list_at || tail_at + end - list_at > kListMax)
      bad_workbook("its list of parts");
    list_ = bytes(list_at, tail_at + end - list_at);
    size_t at = 0;
    for (int i = 0; i < count; ++i) {
      if (number_at<uint32_t>(list_, at) != 0x02014b50) bad_workbook("its list of parts");
      const auto name = number_at<uint16_t>(list_, at + 28);
      if (at + 46 + name > list_.size()) bad_workbook("it ends too early");
      parts_[list_.substr(at + 46, name)] = at;
      at += 46 + name + number_at<uint16_t>(list_, at + 30) + number_at<uint16_t>(list_, at + 32);
    }
  }
  bool has(const std::string& name) const { return parts_.contains(name); }

  /// Gives a part's bytes in order. Error(corrupt) where it has more than `most` of them, or all
  /// parts together more than there may be.
  void part(const std::string& name, uint64_t most, const clients::Unpacked& out) {
    const auto found = parts_.find(name);
    if (found == parts_.end()) bad_workbook("it has no part \"" + name + "\"");
    const size_t at = found->second;
    const auto method = number_at<uint16_t>(list_, at + 10);
    uint64_t packed = number_at<uint32_t>(list_, at + 20);
    const uint64_t local = number_at<uint32_t>(list_, at + 42);
    const std::string head = bytes(local, 30);
    uint64_t data = local + 30 + number_at<uint16_t>(head, 26) + number_at<uint16_t>(head, 28);
    if (data > size_ || packed > size_ - data) bad_workbook("it ends too early");
    const auto next = [&] {
      std::string piece = bytes(data, std::min<uint64_t>(packed, 256 << 10));
      data += piece.size();
      packed -= piece.size();
      return piece;
    };
    const auto bounded = [&](std::string_view piece) {
      if (piece.size() > most) bad_workbook("its part \"" + name + "\" is too long");
      if (piece.size() > left_) bad_workbook("it unpacks to more than unpacked_bytes_max");
      most -= piece.size();
      left_ -= piece.size();
      return out(piece);
    };
    if (method == 0) {
      for (auto piece = next(); !piece.empty(); piece = next()) bounded(piece);
    } else if (method != 8) {
      bad_workbook("a part is packed in a way that is not read");
    } else if (!clients::inflate(next, bounded)) {
      bad_workbook("packed bytes do not unpack");
    }
  }
  uint64_t left() const { return left_; }

 private:
  std::string bytes(uint64_t at, uint64_t count) {
    if (at > size_ || count > size_ - at) bad_workbook("it ends too early");
    std::string out(count, '\0');
    in_.seekg(std::streamoff(at));
    in_.read(out.data(), std::streamsize(count));
    if (uint64_t(in_.gcount()) != count) bad_workbook("it ends too early");
    return out;
  }

  std::ifstream in_;
  const uint64_t size_;
  uint64_t left_;  ///< bytes that may still be unpacked
  std::string list_;
  std::map<std::string, size_t> parts_;
};

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const std::string_view name = text.substr(i + 1, end - i - 1);
    if (name.starts_with('#')) {
      const bool hex = name.starts_with("#x") || name.starts_with("#X");
      uint32_t code = 0;
      std::from_chars(name.data() + (hex ? 2 : 1), name.data() + name.size(), code, hex ? 16 : 10);
      append_utf8(out, code);
    } else {
      out += name == "lt"     ? '<'
             : name == "gt"   ? '>'
             : name == "quot" ? '"'
             : name == "apos" ? '\''
                              : '&';
    }
    i = end;
  }
  return out;
}

/// A tag of an XML text: its name without prefix, its attributes, and the text before it. Enough
/// for the parts of a workbook, whose elements never nest in themselves.
struct Tag {
  std::string_view name, attributes, text;  ///< `text`: between the tag before and this one
  bool closing = false, empty = false;

  /// Whatever the prefix of its name.
  std::string attribute(std::string_view wanted) const {
    for (size_t at = attributes.find(wanted); at != std::string_view::npos;
         at = attributes.find(wanted, at + 1)) {
      const bool whole = at > 0 && (attributes[at - 1] == ' ' || attributes[at - 1] == ':' ||
                                    attributes[at - 1] == '\n' || attributes[at - 1] == '\t');
      const size_t after = at + wanted.size();
      if (!whole || after + 1 >= attributes.size() || attributes[after] != '=') continue;
      const size_t end = attributes.find(attributes[after + 1], after + 2);
      if (end == std::string_view::npos) return {};
      return unescaped(attributes.substr(after + 2, end - after - 2));
    }
    return {};
  }
};

/// What `<` and `>` hold.
Tag tag_of(std::string_view tag, std::string_view text) {
  Tag out;
  out.text = text;
  out.closing = tag.starts_with('/');
  if (out.closing) tag.remove_prefix(1);
  out.empty = tag.ends_with('/');
  if (out.empty) tag.remove_suffix(1);
  const size_t blank = std::min(tag.find_first_of(" \t\r\n"), tag.size());
  out.name = tag.substr(0, blank);
  out.attributes = tag.substr(blank);
  if (const size_t colon = out.name.find(':'); colon != std::string_view::npos)
    out.name.remove_prefix(colon + 1);
  return out;
}

/// Visits the tags of a part in order. No tag, and no text between two, is longer than `longest`.
template <class Visit>
void each_tag(Zip& zip, const std::string& part, uint64_t most, uint64_t longest,
              const Visit& visit) {
  std::string window;
  size_t begin = 0, looked = 0;  // of the text; where to look on for the end of what began
  zip.part(part, most, [&](std::string_view piece) {
    window.erase(0, begin);
    looked -= begin;
    begin = 0;
    window += piece;
    while (true) {
      const size_t open = window.find('<', looked);
      if (open == std::string::npos) {
        looked = window.size();
        break;
      }
      const bool comment = window.compare(open, 4, "<!--") == 0;
      if (!comment && window.size() - open < 4) {
        looked = open;
        break;
      }
      const size_t close = comment ? window.find("-->", open + 4) : window.find('>', open);
      if (close == std::string::npos) {
        looked = open;
        break;
      }
      const std::string_view all = window;
      if (!comment)
        visit(tag_of(all.substr(open + 1, close - open - 1), all.substr(begin, open - begin)));
      begin = looked = close + (comment ? 3 : 1);
    }
    if (window.size() - begin > longest + piece.size())
      bad_workbook("a text is longer than record_bytes_max");
    return true;
  });
  if (window.find('<', begin) != std::string::npos) bad_workbook("a part ends within a tag");
}

/// Texts that cells refer to, one behind the other.
class Texts {
 public:
  explicit Texts(uint64_t most) : most_(most) {}
  void begin() {
    ends_.push_back(bytes_.size());
    check();
  }
  void add(const std::string& text) {
    if (ends_.empty()) return;
    bytes_ += text;
    ends_.back() = bytes_.size();
    check();
  }
  size_t size() const { return ends_.size(); }
  std::string_view operator[](size_t i) const {
    const size_t from = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(from, ends_[i] - from);
  }

 private:
  void check() const {
    if (bytes_.size() + ends_.size() * sizeof(uint64_t) > most_)
      bad_workbook(fmt::format("its texts take more than {} MB of memory", most_ >> 20));
  }
  const uint64_t most_;
  std::string bytes_;
  std::vector<uint64_t> ends_;
};

Texts shared_texts(Zip& zip, const ConversionBounds& bounds) {
  Texts out(bounds.texts_bytes);
  if (!zip.has("xl/sharedStrings.xml")) return out;
  bool phonetic = false;
  each_tag(zip, "xl/sharedStrings.xml", zip.left(), bounds.record_bytes, [&](const Tag& tag) {
    if (tag.name == "si" && !tag.closing) out.begin();
    if (tag.name == "rPh") phonetic = !tag.closing && !tag.empty;
    if (tag.name == "t" && tag.closing && !phonetic) out.add(unescaped(tag.text));
  });
  return out;
}

/// A format of numbers that shows a date or a time: by its letters outside of quotes and brackets.
bool shows_time(const std::string& format) {
  char inside = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if (inside != 0) {
      if (c == inside) inside = 0;
    } else if (c == '"') {
      inside = '"';
    } else if (c == '[') {
      inside = ']';
    } else if (c == '\\') {
      ++i;
    } else if (std::strchr("ymdhsYMDHS", c) != nullptr) {
      return true;
    }
  }
  return false;
}

/// By number of style: whether its cells are times.
std::vector<bool> time_styles(Zip& zip) {
  std::vector<bool> out;
  if (!zip.has("xl/styles.xml")) return out;
  std::map<std::string, bool> formats;
  for (int id : {14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47})
    formats[std::to_string(id)] = true;
  bool cells = false;
  each_tag(zip, "xl/styles.xml", kSmallPart, kSmallPart, [&](const Tag& tag) {
    if (tag.name == "numFmt")
      formats[tag.attribute("numFmtId")] = shows_time(tag.attribute("formatCode"));
    if (tag.name == "cellXfs") cells = !tag.closing;
    if (tag.name != "xf" || !cells || tag.closing) return;
    const auto format = formats.find(tag.attribute("numFmtId"));
    out.push_back(format != formats.end() && format->second);
  });
  return out;
}

/// The part that a sheet lies in, and whether days count from 1904.
std::string part_of_sheet(Zip& zip, const std::string& wanted, bool& from_1904) {
  std::string id, names;
  each_tag(zip, "xl/workbook.xml", kSmallPart, kSmallPart, [&](const Tag& tag) {
    if (tag.name == "workbookPr") {
      const std::string value = tag.attribute("date1904");
      from_1904 = value == "1" || value == "true";
    }
    if (tag.name != "sheet" || tag.closing) return;
    const std::string name = tag.attribute("name");
    if (names.size() < kNamesShown) names += (names.empty() ? "\"" : ", \"") + name + "\"";
    if (id.empty() && (wanted.empty() || wanted == name)) id = tag.attribute("id");
    if (wanted == name) id = tag.attribute("id");
  });
  if (id.empty())
    throw Error(Code::not_found, "the workbook has no sheet \"" + wanted + "\"", "it has " + names);
  // `id` may be found as part of `sheetId`; relations are by r:id.
  std::string target;
  each_tag(zip, "xl/_rels/workbook.xml.rels", kSmallPart, kSmallPart, [&](const Tag& tag) {
    if (target.empty() && tag.name == "Relationship" && tag.attribute("Id") == id)
      target = tag.attribute("Target");
  });
  if (target.empty()) bad_workbook("its sheet has no part");
  return target.starts_with('/') ? target.substr(1) : "xl/" + target;
}

/// `BC12` → 54
size_t column_of(const std::string& reference) {
  size_t out = 0;
  for (const char c : reference) {
    if (c < 'A' || c > 'Z') break;
    out = out * 26 + size_t(c - 'A' + 1);
    if (out > 16384) bad_workbook("a cell is outside of any sheet");
  }
  return out == 0 ? 0 : out - 1;
}

struct Cell {
  enum class Kind : uint8_t { none, number, text, flag, time } kind = Kind::none;
  std::string text;
};
/// Cells that hold something, by their column: a row may name its last column alone.
using Cells = std::vector<std::pair<size_t, Cell>>;

/// Days since 1900 (with its 29 February) or 1904, as a time of no zone.
std::string time_of(double days, bool from_1904) {
  const double epoch = from_1904 ? 24107 : 25569;
  if (!from_1904 && days < 60) days += 1;
  const auto micros = int64_t(std::llround((days - epoch) * 86400.0 * 1000.0)) * 1000;
  std::string out = iso(time_from_micros(micros));
  out.pop_back();
  return out;
}

class Sheet {
 public:
  Sheet(Zip& zip, const std::string& wanted, const ConversionBounds& bounds)
      : zip_(zip),
        bounds_(bounds),
        part_(part_of_sheet(zip, wanted, from_1904_)),
        texts_(shared_texts(zip, bounds)),
        times_(time_styles(zip)) {}

  template <class Row>
  void rows(const Row& row) {
    Cells cells;
    size_t at = 0, next = 0;
    int64_t number = 0;
    uint64_t bytes = 0;
    std::string type, style, value;
    bool whole = false;
    each_tag(zip_, part_, zip_.left(), bounds_.record_bytes, [&](const Tag& tag) {
      if (tag.name == "sheetData" && (tag.closing || tag.empty)) whole = true;
      if (tag.name == "row" && !tag.closing) {
        cells.clear();
        next = bytes = 0;
        // Numbers grow, and may be left out.
        const std::string told = tag.attribute("r");
        number = std::max<int64_t>(number + 1, std::strtol(told.c_str(), nullptr, 10));
      }
      if (tag.name == "c" && !tag.closing) {
        const std::string reference = tag.attribute("r");
        at = reference.empty() ? next : column_of(reference);
        next = at + 1;
        type = tag.attribute("t");
        style = tag.attribute("s");
        value.clear();
      }
      if ((tag.name == "v" || tag.name == "t") && tag.closing) value += unescaped(tag.text);
      if (tag.name == "c" && tag.closing) {
        Cell found = cell(type, style, value);
        bytes += found.text.size() + sizeof(Cells::value_type);
        if (found.kind != Cell::Kind::none) cells.emplace_back(at, std::move(found));
      }
      if (bytes + value.size() > bounds_.record_bytes)
        bad_workbook("a row is longer than record_bytes_max");
      if (tag.name == "row" && tag.closing) row(number, in_order(cells));
    });
    if (!whole) bad_workbook("its sheet ends too early");
  }

 private:
  /// Of a column that comes twice the last one counts.
  static const Cells& in_order(Cells& cells) {
    const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (std::adjacent_find(cells.begin(), cells.end(), [&](const auto& a, const auto& b) {
          return !less(a, b);
        }) == cells.end())
      return cells;
    std::reverse(cells.begin(), cells.end());
    std::stable_sort(cells.begin(), cells.end(), less);
    cells.erase(std::unique(cells.begin(), cells.end(),
                            [](const auto& a, const auto& b) { return a.first == b.first; }),
                cells.end());
    return cells;
  }

  Cell cell(const std::string& type, const std::string& style, const std::string& value) const {
    using Kind = Cell::Kind;
    if (value.empty() || type == "e") return {};
    if (type == "s") {
      const size_t index = size_t(std::strtoull(value.c_str(), nullptr, 10));
      if (index >= texts_.size()) bad_workbook("a cell names a text that is not there");
      return {Kind::text, std::string(texts_[index])};
    }
    if (type == "inlineStr" || type == "str") return {Kind::text, value};
    if (type == "b") return {Kind::flag, value == "1" ? "true" : "false"};
    if (type == "d") return {Kind::time, value};
    const size_t index = size_t(std::strtoull(style.c_str(), nullptr, 10));
    if (!style.empty() && index < times_.size() && times_[index])
      return {Kind::time, time_of(std::strtod(value.c_str(), nullptr), from_1904_)};
    return {Kind::number, value};
  }

  Zip& zip_;
  const ConversionBounds& bounds_;
  bool from_1904_ = false;
  const std::string part_;
  const Texts texts_;
  const std::vector<bool> times_;
};

std::vector<std::string> header(const Cells& cells) {
  std::vector<std::string> names(cells.back().first + 1);
  for (const auto& [at, cell] : cells) names[at] = cell.text;
  std::set<std::string> taken;
  std::map<std::string, int> more;  // of a name that many columns have
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) names[i] = fmt::format("column{}", i + 1);
    const std::string plain = names[i];
    while (!taken.insert(names[i]).second) names[i] = fmt::format("{}_{}", plain, ++more[plain]);
  }
  return names;
}

/// RFC 8259, "Numbers".
bool is_json_number(std::string_view text) {
  const auto digits = [&] {
    size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
    text.remove_prefix(count);
    return count;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Rows of cells as JSON lines. Only the first one has all columns, which tells their order:
/// elsewhere what is empty takes no room.
class SheetLines {
 public:
  SheetLines(const std::string& to, const ConversionBounds& bounds)
      : to_(to),
        out_(to, std::ios::binary | std::ios::trunc),
        left_(bounds.unpacked_bytes),
        columns_max_(bounds.columns) {}

  /// The next line is to be the `number`th.
  void blank_until(int64_t number) {
    if (number > kRowsMax) bad_workbook("a row is outside of any sheet");
    const auto blank = uint64_t(number - 1 - lines_);
    if (blank > left_) bad_workbook("its rows are longer than unpacked_bytes_max");
    left_ -= blank;
    out_ << std::string(blank, '\n');
    lines_ = number - 1;
  }

  void row(const Cells& cells) {
    if (names_.empty()) {
      if (cells.back().first >= columns_max_)
        bad_workbook(fmt::format("it has {} columns; {} are the most", cells.back().first + 1,
                                 columns_max_));
      names_ = header(cells);
      for (const auto& name : names_) keys_.push_back(quoted(name) + ":");
      kinds_.resize(names_.size());
      return;
    }
    std::string line = "{";
    auto cell = cells.begin();
    for (size_t at = 0; first_ ? at < names_.size() : cell != cells.end(); ++at) {
      if (!first_) at = cell->first;
      if (at >= names_.size()) break;
      const bool there = cell != cells.end() && cell->first == at;
      line += (line.size() > 1 ? "," : "") + keys_[at] + (there ? value(*cell) : "null");
      if (there) ++cell;
    }
    first_ = false;
    line += "}\n";
    if (line.size() > left_) bad_workbook("its rows are longer than unpacked_bytes_max");
    left_ -= line.size();
    out_ << line;
    ++lines_;
  }

  Converted end() {
    out_.close();
    if (!out_) throw system_error(errno, "write", to_);
    Converted found;
    found.columns = names_;
    const auto bit = [](Cell::Kind kind) { return 1 << int(kind); };
    for (size_t i = 0; i < names_.size(); ++i) {
      const int all = kinds_[i];
      if (all == 0) continue;
      if ((all & (all - 1)) != 0 || all == bit(Cell::Kind::text))
        found.types[names_[i]] = "VARCHAR";
      else if (all == bit(Cell::Kind::time))
        found.types[names_[i]] = "TIMESTAMP";
    }
    return found;
  }

 private:
  std::string value(const std::pair<size_t, Cell>& cell) {
    kinds_[cell.first] |= uint8_t(1 << int(cell.second.kind));
    const bool plain = cell.second.kind == Cell::Kind::flag ||
                       (cell.second.kind == Cell::Kind::number && is_json_number(cell.second.text));
    return plain ? cell.second.text : quoted(cell.second.text);
  }

  const std::string to_;
  std::ofstream out_;
  uint64_t left_;  ///< bytes that may still be written
  const size_t columns_max_;
  int64_t lines_ = 0;
  bool first_ = true;
  std::vector<std::string> names_, keys_;
  std::vector<uint8_t> kinds_;  ///< of each column: bits of Cell::Kind
};

}  // namespace

Converted xlsx_to_json_lines(const std::string& from, const std::string& to,
                             const std::string& sheet, int64_t skip, const ConversionBounds& bounds,
                             bool rows_as_lines) {
  Zip zip(from, bounds.unpacked_bytes);
  Sheet cells(zip, sheet, bounds);
  SheetLines lines(to, bounds);
  int64_t passed = 0;
  cells.rows([&](int64_t number, const Cells& row) {
    if (passed++ < skip || row.empty()) return;
    if (rows_as_lines) lines.blank_until(number);
    lines.row(row);
  });
  return lines.end();
}

}  // namespace windrow::sources
