#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/time.h"
#include "clients/deflate.h"
#include "sources/files/conversion.h"

/// Excel workbooks: a ZIP archive (PKWARE APPNOTE 6.3, without encryption and ZIP64) of XML parts
/// (ECMA-376, SpreadsheetML). Cells refer to shared texts and to styles, which tell dates from
/// numbers.
namespace windrow::sources {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kPartMax = 1ull << 30;

[[noreturn]] void broken(const std::string& what) {
  throw Error(Code::corrupt, "broken Excel file: " + what);
}

template <class T>
T number_at(std::string_view bytes, size_t at) {
  if (at + sizeof(T) > bytes.size()) broken("it ends too early");
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

/// The parts of the archive by name.
class Zip {
 public:
  explicit Zip(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(Code::permission, "cannot read file \"" + path + "\"");
    all_.assign(std::istreambuf_iterator<char>(in), {});
    const size_t end = all_.rfind("PK\x05\x06");
    if (end == std::string::npos) broken("it is no ZIP archive, or only a part of one");
    const auto count = number_at<uint16_t>(all_, end + 10);
    size_t at = number_at<uint32_t>(all_, end + 16);
    for (int i = 0; i < count; ++i) {
      if (number_at<uint32_t>(all_, at) != 0x02014b50) broken("its list of parts");
      const auto name = number_at<uint16_t>(all_, at + 28);
      if (at + 46 + name > all_.size()) broken("it ends too early");
      parts_[all_.substr(at + 46, name)] = at;
      at += 46 + name + number_at<uint16_t>(all_, at + 30) + number_at<uint16_t>(all_, at + 32);
    }
  }
  bool has(const std::string& name) const { return parts_.contains(name); }
  std::string part(const std::string& name) const {
    const auto found = parts_.find(name);
    if (found == parts_.end()) broken("it has no part \"" + name + "\"");
    const size_t at = found->second;
    const auto method = number_at<uint16_t>(all_, at + 10);
    const auto size = number_at<uint32_t>(all_, at + 20);
    const size_t local = number_at<uint32_t>(all_, at + 42);
    const size_t data =
        local + 30 + number_at<uint16_t>(all_, local + 26) + number_at<uint16_t>(all_, local + 28);
    if (data + size > all_.size()) broken("it ends too early");
    const std::string_view packed(all_.data() + data, size);
    if (method == 0) return std::string(packed);
    if (method == 8) return clients::inflated(packed, kPartMax);
    broken("a part is packed in a way that is not read");
  }

 private:
  std::string all_;
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
      if (code < 0x80) {
        out += char(code);
      } else if (code < 0x800) {
        out += {char(0xC0 | code >> 6), char(0x80 | (code & 63))};
      } else if (code < 0x10000) {
        out += {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
      } else {
        out += {char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 63)),
                char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
      }
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

/// One step through an XML text: a tag (its name without prefix, its attributes) or the text before
/// it. Enough for the parts of a workbook, whose elements never nest in themselves.
class Tags {
 public:
  explicit Tags(std::string_view xml) : rest_(xml) {}
  std::string_view name, attributes, text;  ///< `text`: between the tag before and this one
  bool closing = false, empty = false;

  bool next() {
    const size_t begin = rest_.find('<');
    if (begin == std::string_view::npos) return false;
    text = rest_.substr(0, begin);
    rest_.remove_prefix(begin + 1);
    if (rest_.starts_with("!--")) {
      const size_t over = rest_.find("-->");
      rest_.remove_prefix(over == std::string_view::npos ? rest_.size() : over + 3);
      return next();
    }
    const size_t end = rest_.find('>');
    if (end == std::string_view::npos) broken("a part ends within a tag");
    std::string_view tag = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    closing = tag.starts_with('/');
    if (closing) tag.remove_prefix(1);
    empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    const size_t blank = std::min(tag.find_first_of(" \t\r\n"), tag.size());
    name = tag.substr(0, blank);
    attributes = tag.substr(blank);
    if (const size_t colon = name.find(':'); colon != std::string_view::npos)
      name.remove_prefix(colon + 1);
    return true;
  }

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

 private:
  std::string_view rest_;
};

std::vector<std::string> shared_texts(const Zip& zip) {
  std::vector<std::string> out;
  if (!zip.has("xl/sharedStrings.xml")) return out;
  const std::string xml = zip.part("xl/sharedStrings.xml");
  bool phonetic = false;
  for (Tags tags(xml); tags.next();) {
    if (tags.name == "si" && !tags.closing) out.emplace_back();
    if (tags.name == "rPh") phonetic = !tags.closing && !tags.empty;
    if (tags.name == "t" && tags.closing && !phonetic && !out.empty())
      out.back() += unescaped(tags.text);
  }
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
std::vector<bool> time_styles(const Zip& zip) {
  std::vector<bool> out;
  if (!zip.has("xl/styles.xml")) return out;
  const std::string xml = zip.part("xl/styles.xml");
  std::map<std::string, bool> formats;
  for (int id : {14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47})
    formats[std::to_string(id)] = true;
  bool cells = false;
  for (Tags tags(xml); tags.next();) {
    if (tags.name == "numFmt")
      formats[tags.attribute("numFmtId")] = shows_time(tags.attribute("formatCode"));
    if (tags.name == "cellXfs") cells = !tags.closing;
    if (tags.name == "xf" && cells && !tags.closing)
      out.push_back(formats.contains(tags.attribute("numFmtId")) &&
                    formats[tags.attribute("numFmtId")]);
  }
  return out;
}

/// The part that a sheet lies in, and whether days count from 1904.
std::string part_of_sheet(const Zip& zip, const std::string& wanted, bool& from_1904) {
  const std::string workbook = zip.part("xl/workbook.xml");
  std::string id, names;
  for (Tags tags(workbook); tags.next();) {
    if (tags.name == "workbookPr") {
      const std::string value = tags.attribute("date1904");
      from_1904 = value == "1" || value == "true";
    }
    if (tags.name != "sheet" || tags.closing) continue;
    const std::string name = tags.attribute("name");
    names += (names.empty() ? "\"" : ", \"") + name + "\"";
    if (id.empty() && (wanted.empty() || wanted == name)) id = tags.attribute("id");
    if (wanted == name) id = tags.attribute("id");
  }
  if (id.empty())
    throw Error(Code::not_found, "the workbook has no sheet \"" + wanted + "\"", "it has " + names);
  // `id` may be found as part of `sheetId`; relations are by r:id.
  const std::string relations = zip.part("xl/_rels/workbook.xml.rels");
  for (Tags tags(relations); tags.next();) {
    if (tags.name != "Relationship" || tags.attribute("Id") != id) continue;
    const std::string target = tags.attribute("Target");
    return target.starts_with('/') ? target.substr(1) : "xl/" + target;
  }
  broken("its sheet has no part");
}

/// `BC12` → 54
size_t column_of(const std::string& reference) {
  size_t out = 0;
  for (const char c : reference) {
    if (c < 'A' || c > 'Z') break;
    out = out * 26 + size_t(c - 'A' + 1);
    if (out > 16384) broken("a cell is outside of any sheet");
  }
  return out == 0 ? 0 : out - 1;
}

struct Cell {
  enum class Kind { none, number, text, flag, time } kind = Kind::none;
  std::string text;
};

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
  Sheet(const Zip& zip, const std::string& wanted) {
    const std::string part = part_of_sheet(zip, wanted, from_1904_);
    texts_ = shared_texts(zip);
    times_ = time_styles(zip);
    xml_ = zip.part(part);
  }

  template <class Row>
  void rows(const Row& row) {
    std::vector<Cell> cells;
    size_t at = 0;
    std::string type, style, value, line;
    bool whole = false;
    for (Tags tags(xml_); tags.next();) {
      if (tags.name == "sheetData" && (tags.closing || tags.empty)) whole = true;
      if (tags.name == "row" && !tags.closing) cells.clear();
      if (tags.name == "c" && !tags.closing) {
        const std::string reference = tags.attribute("r");
        at = reference.empty() ? cells.size() : column_of(reference);
        type = tags.attribute("t");
        style = tags.attribute("s");
        value.clear();
      }
      if ((tags.name == "v" || tags.name == "t") && tags.closing) value += unescaped(tags.text);
      if (tags.name == "c" && tags.closing) {
        if (cells.size() <= at) cells.resize(at + 1);
        cells[at] = cell(type, style, value);
      }
      if (tags.name == "row" && tags.closing) row(cells);
    }
    if (!whole) broken("its sheet ends too early");
  }

 private:
  Cell cell(const std::string& type, const std::string& style, const std::string& value) const {
    using Kind = Cell::Kind;
    if (value.empty() || type == "e") return {};
    if (type == "s") {
      const size_t index = size_t(std::strtoull(value.c_str(), nullptr, 10));
      if (index >= texts_.size()) broken("a cell names a text that is not there");
      return {Kind::text, texts_[index]};
    }
    if (type == "inlineStr" || type == "str") return {Kind::text, value};
    if (type == "b") return {Kind::flag, value == "1" ? "true" : "false"};
    if (type == "d") return {Kind::time, value};
    const size_t index = size_t(std::strtoull(style.c_str(), nullptr, 10));
    if (!style.empty() && index < times_.size() && times_[index])
      return {Kind::time, time_of(std::strtod(value.c_str(), nullptr), from_1904_)};
    return {Kind::number, value};
  }

  bool from_1904_ = false;
  std::vector<std::string> texts_;
  std::vector<bool> times_;
  std::string xml_;
};

std::vector<std::string> header(const std::vector<Cell>& cells) {
  std::vector<std::string> names;
  for (size_t i = 0; i < cells.size(); ++i) {
    std::string name = cells[i].text;
    if (name.empty()) name = fmt::format("column{}", i + 1);
    const std::string plain = name;
    for (int n = 1; std::find(names.begin(), names.end(), name) != names.end(); ++n)
      name = fmt::format("{}_{}", plain, n);
    names.push_back(name);
  }
  return names;
}

}  // namespace

ColumnTypes xlsx_to_json_lines(const std::string& from, const std::string& to,
                               const std::string& sheet, int64_t skip) {
  const Zip zip(from);
  Sheet cells(zip, sheet);
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  std::vector<std::string> names;
  std::map<std::string, std::set<Cell::Kind>> kinds;
  int64_t row_number = 0;
  cells.rows([&](const std::vector<Cell>& row) {
    if (row_number++ < skip) return;
    const bool blank = std::all_of(row.begin(), row.end(),
                                   [](const Cell& c) { return c.kind == Cell::Kind::none; });
    if (blank) return;
    if (names.empty()) {
      names = header(row);
      return;
    }
    Json record = Json::object();
    for (size_t i = 0; i < names.size(); ++i) {
      const Cell cell = i < row.size() ? row[i] : Cell{};
      if (cell.kind != Cell::Kind::none) kinds[names[i]].insert(cell.kind);
      if (cell.kind == Cell::Kind::none)
        record[names[i]] = nullptr;
      else if (cell.kind == Cell::Kind::number || cell.kind == Cell::Kind::flag)
        record[names[i]] = Json::parse(cell.text, nullptr, false);
      else
        record[names[i]] = cell.text;
      if (record[names[i]].is_discarded()) record[names[i]] = cell.text;
    }
    out << record.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  });
  out.close();
  if (!out) throw system_error(errno, "write", to);
  ColumnTypes types;
  for (const auto& [name, all] : kinds) {
    if (all.size() > 1)
      types[name] = "VARCHAR";
    else if (*all.begin() == Cell::Kind::time)
      types[name] = "TIMESTAMP";
    else if (*all.begin() == Cell::Kind::text)
      types[name] = "VARCHAR";
  }
  return types;
}

}  // namespace windrow::sources
