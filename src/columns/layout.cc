#include "columns/layout.h"

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace windrow::columns {
namespace {

using Kind = Type::Kind;

// --- to Arrow

/// Owns what an ArrowSchema of ours points at.
struct Node {
  std::string format, name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
};

void release_node(ArrowSchema* schema) {
  for (int64_t i = 0; i < schema->n_children; ++i) {
    ArrowSchema* child = schema->children[i];
    if (child->release != nullptr) child->release(child);
  }
  delete static_cast<Node*>(schema->private_data);
  schema->release = nullptr;
}

/// With room for so many children.
void make_node(ArrowSchema& out, std::string format, std::string name, bool nullable,
               size_t children) {
  auto* node = new Node{std::move(format), std::move(name), {}, {}};
  node->children.resize(children);
  for (auto& child : node->children) node->pointers.push_back(&child);
  out = {};
  out.format = node->format.c_str();
  out.name = node->name.c_str();
  out.flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out.n_children = int64_t(children);
  out.children = node->pointers.data();
  out.release = release_node;
  out.private_data = node;
}

std::string format_of(const Type& type) {
  switch (type.kind) {
    case Kind::string: return "U";
    case Kind::binary: return "Z";
    case Kind::long_: return "l";
    case Kind::integer: return "i";
    case Kind::short_: return "s";
    case Kind::byte: return "c";
    case Kind::float_: return "f";
    case Kind::double_: return "g";
    case Kind::boolean: return "b";
    case Kind::date: return "tdD";
    case Kind::timestamp: return "tsu:UTC";
    case Kind::timestamp_ntz: return "tsu:";
    case Kind::decimal:
      return "d:" + std::to_string(type.precision) + "," + std::to_string(type.scale);
    case Kind::struct_: return "+s";
    case Kind::array: return "+L";
    case Kind::map: return "+m";
  }
  broken_invariant("kind of column", __FILE__, __LINE__);
}

void write(ArrowSchema& out, const Field& field) {
  const auto& fields = field.type.fields;
  if (field.type.kind == Kind::map) {
    make_node(out, "+m", field.name, field.nullable, 1);
    make_node(*out.children[0], "+s", "entries", false, 2);
    write(*out.children[0]->children[0], fields[0]);
    write(*out.children[0]->children[1], fields[1]);
    return;
  }
  make_node(out, format_of(field.type), field.name, field.nullable, fields.size());
  for (size_t i = 0; i < fields.size(); ++i) write(*out.children[i], fields[i]);
}

void copy(const ArrowSchema& from, ArrowSchema& out) {
  make_node(out, from.format, from.name == nullptr ? "" : from.name,
            (from.flags & ARROW_FLAG_NULLABLE) != 0, size_t(from.n_children));
  for (int64_t i = 0; i < from.n_children; ++i) copy(*from.children[i], *out.children[i]);
}

// --- from Arrow

std::optional<Type> decimal_named(std::string_view format) {
  Type out{Kind::decimal};
  const char* end = format.data() + format.size();
  const auto precision = std::from_chars(format.data() + 2, end, out.precision);
  if (precision.ec != std::errc() || precision.ptr == end || *precision.ptr != ',') return {};
  const auto scale = std::from_chars(precision.ptr + 1, end, out.scale);
  const std::string_view bits(scale.ptr, size_t(end - scale.ptr));
  const bool fits = out.precision >= 1 && out.precision <= 38 && out.scale >= 0 &&
                    out.scale <= out.precision && (bits.empty() || bits == ",128");
  return scale.ec == std::errc() && fits ? std::optional(out) : std::nullopt;
}

Field read(const ArrowSchema& arrow, const std::string& outer);

std::vector<Field> read_children(const ArrowSchema& arrow, const std::string& name) {
  std::vector<Field> out;
  for (int64_t i = 0; i < arrow.n_children; ++i) out.push_back(read(*arrow.children[i], name));
  return out;
}

std::optional<Type> type_named(const ArrowSchema& arrow, const std::string& name) {
  const std::string_view format = arrow.format;
  if (arrow.dictionary != nullptr || format.empty()) return {};
  if (format == "u" || format == "U") return Type{Kind::string};
  if (format == "z" || format == "Z") return Type{Kind::binary};
  if (format == "l") return Type{Kind::long_};
  if (format == "i") return Type{Kind::integer};
  if (format == "s") return Type{Kind::short_};
  if (format == "c") return Type{Kind::byte};
  if (format == "f") return Type{Kind::float_};
  if (format == "g") return Type{Kind::double_};
  if (format == "b") return Type{Kind::boolean};
  if (format == "tdD") return Type{Kind::date};
  if (format == "tsu:") return Type{Kind::timestamp_ntz};
  if (format.starts_with("tsu:")) return Type{Kind::timestamp};
  if (format.starts_with("d:")) return decimal_named(format);
  if (format == "+s") return Type{Kind::struct_, 0, 0, read_children(arrow, name)};
  if ((format == "+l" || format == "+L") && arrow.n_children == 1) {
    Type out{Kind::array, 0, 0, read_children(arrow, name)};
    out.fields[0].name = "element";
    return out;
  }
  if (format == "+m" && arrow.n_children == 1 && arrow.children[0]->n_children == 2) {
    Type out{Kind::map, 0, 0, read_children(*arrow.children[0], name)};
    out.fields[0].name = "key";
    out.fields[1].name = "value";
    return out;
  }
  return {};
}

Field read(const ArrowSchema& arrow, const std::string& outer) {
  Field out;
  out.name = arrow.name == nullptr ? "" : arrow.name;
  const std::string name = outer.empty() ? out.name : outer + "." + out.name;
  auto type = type_named(arrow, name);
  if (!type)
    throw Error(Code::unsupported, "column \"" + name + "\" has the layout \"" +
                                       std::string(arrow.format) + "\", which no type here has");
  out.type = std::move(*type);
  out.nullable = (arrow.flags & ARROW_FLAG_NULLABLE) != 0;
  return out;
}

}  // namespace

Layout::Layout(Schema schema) : schema_(std::move(schema)) {
  write(arrow_, Field{"", Type{Kind::struct_, 0, 0, schema_.fields}, false});
}

// Delegated, so that the destructor gives back what was taken over where a column has no type.
Layout::Layout(ArrowSchema& arrow) : Layout(Schema{}) {
  std::swap(arrow_, arrow);
  arrow.release(&arrow);
  schema_.fields = read_children(arrow_, "");
}

Layout::~Layout() {
  if (arrow_.release != nullptr) arrow_.release(&arrow_);
}

std::shared_ptr<const Layout> Layout::joined(const Layout& first, const Layout& second) {
  const int64_t before = first.arrow_.n_children, more = second.arrow_.n_children;
  ArrowSchema both{};
  make_node(both, "+s", "", false, size_t(before + more));
  for (int64_t i = 0; i < before; ++i) copy(*first.arrow_.children[i], *both.children[i]);
  for (int64_t i = 0; i < more; ++i) copy(*second.arrow_.children[i], *both.children[before + i]);
  return std::make_shared<const Layout>(both);
}

void Layout::copy_to(ArrowSchema& out) const { copy(arrow_, out); }

}  // namespace windrow::columns
