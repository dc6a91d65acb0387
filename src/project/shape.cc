#include "project/shape.h"

#include <algorithm>

#include "project/declarations/files.h"
#include "project/project.h"

namespace windrow::project {
namespace {

/// Kinds of files, in the order of the reference.
struct FileKind {
  const char* name;
  Shape (*shape)(const Kinds&);
};
constexpr FileKind kFiles[] = {
    {"project", [](const Kinds& kinds) { return project_file(kinds).type().shape; }},
    {"source", [](const Kinds& kinds) { return source_file(kinds).type().shape; }},
    {"model", [](const Kinds& kinds) { return model_header(kinds).type().shape; }},
    {"seed", [](const Kinds&) { return seed_file().type().shape; }},
    {"publish", [](const Kinds& kinds) { return publish_file(kinds).type().shape; }},
    {"task", [](const Kinds&) { return task_file().type().shape; }},
    {"test", [](const Kinds&) { return test_file().type().shape; }},
    {"schedule", [](const Kinds&) { return schedule_type(true).shape; }},
    {"sensor", [](const Kinds&) { return sensor_type(true).shape; }}};

/// The keys below a shape: `path` is what stands before them.
void collect(const Shape& shape, const std::string& path, std::vector<DocumentedKey>& out) {
  switch (shape.form) {
    case Shape::Form::list: return collect(shape.parts.front(), path + "[]", out);
    case Shape::Form::keyed:
      return collect(shape.parts.front(), path + ".<" + shape.key_name + ">", out);
    case Shape::Form::either:
      for (const auto& part : shape.parts) {
        // `a` or a list of `a` says the same keys twice.
        if (&part != &shape.parts.front() && part.form == Shape::Form::list &&
            shape.parts.front().form == Shape::Form::object)
          continue;
        // A key that several alternatives have says whose it is.
        std::vector<DocumentedKey> more;
        collect(part, path, more);
        for (auto& key : more) {
          const bool there = std::any_of(out.begin(), out.end(),
                                         [&](const auto& each) { return each.path == key.path; });
          if (there) key.path = path + "{" + part.name + "}" + key.path.substr(path.size());
          out.push_back(std::move(key));
        }
      }
      return;
    case Shape::Form::object:
      for (const auto& key : shape.keys) {
        const std::string here = path.empty() ? key.key : path + "." + key.key;
        out.push_back(
            {here, key.shape.name, key.required ? "required" : key.default_value, key.sentence});
        collect(key.shape, here, out);
      }
      return;
    default: return;
  }
}

std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Shape shape_of(std::string_view kind, const Kinds& kinds) {
  for (const auto& each : kFiles) {
    if (each.name == kind) return each.shape(kinds);
  }
  std::string known;
  for (const auto& each : kFiles) known += (known.empty() ? "" : ", ") + std::string(each.name);
  throw Error(Code::usage, "unknown kind of file \"" + std::string(kind) + "\"", "kinds: " + known);
}

std::vector<std::string> schema_kinds() {
  std::vector<std::string> out;
  for (const auto& file : kFiles) out.emplace_back(file.name);
  return out;
}

std::vector<DocumentedKey> documented_keys(std::string_view kind, const Kinds& kinds) {
  std::vector<DocumentedKey> out;
  collect(shape_of(kind, kinds), "", out);
  return out;
}

std::string reference_markdown(std::string_view kind, const Kinds& kinds) {
  std::string out = "| key | type | default | |\n|---|---|---|---|\n";
  for (const auto& key : documented_keys(kind, kinds)) {
    out += "| `" + cell(key.path) + "` | " + cell(key.type) + " | " + cell(key.default_value) +
           " | " + cell(key.sentence) + " |\n";
  }
  return out;
}

}  // namespace windrow::project
