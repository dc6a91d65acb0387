#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "duck/forward.h"
#include "publish/files/kind.h"

/// Private to publish/files: the parts of a delivery that are texts.
namespace windrow::publish {

/// Values for `{name}` and `{name:argument}` in names and lines; one that is not known is an
/// Error(configuration).
class Placeholders {
 public:
  Placeholders(const ViewBatch& view, int64_t sequence, Time now, duck::Connection& connection);
  std::string filled(const std::string& pattern) const;
  void set(const std::string& name, const std::string& value) { plain_[name] = value; }
  /// The columns that totals are asked of, in these lines.
  void count(const std::vector<std::string>& lines, const std::string& select);

 private:
  std::string value_of(const std::string& name, const std::string& argument) const;
  std::string time_text(Time time, const std::string& format) const;

  const ViewBatch& view_;
  duck::Connection& connection_;
  int64_t sequence_;
  Time now_;
  std::map<std::string, std::string> plain_;   ///< batch, view, version, file, rows
  std::map<std::string, std::string> totals_;  ///< `sum:amount`
};

/// A field of a delivery and the SQL that yields its text.
struct ReportColumn {
  ReportField field;
  std::string type;  ///< DuckDB's
  bool number = false;
  std::string text_sql;   ///< VARCHAR, with the field's format
  std::string value_sql;  ///< as it is
};
std::vector<ReportColumn> report_columns(const ViewBatch& view, duck::Connection& connection);

/// Rows as texts of one format (csv, fixed, json, json_lines, xml): what comes before, between and
/// after them, all in UTF-8.
class RowTexts {
 public:
  RowTexts(const ViewBatch& view, std::vector<ReportColumn> columns);
  /// Yields what `append` takes.
  std::string select() const;
  void begin(std::string& out, const std::vector<std::string>& header,
             std::string_view xml_encoding) const;
  using Texts = std::vector<std::optional<std::string_view>>;
  void append(const Texts& row, int64_t number, std::string& out) const;
  void end(std::string& out, const std::vector<std::string>& trailer) const;

 private:
  void csv(std::string_view text, bool null, std::string& out) const;
  void fixed(const ReportColumn& column, std::string_view text, int64_t number,
             std::string& out) const;
  void xml(std::string_view text, std::string& out) const;

  const ViewBatch& view_;
  const ReportFormat& format_;
  std::vector<ReportColumn> columns_;
  std::string newline_;
};

}  // namespace windrow::publish
