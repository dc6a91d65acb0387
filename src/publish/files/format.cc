#include <fmt/format.h>

#include <algorithm>

#include "publish/files/kind.h"

namespace windrow::publish {
namespace {

using project::boolean_type;
using project::integer_type;
using project::Keys;
using project::list_type;
using project::Node;
using project::one_or_list_type;
using project::Reading;
using project::text_type;
using project::Type;
using project::word_type;

Type<ReportField> field_type() {
  return Keys<ReportField>("field")
      .required("name", &ReportField::name, text_type(), "What the receiver calls it.")
      .optional("column", &ReportField::column, text_type(), "its name", "The column it shows.")
      .optional("text", &ReportField::text, text_type(), "", "A constant, in place of a column.")
      .optional("width", &ReportField::width, integer_type(1), "",
                "Of fixed: how many characters it takes.")
      .optional("align", &ReportField::align, word_type({"left", "right"}),
                "numbers right, else left", "Of fixed: where the padding goes.")
      .optional("pad", &ReportField::pad, text_type(), "a blank", "Of fixed: what fills it up.")
      .optional("format", &ReportField::format, text_type(), "",
                "Of times: as in strftime, `%d.%m.%Y`; of numbers: `0.00` rounds to two places, "
                "`00000` fills up with zeros.")
      .then([](const Node& node, Reading& reading, ReportField& field) {
        field.place = reading.place(node);
        if (!field.text.empty() && !field.column.empty())
          reading.problem(node, "a field has \"column\" or \"text\", not both");
      })
      .type();
}

/// Keys that do something in some formats alone.
void check_format_keys(const Node& node, Reading& reading, const std::string& format) {
  static const std::vector<std::pair<const char*, std::vector<std::string>>> only = {
      {"delimiter", {"csv"}},
      {"quote", {"csv"}},
      {"quote_all", {"csv"}},
      {"columns", {"csv", "excel"}},
      {"nulls", {"csv", "fixed", "xml", "excel"}},
      {"decimal", {"csv", "fixed", "xml"}},
      {"newline", {"csv", "fixed", "xml", "json", "json_lines"}},
      {"cut", {"fixed"}},
      {"root", {"xml"}},
      {"row", {"xml"}},
      {"sheet", {"excel"}}};
  for (const auto& [key, formats] : only) {
    if (!node.find(key) || std::find(formats.begin(), formats.end(), format) != formats.end())
      continue;
    std::string hint;
    for (const auto& each : formats) hint += (hint.empty() ? "it goes with " : ", ") + each;
    reading.problem(*node.find(key),
                    "\"" + std::string(key) + "\" does nothing in the format \"" + format + "\"",
                    hint);
  }
  const auto* fields = node.find("fields");
  if (!fields || format == "fixed") return;
  for (const auto& field : fields->items) {
    for (const char* key : {"width", "align", "pad"}) {
      if (const auto* found = field.find(key))
        reading.problem(*found,
                        "\"" + std::string(key) + "\" goes with the format \"fixed\" alone");
    }
  }
}

void check_report(const Node& node, Reading& reading, ReportFormat& report) {
  report.place = reading.place(node);
  if (!report.format.empty()) check_format_keys(node, reading, report.format);
  const bool lines = report.format == "csv" || report.format == "fixed";
  if (!lines && (!report.header.empty() || !report.trailer.empty()))
    reading.problem(node, "only csv and fixed have \"header\" and \"trailer\"",
                    "write a control file: control: {name: …, lines: […]}");
  if (report.format == "fixed") {
    if (report.fields.empty())
      reading.problem(node, "format \"fixed\" needs \"fields\", each with a \"width\"");
    for (const auto& field : report.fields) {
      if (field.width == 0)
        reading.problem(node, "field \"" + field.name + "\" of a fixed format needs a \"width\"");
    }
  }
  if ((report.format == "parquet" || report.format == "excel") && report.encoding != "utf-8")
    reading.problem(node, "format \"" + report.format + "\" has an encoding of its own");
  if (report.delimiter.empty()) reading.problem(node, "\"delimiter\" must not be empty");
}

struct Control {
  std::string name;
  std::vector<std::string> lines;
};

Type<ReportFormat> format_type() {
  const auto control = Keys<Control>("control file")
                           .required("name", &Control::name, text_type(),
                                     "Its name; may hold `{file}` and what `name` may hold.")
                           .required("lines", &Control::lines, list_type(text_type()),
                                     "Its lines, with placeholders.")
                           .type();
  const auto lines = [] { return one_or_list_type(text_type()); };
  return Keys<ReportFormat>("report")
      .required("format", &ReportFormat::format,
                word_type({"csv", "json", "json_lines", "fixed", "xml", "excel", "parquet"}),
                "The form of the file.")
      .required("name", &ReportFormat::name, text_type(),
                "Its name, folders included: `{date:%Y%m%d}`, `{boundary:%Y%m%d%H}`, "
                "`{sequence:06}`, `{version}`, `{batch}`.")
      .optional("encoding", &ReportFormat::encoding,
                word_type({"utf-8", "utf-8-bom", "utf-16", "latin-1", "windows-1252", "ascii"}),
                "utf-8", "How characters become bytes; one that has no place is an error.")
      .optional("newline", &ReportFormat::newline, word_type({"lf", "crlf"}), "lf",
                "How a line ends.")
      .optional("delimiter", &ReportFormat::delimiter, text_type(), ",", "Of csv.")
      .optional("quote", &ReportFormat::quote, text_type(), "\"",
                "Of csv; empty: what would need quotes is an error.")
      .optional("quote_all", &ReportFormat::quote_all, boolean_type(), "false",
                "Of csv: quotes around every value.")
      .optional("columns", &ReportFormat::columns, boolean_type(), "true",
                "Of csv and excel: a first line with the fields' names.")
      .optional("nulls", &ReportFormat::null, text_type(), "", "What stands for NULL.")
      .optional("decimal", &ReportFormat::decimal, word_type({".", ","}), ".", "The decimal mark.")
      .optional("cut", &ReportFormat::cut, boolean_type(), "false",
                "Of fixed: what is too long is cut off; else it is an error.")
      .optional("root", &ReportFormat::root, text_type(), "rows", "Of xml: the outer element.")
      .optional("row", &ReportFormat::row, text_type(), "row", "Of xml: the element of a row.")
      .optional("sheet", &ReportFormat::sheet, text_type(), "data", "Of excel: the sheet.")
      .optional("header", &ReportFormat::header, lines(), "",
                "Lines before the rows: `{date:…}`, `{sequence:…}`, `{rows}`, `{sum:COLUMN}`, "
                "`{min:COLUMN}`, `{max:COLUMN}`; `{rows:08}` fills up with zeros.")
      .optional("trailer", &ReportFormat::trailer, lines(), "", "Lines after the rows.")
      .optional("fields", &ReportFormat::fields, list_type(field_type()), "every column",
                "The columns, in the receiver's order and names.")
      .optional("checksum", &ReportFormat::checksum, word_type({"sha256"}), "",
                "A file beside, `NAME.sha256`, as sha256sum writes it.")
      .bound(false, "control", control, "", "A control file beside, delivered last.",
             [](ReportFormat& report, Control&& made, const Node&, Reading&) {
               report.control_name = std::move(made.name);
               report.control = std::move(made.lines);
             })
      .then(check_report)
      .type();
}

/// Everything that the bytes of a delivery depend on.
std::string as_text(const project::PublishedView& view) {
  std::string out(kNothingOfItsOwn);
  const auto* file = project::own<ReportFormat>(view);
  if (!file) return out;
  out += fmt::format(
      "|{}", fmt::join(std::vector<std::string>{file->format, file->name, file->encoding,
                                                file->newline, file->delimiter, file->quote,
                                                file->null, file->decimal, file->root, file->row,
                                                file->sheet, file->checksum, file->control_name},
                       "\x1f"));
  out += fmt::format("{}{}{}|", file->quote_all, file->columns, file->cut) +
         joined({file->header, file->trailer, file->control});
  for (const auto& field : file->fields)
    out += fmt::format("{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{};", field.name, field.column,
                       field.text, field.width, field.align, field.pad, field.format);
  return out;
}

}  // namespace

const ReportFormat& report_format(const project::PublishedView& view) {
  const auto* said = project::own<ReportFormat>(view);
  WINDROW_INVARIANT(said);
  return *said;
}

StoreKind files_kind() {
  StoreKind out;
  auto& connection = out.connection;
  connection.name = "files";
  connection.keys = {{"path", "The folder or URI, relative to the project.", true}};
  connection.store = project::StoreKeys{.modes = {"replace", "append"}};
  connection.store->own = Keys<project::PublishedView>().bound(
      false, "file", format_type(), "", "Of files: the format of the delivery.", project::as_own);
  out.open = [](const project::Connection& c, const Surroundings& surroundings) {
    return file_store(c.file("path", surroundings.root), surroundings.files, surroundings.clock);
  };
  out.own_as_text = as_text;
  return out;
}

}  // namespace windrow::publish
