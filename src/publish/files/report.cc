#include "publish/files/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/files/encoding.h"

namespace windrow::publish {

namespace {

using duck::quote_name;
using duck::quote_text;

/// Calls `found` for each `{name}` and `{name:argument}`; `{{` is a brace.
void each_placeholder(const std::string& pattern, const std::function<void(char)>& plain,
                      const std::function<void(const std::string&, const std::string&)>& found) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool twice = i + 1 < pattern.size() && pattern[i] == pattern[i + 1];
    if ((pattern[i] == '{' || pattern[i] == '}') && twice) {
      plain(pattern[i++]);
    } else if (pattern[i] == '{') {
      const size_t end = pattern.find('}', i);
      if (end == std::string::npos)
        throw Error(Code::configuration, "\"" + pattern + "\": a brace is not closed");
      const std::string inside = pattern.substr(i + 1, end - i - 1);
      const size_t colon = inside.find(':');
      found(inside.substr(0, colon), colon == std::string::npos ? "" : inside.substr(colon + 1));
      i = end;
    } else {
      plain(pattern[i]);
    }
  }
}

/// `06`: at least six digits.
std::string padded(const std::string& number, const std::string& width) {
  if (width.empty()) return number;
  size_t digits = 0;
  std::from_chars(width.data(), width.data() + width.size(), digits);
  return number.size() >= digits ? number : std::string(digits - number.size(), '0') + number;
}

bool is_number(const std::string& type) {
  static const std::set<std::string> all = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                            "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                            "UBIGINT", "FLOAT",    "DOUBLE"};
  return all.contains(type) || type.starts_with("DECIMAL(");
}

/// `0000.00`, `0000V00` (the mark is left out), `00000`.
std::string number_sql(const std::string& value, const std::string& format) {
  const size_t mark = format.find_first_of(".V");
  const size_t whole = mark == std::string::npos ? format.size() : mark;
  const size_t places = mark == std::string::npos ? 0 : format.size() - mark - 1;
  const std::string text =
      fmt::format("CAST(CAST({} AS DECIMAL(38,{})) AS VARCHAR)", value, places);
  const std::string digits = fmt::format("ltrim({}, '-')", text);
  const size_t width = whole + (places > 0 ? places + 1 : 0);
  std::string out = fmt::format(
      "CASE WHEN {0} LIKE '-%' THEN '-' ELSE '' END || CASE WHEN length({1}) >= {2} THEN {1} ELSE "
      "lpad({1}, {2}, '0') END",
      text, digits, width);
  if (mark != std::string::npos && format[mark] == 'V') out = "replace(" + out + ", '.', '')";
  return "(" + out + ")";
}

std::string text_sql(const ReportColumn& column, const ViewBatch& view) {
  const auto& format = column.field.format;
  const std::string& value = column.value_sql;
  std::string out = "CAST(" + value + " AS VARCHAR)";
  const bool zoned = column.type == "TIMESTAMP WITH TIME ZONE";
  const std::string local = zoned ? value + " AT TIME ZONE " + quote_text(view.change.zone) : value;
  if (!format.empty()) {
    if (zoned || column.type == "DATE" || column.type.starts_with("TIMESTAMP")) {
      out = "strftime(" + local + ", " + quote_text(format) + ")";
    } else if (column.number && format.find_first_not_of("0.V") == std::string::npos) {
      out = number_sql(value, format);
    } else {
      throw Error(Code::configuration,
                  fmt::format("field \"{}\": the format \"{}\" does not fit a {}",
                              column.field.name, format, column.type),
                  "times take strftime's %Y-%m-%d, numbers zeros such as 0.00", column.field.place);
    }
  } else if (zoned) {
    out = "CAST(" + value + " AT TIME ZONE 'UTC' AS VARCHAR) || 'Z'";
  }
  if (column.number && report_format(view.settings).decimal == ",")
    out = "replace(" + out + ", '.', ',')";
  return out;
}

}  // namespace

Placeholders::Placeholders(const ViewBatch& view, int64_t sequence, Time now,
                           duck::Connection& connection)
    : view_(view), connection_(connection), sequence_(sequence), now_(now) {
  plain_["batch"] = view.manifest.batch_id;
  plain_["view"] = view.table;
  plain_["version"] = std::to_string(view.manifest.source_version);
}

void Placeholders::count(const std::vector<std::string>& lines, const std::string& select) {
  std::vector<std::string> wanted;
  for (const auto& line : lines) {
    each_placeholder(
        line, [](char) {},
        [&](const std::string& name, const std::string& column) {
          if (name == "sum" || name == "min" || name == "max")
            wanted.push_back(name + ":" + column);
        });
  }
  std::string sql = "SELECT CAST(count(*) AS VARCHAR)";
  for (const auto& each : wanted) {
    const std::string function = each.substr(0, 3);
    sql += fmt::format(", coalesce(CAST({}({}) AS VARCHAR), '{}')", function,
                       quote_name(each.substr(4)), function == "sum" ? "0" : "");
  }
  const auto totals = connection_.query(sql + " FROM (\n" + select + "\n)");
  plain_["rows"] = cell_text(totals.rows[0][0]);
  for (size_t i = 0; i < wanted.size(); ++i) totals_[wanted[i]] = cell_text(totals.rows[0][i + 1]);
}

std::string Placeholders::time_text(Time time, const std::string& format) const {
  const auto text = connection_.value(
      "SELECT strftime(make_timestamptz($at::BIGINT) AT TIME ZONE $zone, $format)",
      {{"at", micros(time)},
       {"zone", view_.change.zone},
       {"format", format.empty() ? std::string("%Y%m%d") : format}});
  return cell_text(text);
}

std::string Placeholders::value_of(const std::string& name, const std::string& argument) const {
  if (name == "date") return time_text(now_, argument);
  if (name == "boundary") {
    if (view_.manifest.boundary) return time_text(*view_.manifest.boundary, argument);
    throw Error(Code::configuration,
                fmt::format("view \"{}\": {{boundary}} is asked for, and its tables have none",
                            view_.table),
                "only models by intervals have one; use {date}", view_.settings.place);
  }
  if (name == "sequence") return padded(std::to_string(sequence_), argument);
  if (const auto found = plain_.find(name); found != plain_.end())
    return name == "rows" || name == "version" ? padded(found->second, argument) : found->second;
  if (const auto found = totals_.find(name + ":" + argument); found != totals_.end())
    return found->second;
  throw Error(
      Code::configuration,
      fmt::format("view \"{}\": \"{{{}}}\" is not known here", view_.table, name),
      "date, boundary, sequence, version, batch, view; in lines also rows, file, sum:COLUMN, "
      "min:COLUMN, max:COLUMN",
      view_.settings.place);
}

std::string Placeholders::filled(const std::string& pattern) const {
  std::string out;
  each_placeholder(
      pattern, [&](char c) { out += c; },
      [&](const std::string& name, const std::string& argument) {
        out += value_of(name, argument);
      });
  return out;
}

std::vector<ReportColumn> report_columns(const ViewBatch& view, duck::Connection& connection) {
  const auto sent = connection.describe(view.select);
  std::vector<ReportColumn> out;
  const auto add = [&](ReportField field) {
    ReportColumn column;
    column.field = std::move(field);
    if (!column.field.text.empty()) {
      column.value_sql = column.text_sql = quote_text(column.field.text);
      column.type = "VARCHAR";
      out.push_back(std::move(column));
      return;
    }
    const std::string& name = column.field.column.empty() ? column.field.name : column.field.column;
    const auto found =
        std::find_if(sent.begin(), sent.end(), [&](const auto& c) { return c.name == name; });
    if (found == sent.end())
      throw Error(Code::configuration,
                  fmt::format("field \"{}\": the view \"{}\" has no column \"{}\"",
                              column.field.name, view.table, name),
                  "", column.field.place);
    column.type = found->type;
    column.number = is_number(found->type);
    column.value_sql = quote_name(name);
    column.text_sql = text_sql(column, view);
    out.push_back(std::move(column));
  };
  for (const auto& field : report_format(view.settings).fields) add(field);
  if (out.empty()) {
    for (const auto& column : sent) {
      ReportField field;
      field.name = column.name;
      add(std::move(field));
    }
  }
  return out;
}

RowTexts::RowTexts(const ViewBatch& view, std::vector<ReportColumn> columns)
    : view_(view),
      format_(report_format(view.settings)),
      columns_(std::move(columns)),
      newline_(format_.newline == "crlf" ? "\r\n" : "\n") {
  if (format_.format != "xml") return;
  const auto refuse = [&](const std::string& name) {
    const bool odd =
        name.empty() ||
        name.find_first_of(" <>&\"'/=!?;,()[]{}+*@#$%^|\\~`\t\n") != std::string::npos ||
        (name[0] >= '0' && name[0] <= '9') || name[0] == '-' || name[0] == '.';
    if (odd)
      throw Error(Code::configuration, "\"" + name + "\" cannot be the name of an XML element",
                  "give the field another name under fields:", format_.place);
  };
  refuse(format_.root);
  refuse(format_.row);
  for (const auto& column : columns_) refuse(column.field.name);
}

std::string RowTexts::select() const {
  std::string list;
  if (format_.format == "json" || format_.format == "json_lines") {
    for (const auto& column : columns_) {
      const bool real = column.type == "DOUBLE" || column.type == "FLOAT";
      const std::string value =
          !column.field.format.empty() ? column.text_sql
          : real ? "CASE WHEN isfinite(" + column.value_sql + ") THEN " + column.value_sql + " END"
                 : column.value_sql;
      list += (list.empty() ? "" : ", ") + quote_name(column.field.name) + " := " + value;
    }
    list = "CAST(to_json(struct_pack(" + list + ")) AS VARCHAR)";
  } else {
    for (const auto& column : columns_) list += (list.empty() ? "" : ", ") + column.text_sql;
  }
  return "SELECT " + list + " FROM (\n" + view_.select + "\n)";
}

void RowTexts::begin(std::string& out, const std::vector<std::string>& header,
                     std::string_view xml_encoding) const {
  for (const auto& line : header) out += line + newline_;
  if (format_.format == "csv" && format_.columns) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += format_.delimiter;
      csv(columns_[i].field.name, false, out);
    }
    out += newline_;
  }
  if (format_.format == "json") out += "[";
  if (format_.format == "xml")
    out += fmt::format("<?xml version=\"1.0\" encoding=\"{}\"?>{}<{}>{}", xml_encoding, newline_,
                       format_.root, newline_);
}

void RowTexts::append(const Texts& row, int64_t number, std::string& out) const {
  if (format_.format == "json") out += number > 1 ? "," + newline_ : newline_;
  if (format_.format.starts_with("json")) {
    out += *row[0];
    if (format_.format == "json_lines") out += newline_;
    return;
  }
  if (format_.format == "xml") out += "  <" + format_.row + ">";
  for (size_t i = 0; i < row.size(); ++i) {
    const std::string_view text = row[i] ? *row[i] : std::string_view(format_.null);
    if (format_.format == "csv") {
      if (i > 0) out += format_.delimiter;
      csv(text, !row[i], out);
    } else if (format_.format == "fixed") {
      fixed(columns_[i], text, number, out);
    } else if (row[i] || !format_.null.empty()) {
      out += "<" + columns_[i].field.name + ">";
      xml(text, out);
      out += "</" + columns_[i].field.name + ">";
    }
  }
  if (format_.format == "xml") out += "</" + format_.row + ">";
  out += newline_;
}

void RowTexts::end(std::string& out, const std::vector<std::string>& trailer) const {
  if (format_.format == "json") out += newline_ + "]" + newline_;
  if (format_.format == "xml") out += "</" + format_.root + ">" + newline_;
  for (const auto& line : trailer) out += line + newline_;
}

void RowTexts::csv(std::string_view text, bool null, std::string& out) const {
  const std::string& quote = format_.quote;
  // A text that reads like NULL is told apart from it by its quotes.
  const bool needed =
      !null && (text == format_.null || text.find(format_.delimiter) != std::string_view::npos ||
                text.find_first_of("\r\n") != std::string_view::npos ||
                (!quote.empty() && text.find(quote) != std::string_view::npos));
  if (quote.empty()) {
    if (needed && text != format_.null)
      throw Error(Code::data,
                  fmt::format("view \"{}\": the text \"{}\" needs quotes, and the format has none",
                              view_.table, text),
                  "set quote, or another delimiter", format_.place);
    out += text;
    return;
  }
  if (!needed && (!format_.quote_all || null)) {
    out += text;
    return;
  }
  out += quote;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(quote)) {
      out += quote + quote;
      at += quote.size();
    } else {
      out += text[at++];
    }
  }
  out += quote;
}

void RowTexts::fixed(const ReportColumn& column, std::string_view text, int64_t number,
                     std::string& out) const {
  const size_t width = size_t(column.field.width);
  size_t length = characters(text);
  if (length > width) {
    if (!format_.cut)
      throw Error(Code::data,
                  fmt::format("view \"{}\", row {}: \"{}\" is longer than the {} characters of the "
                              "field \"{}\"",
                              view_.table, number, text, width, column.field.name),
                  "make the field wider, or say cut: true", column.field.place);
    text = first_characters(text, width);
    length = width;
  }
  if (text.find_first_of("\r\n") != std::string_view::npos)
    throw Error(Code::data,
                fmt::format("view \"{}\", row {}: the field \"{}\" holds an end of line",
                            view_.table, number, column.field.name),
                "replace it in the SELECT", column.field.place);
  const std::string pad = column.field.pad.empty() ? " " : column.field.pad;
  std::string filling;
  for (size_t i = length; i < width; ++i) filling += pad;
  const bool right = column.field.align.empty() ? column.number : column.field.align == "right";
  if (right) out += filling;
  out += text;
  if (!right) out += filling;
}

void RowTexts::xml(std::string_view text, std::string& out) const {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\r': out += "&#13;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
          throw Error(Code::data,
                      fmt::format("view \"{}\": the character U+{:04X} has no place in XML",
                                  view_.table, static_cast<unsigned>(c)),
                      "replace it in the SELECT", format_.place);
        out += c;
    }
  }
}

}  // namespace windrow::publish
