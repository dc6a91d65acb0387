#include "sources/avro/schema.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

namespace windrow::sources {

using Json = nlohmann::json;
using Kind = AvroSchema::Kind;
using Logical = AvroSchema::Logical;

struct AvroSchemas::Reader {
  AvroSchemas& out;
  std::map<std::string, AvroSchema*> named;
  int depth = 0;

  static constexpr int kDepthMax = 100;
  static constexpr int kDigitsMax = 38;

  AvroSchema* fresh(Kind kind) {
    out.all_.push_back(std::make_unique<AvroSchema>());
    out.all_.back()->kind = kind;
    return out.all_.back().get();
  }

  static std::string full_name(const Json& json, const std::string& space) {
    const auto name = json.at("name").get<std::string>();
    if (name.find('.') != std::string::npos) return name;
    const auto own = json.value("namespace", space);
    return own.empty() ? name : own + "." + name;
  }
  static std::string space_of(const std::string& full) {
    const auto dot = full.rfind('.');
    return dot == std::string::npos ? "" : full.substr(0, dot);
  }

  AvroSchema* read(const Json& json, const std::string& space) {
    if (++depth > kDepthMax) throw BadAvro{"its Avro schema is nested too deeply"};
    AvroSchema* found = json.is_string()  ? by_name(json.get<std::string>(), space)
                        : json.is_array() ? any_of(json, space)
                                          : complex(json, space);
    --depth;
    return found;
  }

  AvroSchema* by_name(const std::string& name, const std::string& space) {
    static const std::map<std::string, Kind> kPrimitive = {
        {"null", Kind::null},   {"boolean", Kind::boolean}, {"int", Kind::int_},
        {"long", Kind::long_},  {"float", Kind::float_},    {"double", Kind::double_},
        {"bytes", Kind::bytes}, {"string", Kind::string}};
    if (const auto found = kPrimitive.find(name); found != kPrimitive.end())
      return fresh(found->second);
    for (const auto& full : {name, space + "." + name}) {
      if (const auto found = named.find(full); found != named.end()) return found->second;
    }
    // Some writers leave the namespace out where the specification wants it.
    const auto last = name.substr(name.rfind('.') + 1);
    for (const auto& [full, type] : named) {
      if (full.substr(full.rfind('.') + 1) == last) return type;
    }
    throw BadAvro{"its Avro schema names the type \"" + name + "\", which there is not"};
  }

  AvroSchema* any_of(const Json& json, const std::string& space) {
    auto* out_type = fresh(Kind::union_);
    for (const auto& each : json) out_type->parts.push_back(read(each, space));
    return out_type;
  }

  AvroSchema* complex(const Json& json, const std::string& space) {
    const auto& type = json.at("type");
    if (!type.is_string()) return read(type, space);
    const auto word = type.get<std::string>();
    if (word == "record" || word == "error") {
      const auto name = full_name(json, space);
      auto* record = named[name] = fresh(Kind::record);
      for (const auto& field : json.at("fields")) {
        record->names.push_back(field.at("name").get<std::string>());
        record->parts.push_back(read(field.at("type"), space_of(name)));
      }
      return record;
    }
    if (word == "enum") {
      auto* out_type = named[full_name(json, space)] = fresh(Kind::enum_);
      out_type->names = json.at("symbols").get<std::vector<std::string>>();
      return out_type;
    }
    if (word == "fixed") {
      auto* out_type = named[full_name(json, space)] = fresh(Kind::fixed);
      out_type->size = json.at("size").get<size_t>();
      logical(json, *out_type);
      return out_type;
    }
    if (word == "array" || word == "map") {
      auto* out_type = fresh(word == "array" ? Kind::array : Kind::map);
      out_type->parts.push_back(read(json.at(word == "array" ? "items" : "values"), space));
      return out_type;
    }
    auto* out_type = by_name(word, space);
    logical(json, *out_type);
    return out_type;
  }

  static void logical(const Json& json, AvroSchema& type) {
    const auto word = json.value("logicalType", "");
    const bool whole = type.kind == Kind::long_;
    if (word == "decimal" && (type.kind == Kind::bytes || type.kind == Kind::fixed)) {
      const auto scale = json.value("scale", int64_t(0));
      const auto precision = json.value("precision", int64_t(kDigitsMax));
      if (scale < 0 || scale > precision || precision < 1 || precision > kDigitsMax)
        throw BadAvro{
            fmt::format("its Avro schema has a decimal of {} digits and the scale {}; {} "
                        "digits are the most",
                        precision, scale, kDigitsMax)};
      type.logical = Logical::decimal;
      type.scale = int(scale);
      type.precision = int(precision);
    } else if (word == "date" && type.kind == Kind::int_) {
      type.logical = Logical::date;
    } else if (word == "time-millis" && type.kind == Kind::int_) {
      type.logical = Logical::time_millis;
    } else if (word == "time-micros" && whole) {
      type.logical = Logical::time_micros;
    } else if (word == "timestamp-millis" && whole) {
      type.logical = Logical::millis;
    } else if (word == "timestamp-micros" && whole) {
      type.logical = Logical::micros;
    } else if (word == "local-timestamp-millis" && whole) {
      type.logical = Logical::local_millis;
    } else if (word == "local-timestamp-micros" && whole) {
      type.logical = Logical::local_micros;
    }
  }
};

AvroSchemas::AvroSchemas(const std::string& json) {
  try {
    // A bare name such as `string` is a schema, too, and may come without quotes.
    auto parsed = Json::parse(json, nullptr, false);
    if (parsed.is_discarded()) parsed = Json(json);
    Reader reader{*this, {}, 0};
    root_ = reader.read(parsed, "");
  } catch (const Json::exception& error) {
    throw BadAvro{std::string("its Avro schema does not read: ") + error.what()};
  }
}

std::string sql_type(const AvroSchema& schema) {
  switch (schema.logical) {
    case Logical::date: return "DATE";
    case Logical::time_millis:
    case Logical::time_micros: return "VARCHAR";
    case Logical::millis:
    case Logical::micros: return "TIMESTAMP WITH TIME ZONE";
    case Logical::local_millis:
    case Logical::local_micros: return "TIMESTAMP";
    case Logical::decimal: return fmt::format("DECIMAL({},{})", schema.precision, schema.scale);
    case Logical::none: break;
  }
  switch (schema.kind) {
    case Kind::int_: return "INTEGER";
    case Kind::long_: return "BIGINT";
    case Kind::float_: return "FLOAT";
    case Kind::double_: return "DOUBLE";
    case Kind::boolean: return "BOOLEAN";
    case Kind::string:
    case Kind::enum_:
    case Kind::bytes:
    case Kind::fixed: return "VARCHAR";
    case Kind::union_: {
      // Of null and one type: that type.
      std::string only;
      for (const auto* part : schema.parts) {
        if (part->kind == Kind::null) continue;
        if (!only.empty()) return {};
        only = sql_type(*part);
        if (only.empty()) return {};
      }
      return only;
    }
    default: return {};
  }
}

}  // namespace windrow::sources
