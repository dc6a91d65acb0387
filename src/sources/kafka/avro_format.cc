#include <fmt/format.h>

#include "sources/avro/datum.h"
#include "sources/kafka/decoder.h"

// Avro as schema registries frame it: a zero byte, the schema's id in four bytes, the record in
// Avro's binary encoding. Fields of the record become columns.
namespace windrow::sources {
namespace {

Scalar::Kind kind_of(AvroDatum::Kind kind) {
  switch (kind) {
    case AvroDatum::Kind::null: return Scalar::Kind::null;
    case AvroDatum::Kind::truth: return Scalar::Kind::truth;
    case AvroDatum::Kind::number: return Scalar::Kind::number;
    case AvroDatum::Kind::json: return Scalar::Kind::json;
    default: return Scalar::Kind::text;
  }
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
    try {
      read_record(schema_for(int32_t(id)), int32_t(id), framed.substr(5), row, memory, rows);
    } catch (const BadAvro& bad) {
      throw BadRecord{bad.why};
    }
  }

 private:
  static void read_record(const AvroSchema& schema, int32_t id, std::string_view record, size_t row,
                          Messages& memory, Decoder& rows) {
    if (schema.kind != AvroSchema::Kind::record)
      throw BadRecord{fmt::format("schema {} is not of a record", id)};
    AvroBytes bytes(record);
    for (size_t i = 0; i < schema.parts.size(); ++i) {
      const auto datum = avro_datum(*schema.parts[i], bytes, BadText::refuse);
      Scalar value;
      value.kind = kind_of(datum.kind);
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
        value.raw = memory.keep(json_quoted(value.text, BadText::refuse));
      rows.put(*slot, row, value);
    }
    if (!bytes.empty())
      throw BadRecord{fmt::format("{} bytes are left behind the Avro record", bytes.size())};
  }

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
