#include "publish/files/excel_file.h"

#include <fmt/format.h>
#include <xlsxwriter.h>

#include <cmath>
#include <memory>

#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::publish {

namespace {

constexpr uint32_t kRowsMax = 1048576;
constexpr size_t kTextMax = 32767;  // characters of a cell

enum class CellKind { text, number, truth, date, time };

CellKind cell_of(const ReportColumn& column) {
  if (!column.field.format.empty()) return CellKind::text;
  if (column.type == "BOOLEAN") return CellKind::truth;
  if (column.type == "DATE") return CellKind::date;
  if (column.type.starts_with("TIMESTAMP")) return CellKind::time;
  // A cell keeps fifteen digits.
  if (column.type.starts_with("DECIMAL("))
    return std::atoi(column.type.c_str() + 8) <= 15 ? CellKind::number : CellKind::text;
  return column.number && column.type != "HUGEINT" ? CellKind::number : CellKind::text;
}

/// SQL of a cell's value, as a number where Excel keeps one: dates are days since 1899-12-30.
std::string cell_sql(const ReportColumn& column, const std::string& zone) {
  const std::string& value = column.value_sql;
  switch (cell_of(column)) {
    case CellKind::number: return "CAST(" + value + " AS DOUBLE)";
    case CellKind::truth: return value;
    case CellKind::date: return "CAST(datediff('day', DATE '1899-12-30', " + value + ") AS DOUBLE)";
    case CellKind::time: {
      const std::string local = column.type == "TIMESTAMP WITH TIME ZONE"
                                    ? value + " AT TIME ZONE " + duck::quote_text(zone)
                                    : "CAST(" + value + " AS TIMESTAMP)";
      return "(epoch_us(" + local + ") / 86400000000.0 + 25569)";
    }
    case CellKind::text: break;
  }
  return column.text_sql;
}

void check(lxw_error error, const std::string& path) {
  if (error == LXW_NO_ERROR) return;
  throw Error(error == LXW_ERROR_CREATING_XLSX_FILE || error == LXW_ERROR_CREATING_TMPFILE
                  ? Code::permission
                  : Code::internal,
              fmt::format("cannot write the Excel file \"{}\": {}", path, lxw_strerror(error)),
              "look at the space and the rights of the folder for temporary files");
}

}  // namespace

int64_t write_excel(const std::string& path, const ViewBatch& view,
                    const std::vector<ReportColumn>& columns, duck::Connection& connection) {
  lxw_workbook_options options{};
  options.constant_memory = LXW_TRUE;
  std::unique_ptr<lxw_workbook, void (*)(lxw_workbook*)> book(
      workbook_new_opt(path.c_str(), &options), [](lxw_workbook* b) { lxw_workbook_free(b); });
  if (!book) throw Error(Code::internal, "cannot begin an Excel file");
  const auto& format = report_format(view.settings);
  check(workbook_validate_sheet_name(book.get(), format.sheet.c_str()), path);
  auto* sheet = workbook_add_worksheet(book.get(), format.sheet.c_str());
  auto* date = workbook_add_format(book.get());
  format_set_num_format(date, "yyyy-mm-dd");
  auto* time = workbook_add_format(book.get());
  format_set_num_format(time, "yyyy-mm-dd hh:mm:ss");
  std::string select;
  for (const auto& column : columns)
    select += (select.empty() ? "" : ", ") + cell_sql(column, view.change.zone);
  uint32_t at = 0;
  if (format.columns) {
    for (size_t i = 0; i < columns.size(); ++i)
      worksheet_write_string(sheet, 0, lxw_col_t(i), columns[i].field.name.c_str(), nullptr);
    ++at;
  }
  int64_t rows = 0;
  connection.stream(
      "SELECT " + select + " FROM (\n" + view.select + "\n)", {}, {},
      [&](const std::vector<Cell>& row) {
        if (at >= kRowsMax)
          throw Error(Code::data,
                      fmt::format("view \"{}\" has more rows than the {} of an Excel sheet",
                                  view.table, kRowsMax),
                      "narrow its SELECT, or deliver it as csv or parquet", format.place);
        for (size_t i = 0; i < row.size(); ++i) {
          const auto column = lxw_col_t(i);
          if (const auto* number = std::get_if<double>(&row[i])) {
            const auto kind = cell_of(columns[i]);
            if (std::isfinite(*number)) {
              worksheet_write_number(sheet, at, column, *number,
                                     kind == CellKind::date   ? date
                                     : kind == CellKind::time ? time
                                                              : nullptr);
            } else {
              worksheet_write_string(sheet, at, column, cell_text(row[i]).c_str(), nullptr);
            }
          } else if (const auto* truth = std::get_if<bool>(&row[i])) {
            worksheet_write_boolean(sheet, at, column, *truth, nullptr);
          } else if (!std::holds_alternative<std::monostate>(row[i])) {
            const std::string text = cell_text(row[i]);
            if (text.size() > kTextMax)
              throw Error(Code::data,
                          fmt::format("view \"{}\", row {}: a text is too long for an Excel cell",
                                      view.table, rows + 1),
                          "cut it in the SELECT", format.place);
            worksheet_write_string(sheet, at, column, text.c_str(), nullptr);
          } else if (!format.null.empty()) {
            worksheet_write_string(sheet, at, column, format.null.c_str(), nullptr);
          }
        }
        ++at;
        ++rows;
        return true;
      });
  check(workbook_close(book.release()), path);
  return rows;
}

}  // namespace windrow::publish
