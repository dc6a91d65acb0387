#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "sources/kafka/avro_schema.h"
#include "sources/kafka/decoder.h"

// Avro as schema registries frame it: a zero byte, the schema's id in four bytes, the record in
// Avro's binary encoding. Fields of the record become columns; records, lists and maps in them JSON
// text. Times come as text in ISO form, decimals as text with all their digits.
namespace windrow::sources {
namespace {

using Kind = AvroSchema::Kind;
using Logical = AvroSchema::Logical;

constexpr int kDepthMax = 64;
constexpr int64_t kDay = 86'400'000'000;

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }

  std::string_view take(uint64_t size) {
    if (size > rest_.size()) throw BadRecord{"the Avro record is cut off"};
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  int64_t whole() {  // zig-zag, seven bits a byte
    uint64_t out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = uint8_t(take(1)[0]);
      out |= uint64_t(byte & 0x7F) << shift;
      if (byte < 0x80) return int64_t(out >> 1) ^ -int64_t(out & 1);
    }
    throw BadRecord{"the Avro record has a number that does not end"};
  }
  std::string_view text() {
    const int64_t size = whole();
    if (size < 0) throw BadRecord{"the Avro record has a text of a negative length"};
    return take(uint64_t(size));
  }
  double real(bool wide) {
    if (wide) {
      double out = 0;
      std::memcpy(&out, take(8).data(), 8);
      return out;
    }
    float out = 0;
    std::memcpy(&out, take(4).data(), 4);
    return out;
  }

 private:
  std::string_view rest_;
};

std::string clock_text(int64_t micros) {
  const auto seconds = micros / 1'000'000;
  return fmt::format("{:02}:{:02}:{:02}.{:06}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     micros % 1'000'000);
}

/// Two's complement, most significant byte first, as decimal digits with a point.
std::string decimal_text(std::string_view bytes, int scale) {
  if (bytes.size() > 16) throw BadRecord{"a decimal has more than 38 digits"};
  __int128 value = !bytes.empty() && (uint8_t(bytes[0]) & 0x80) ? -1 : 0;
  for (const char c : bytes)
    value = __int128(static_cast<unsigned __int128>(value) << 8 | uint8_t(c));
  const bool negative = value < 0;
  auto rest =
      negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  do {
    digits.insert(digits.begin(), char('0' + int(rest % 10)));
    rest /= 10;
  } while (rest > 0);
  if (scale > 0) {
    if (int(digits.size()) <= scale) digits.insert(0, size_t(scale + 1) - digits.size(), '0');
    digits.insert(digits.size() - size_t(scale), ".");
  }
  return negative ? "-" + digits : digits;
}

std::string json_quoted(std::string_view text) {
  if (!is_utf8(text)) throw BadRecord{"an Avro string is not UTF-8"};
  return nlohmann::json(std::string(text)).dump();
}

/// A datum as it is put into a column: JSON kinds as JSON text.
struct Datum {
  Scalar::Kind kind = Scalar::Kind::null;
  bool truth = false;
  std::string text;
};

Datum text_datum(std::string text) { return {Scalar::Kind::text, false, std::move(text)}; }
Datum number_datum(std::string text) { return {Scalar::Kind::number, false, std::move(text)}; }

Datum whole_datum(const AvroSchema& schema, int64_t value) {
  switch (schema.logical) {
    case Logical::date: return text_datum(iso(time_from_micros(value * kDay)).substr(0, 10));
    case Logical::time_millis: return text_datum(clock_text(value * 1000));
    case Logical::time_micros: return text_datum(clock_text(value));
    case Logical::millis: return text_datum(iso(time_from_micros(value * 1000)));
    case Logical::micros: return text_datum(iso(time_from_micros(value)));
    default: return number_datum(std::to_string(value));
  }
}

std::string json_of(const AvroSchema& schema, Bytes& bytes, int depth);

/// Blocks of items: a count, negative where a size in bytes follows; zero ends them.
template <typename Each>
void for_each_item(Bytes& bytes, Each each) {
  while (true) {
    int64_t count = bytes.whole();
    if (count == 0) return;
    if (count < 0) {
      count = -count;
      bytes.whole();
    }
    // Items may take no bytes at all: a bound that only broken records reach.
    if (count > int64_t(bytes.size()) + 1'000'000) throw BadRecord{"the Avro record is cut off"};
    for (int64_t i = 0; i < count; ++i) each();
  }
}

Datum read(const AvroSchema& schema, Bytes& bytes, int depth) {
  if (depth > kDepthMax) throw BadRecord{"the Avro record is nested too deeply"};
  switch (schema.kind) {
    case Kind::null: return {};
    case Kind::boolean: return {Scalar::Kind::truth, bytes.take(1)[0] != 0, {}};
    case Kind::int_:
    case Kind::long_: return whole_datum(schema, bytes.whole());
    case Kind::float_:
    case Kind::double_: {
      const double value = bytes.real(schema.kind == Kind::double_);
      if (!std::isfinite(value))
        return number_datum(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
      auto text =
          schema.kind == Kind::double_ ? fmt::format("{}", value) : fmt::format("{}", float(value));
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      return number_datum(std::move(text));
    }
    case Kind::bytes:
    case Kind::fixed: {
      const auto found = schema.kind == Kind::bytes ? bytes.text() : bytes.take(schema.size);
      return text_datum(schema.logical == Logical::decimal ? decimal_text(found, schema.scale)
                                                           : std::string(found));
    }
    case Kind::string: return text_datum(std::string(bytes.text()));
    case Kind::enum_: {
      const auto which = uint64_t(bytes.whole());
      if (which >= schema.names.size()) throw BadRecord{"an Avro enum has no such symbol"};
      return text_datum(schema.names[which]);
    }
    case Kind::union_: {
      const auto which = uint64_t(bytes.whole());
      if (which >= schema.parts.size()) throw BadRecord{"an Avro union has no such branch"};
      return read(*schema.parts[which], bytes, depth + 1);
    }
    default: return {Scalar::Kind::json, false, json_of(schema, bytes, depth + 1)};
  }
}

std::string json_text(const AvroSchema& schema, Bytes& bytes, int depth) {
  const auto datum = read(schema, bytes, depth);
  switch (datum.kind) {
    case Scalar::Kind::null: return "null";
    case Scalar::Kind::truth: return datum.truth ? "true" : "false";
    case Scalar::Kind::text: return json_quoted(datum.text);
    case Scalar::Kind::number:
      return datum.text.find_first_of("ni") == std::string::npos ? datum.text : "null";
    case Scalar::Kind::json: return datum.text;
  }
  return "null";
}

std::string json_of(const AvroSchema& schema, Bytes& bytes, int depth) {
  std::string out;
  if (schema.kind == Kind::array) {
    for_each_item(bytes, [&] {
      out += (out.empty() ? "" : ",") + json_text(*schema.parts[0], bytes, depth);
    });
    return "[" + out + "]";
  }
  if (schema.kind == Kind::map) {
    for_each_item(bytes, [&] {
      const auto key = json_quoted(bytes.text());
      out += (out.empty() ? "" : ",") + key + ":" + json_text(*schema.parts[0], bytes, depth);
    });
    return "{" + out + "}";
  }
  for (size_t i = 0; i < schema.parts.size(); ++i) {
    out += (i ? "," : "") + json_quoted(schema.names[i]) + ":" +
           json_text(*schema.parts[i], bytes, depth);
  }
  return "{" + out + "}";
}

class AvroFormat final : public Decoder::Format {
 public:
  explicit AvroFormat(SchemaOf schema_of) : schema_of_(std::move(schema_of)) {}

  void read(const Messages::Message& message, Messages& memory, Decoder& rows) override {
    const size_t row = rows.begin_row();
    if (!message.value) return;
    const auto framed = *message.value;
    if (framed.size() < 5 || framed[0] != 0)
      throw BadRecord{
          "not an Avro record of a schema registry: it does not begin with a zero byte "
          "and a schema's id"};
    uint32_t id = 0;
    for (size_t i = 1; i < 5; ++i) id = id << 8 | uint8_t(framed[i]);
    const auto& schema = schema_for(int32_t(id));
    if (schema.kind != Kind::record)
      throw BadRecord{fmt::format("schema {} is not of a record", int32_t(id))};
    Bytes bytes(framed.substr(5));
    for (size_t i = 0; i < schema.parts.size(); ++i) {
      const auto datum = sources::read(*schema.parts[i], bytes, 0);
      Scalar value;
      value.kind = datum.kind;
      value.truth = datum.truth;
      value.text = memory.keep(datum.text);
      const auto* slot = rows.slot(schema.names[i], value);
      if (!slot) continue;
      if (slot->kind != duck::BufferKind::bytes && value.kind == Scalar::Kind::text &&
          !is_utf8(value.text)) {
        throw BadRecord{
            fmt::format("field \"{}\" is not UTF-8 text: declare it as blob", schema.names[i])};
      }
      if (slot->json && value.kind == Scalar::Kind::text)
        value.raw = memory.keep(json_quoted(value.text));
      rows.put(*slot, row, value);
    }
    if (!bytes.empty())
      throw BadRecord{fmt::format("{} bytes are left behind the Avro record", bytes.size())};
  }

 private:
  const AvroSchema& schema_for(int32_t id) {
    auto& known = schemas_[id];
    if (!known) known = std::make_unique<AvroSchemas>(schema_of_(id));
    return known->root();
  }

  SchemaOf schema_of_;
  std::map<int32_t, std::unique_ptr<AvroSchemas>> schemas_;
};

}  // namespace

std::unique_ptr<Decoder::Format> avro_format(const project::Source&, SchemaOf schema_of) {
  return std::make_unique<AvroFormat>(std::move(schema_of));
}

}  // namespace windrow::sources
