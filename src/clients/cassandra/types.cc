#include <array>
#include <cctype>

#include "clients/cassandra/values.h"

namespace windrow::clients::cassandra {

namespace {

struct Name {
  std::string_view text;
  Kind kind;
};
constexpr std::array<Name, 25> kNames = {{
    {"ascii", Kind::ascii},       {"bigint", Kind::bigint},   {"blob", Kind::blob},
    {"boolean", Kind::boolean},   {"counter", Kind::counter}, {"decimal", Kind::decimal},
    {"double", Kind::double_},    {"float", Kind::float_},    {"int", Kind::int_},
    {"text", Kind::text},         {"varchar", Kind::text},    {"timestamp", Kind::timestamp},
    {"uuid", Kind::uuid},         {"varint", Kind::varint},   {"timeuuid", Kind::timeuuid},
    {"inet", Kind::inet},         {"date", Kind::date},       {"time", Kind::time},
    {"smallint", Kind::smallint}, {"tinyint", Kind::tinyint}, {"duration", Kind::duration},
    {"list", Kind::list},         {"map", Kind::map},         {"set", Kind::set},
    {"tuple", Kind::tuple},
}};

constexpr uint16_t kOldText = 0x0A;  // versions 1 and 2

class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text), whole_(text) {}
  Type whole() {
    Type out = type();
    blanks();
    if (!text_.empty()) fail();
    return out;
  }

 private:
  void blanks() {
    while (!text_.empty() && std::isspace(uint8_t(text_[0]))) text_.remove_prefix(1);
  }
  bool take(char c) {
    blanks();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  [[noreturn]] void fail() const {
    throw Error(Code::configuration, "\"" + std::string(whole_) + "\" is no type of cassandra",
                "for example text, bigint, timestamp, list<int>");
  }
  Type type() {
    blanks();
    std::string name;
    while (!text_.empty() && (std::isalnum(uint8_t(text_[0])) || text_[0] == '_')) {
      name += char(std::tolower(uint8_t(text_[0])));
      text_.remove_prefix(1);
    }
    std::vector<Type> of;
    if (take('<')) {
      do {
        of.push_back(type());
      } while (take(','));
      if (!take('>')) fail();
    }
    if (name == "frozen" && of.size() == 1) return of[0];
    for (const auto& known : kNames) {
      if (known.text != name) continue;
      Type out{known.kind, "", std::move(of), {}};
      const size_t least = out.kind == Kind::map ? 2 : out.kind >= Kind::list ? 1 : 0;
      if (out.of.size() < least || (out.kind != Kind::tuple && out.of.size() > least)) fail();
      return out;
    }
    fail();
  }

  std::string_view text_, whole_;
};

}  // namespace

std::string Type::text() const {
  if (kind == Kind::custom || kind == Kind::udt) return name;
  std::string out;
  for (const auto& known : kNames) {
    if (known.kind != kind) continue;
    out = known.text;
    break;
  }
  for (size_t i = 0; i < of.size(); ++i) out += (i == 0 ? "<" : ", ") + of[i].text();
  return of.empty() ? out : out + ">";
}

Type read_type(WireReader& in) {
  Type out;
  const auto id = in.number<uint16_t>();
  out.kind = id == kOldText ? Kind::text : Kind(id);
  size_t elements = 0;
  if (out.kind == Kind::custom) {
    out.name = in.string();
    if (out.name == "org.apache.cassandra.db.marshal.DurationType")  // as version 4 calls it
      out = {Kind::duration, "", {}, {}};
  } else if (out.kind == Kind::list || out.kind == Kind::set) {
    elements = 1;
  } else if (out.kind == Kind::map) {
    elements = 2;
  } else if (out.kind == Kind::tuple) {
    elements = in.number<uint16_t>();
  } else if (out.kind == Kind::udt) {
    out.name = in.string();  // its keyspace
    out.name += "." + std::string(in.string());
    const auto fields = in.number<uint16_t>();
    for (int i = 0; i < fields; ++i) {
      out.fields.emplace_back(in.string());
      out.of.push_back(read_type(in));
    }
  }
  for (size_t i = 0; i < elements; ++i) out.of.push_back(read_type(in));
  return out;
}

Type parse_type(std::string_view cql) { return TypeParser(cql).whole(); }

}  // namespace windrow::clients::cassandra
