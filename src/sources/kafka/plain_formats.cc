#include <fmt/format.h>

#include "sources/kafka/decoder.h"

// CSV and bytes.
namespace windrow::sources {
namespace {

/// The declared columns without SQL are the fields, in their order. Quotes as RFC 4180 has them; a
/// message may hold several lines. An empty field is NULL, a quoted empty one is a text.
class CsvFormat final : public Decoder::Format {
 public:
  explicit CsvFormat(const project::Source& source) {
    for (const auto& column : source.columns) {
      if (column.value.empty() && !column.name.starts_with("kafka_")) names_.push_back(column.name);
    }
    if (names_.empty()) {
      throw Error(Code::configuration,
                  fmt::format("source \"{}\" reads CSV messages, which do not name their fields",
                              source.name),
                  "declare the fields in their order under `columns`", source.place);
    }
  }

  void read(const Messages::Message& message, Messages& memory, Decoder& rows) override {
    if (!message.value) {
      rows.begin_row();
      return;
    }
    const auto text = *message.value;
    if (!is_utf8(text)) throw BadRecord{"not UTF-8 text"};
    for (size_t at = 0; at < text.size();) {
      const size_t row = rows.begin_row();
      const size_t begin = at;
      size_t field = 0;
      bool more = true;
      while (more) {
        Scalar value;
        more = read_field(text, at, memory, value);
        if (field < names_.size()) {
          if (const auto* slot = rows.slot(names_[field], value)) rows.put(*slot, row, value);
        }
        ++field;
      }
      if (field != names_.size())
        throw BadRecord{fmt::format("{} fields, and {} are declared", field, names_.size())};
      if (rows.raw())
        rows.put(*rows.raw(), row, {Scalar::Kind::text, false, line_of(text, begin, at), {}});
    }
    if (text.empty()) throw BadRecord{"an empty message"};
  }

 private:
  static std::string_view line_of(std::string_view text, size_t begin, size_t end) {
    auto line = text.substr(begin, end - begin);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    return line;
  }

  /// True where another field follows in the line.
  static bool read_field(std::string_view text, size_t& at, Messages& memory, Scalar& value) {
    if (at < text.size() && text[at] == '"') {
      std::string out;
      bool closed = false;
      for (++at; at < text.size(); ++at) {
        if (text[at] != '"') {
          out += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          out += text[++at];
        } else {
          closed = true;
          ++at;
          break;
        }
      }
      if (!closed) throw BadRecord{"a quote that does not end"};
      value.kind = Scalar::Kind::text;
      value.text = memory.keep(out);
      if (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r')
        throw BadRecord{"something behind a closing quote"};
    } else {
      const auto end = std::min(text.find_first_of(",\n", at), text.size());
      auto found = text.substr(at, end - at);
      at = end;
      if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
      if (!found.empty()) {
        value.kind = Scalar::Kind::text;
        value.text = found;
      }
    }
    if (at < text.size() && text[at] == '\r') ++at;
    if (at >= text.size()) return false;
    return text[at++] == ',';
  }

  std::vector<std::string> names_;
};

class BytesFormat final : public Decoder::Format {
 public:
  void read(const Messages::Message& message, Messages&, Decoder& rows) override {
    const size_t row = rows.begin_row();
    if (message.value) rows.put(*rows.raw(), row, {Scalar::Kind::text, false, *message.value, {}});
  }
};

}  // namespace

std::unique_ptr<Decoder::Format> csv_format(const project::Source& source) {
  return std::make_unique<CsvFormat>(source);
}
std::unique_ptr<Decoder::Format> bytes_format(const project::Source&) {
  return std::make_unique<BytesFormat>();
}

std::unique_ptr<Decoder::Format> record_format(const project::Source& source, SchemaOf schema_of) {
  if (source.format.empty() || source.format == "json") return json_format(source);
  if (!source.explode.empty())
    throw Error(Code::configuration, "`explode` is for the format json", "", source.place);
  if (source.format == "csv") return csv_format(source);
  if (source.format == "bytes") return bytes_format(source);
  if (source.format == "avro") return avro_format(source, std::move(schema_of));
  throw Error(Code::configuration,
              fmt::format("messages in the format \"{}\" are not read", source.format),
              "json, csv, avro and bytes are", source.place);
}

}  // namespace windrow::sources
