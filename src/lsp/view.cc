#include "lsp/view.h"

#include <algorithm>
#include <set>

#include "app/kinds.h"
#include "base/text.h"
#include "project/sql_file.h"
#include "project/text_file.h"

namespace windrow::lsp {

using project::Shape;

Parts parts_of(std::string_view text, std::string_view kind) {
  if (kind.empty()) return {};
  if (kind != "model") return {Span{0, text.size()}, std::nullopt};
  Problems told_by_check;
  const auto file = project::split_sql(text, "", told_by_check);
  if (file.header) {
    const auto begin = static_cast<size_t>(file.header->data() - text.data());
    const size_t end = begin + file.header->size();
    return {Span{begin, end}, Span{std::min(end + 2, text.size()), text.size()}};
  }
  // A header whose end is not written yet.
  const size_t open = text.find("/*");
  size_t mark = open == std::string_view::npos ? open : text.find_first_not_of(" \t\r\n", open + 2);
  if (mark != std::string_view::npos && text.substr(mark).starts_with("windrow") &&
      text.find("*/", mark) == std::string_view::npos)
    return {Span{mark + 7, text.size()}, std::nullopt};
  return {std::nullopt, Span{0, text.size()}};
}

View::View(const Known& known, std::map<std::string, std::string> texts)
    : known_(known), texts_(std::move(texts)) {}

std::optional<std::string> View::text_of(const std::string& path) const {
  if (const auto open = texts_.find(path); open != texts_.end()) return open->second;
  try {
    return project::read_text_file(project().root + "/" + path);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<TableInfo> View::tables() const {
  std::vector<TableInfo> out;
  for (const auto& source : project().sources)
    out.push_back({source.name, "source", source.common.description, source.file});
  for (const auto& seed : project().seeds)
    out.push_back({seed.name, "seed", seed.common.description, seed.file});
  for (const auto& model : project().models) {
    if (model.name.empty()) continue;
    out.push_back({model.name, "model, " + std::string(project::name_of(model.build.kind)),
                   model.common.description, model.file});
  }
  return out;
}

std::optional<TableInfo> View::table(std::string_view name) const {
  for (auto& each : tables())
    if (each.name == name) return std::move(each);
  return std::nullopt;
}

std::optional<std::string> View::resolve(std::string_view written) const {
  std::optional<std::string> found;
  for (const auto& each : tables()) {
    if (each.name == written) return each.name;
    const bool bare = written.find('.') == std::string_view::npos &&
                      std::string_view(each.name).substr(each.name.find('.') + 1) == written;
    if (!bare) continue;
    if (found) return std::nullopt;
    found = each.name;
  }
  return found;
}

const std::vector<Column>* View::columns(const std::string& table) const {
  const auto found = known_.columns.find(table);
  return found == known_.columns.end() ? nullptr : &found->second;
}

const project::ColumnDeclaration* View::declaration(const std::string& table,
                                                    const std::string& column) const {
  const auto* model = project().model(table);
  const auto* source = project().source(table);
  const auto* seed = project().seed(table);
  if (!model && !source && !seed) return nullptr;
  for (const auto& each : model ? model->columns : source ? source->columns : seed->columns)
    if (each.name == column) return &each;
  return nullptr;
}

ColumnsOf View::columns_of() const {
  return [this](const std::string& written) -> std::optional<std::vector<Column>> {
    const auto name = resolve(written);
    const auto* found = name ? columns(*name) : nullptr;
    return found ? std::optional(*found) : std::nullopt;
  };
}

std::vector<std::string> View::tags() const {
  std::set<std::string> out;
  const auto add = [&](const auto& all) {
    for (const auto& each : all) out.insert(each.common.tags.begin(), each.common.tags.end());
  };
  add(project().sources);
  add(project().seeds);
  add(project().models);
  add(project().publications);
  add(project().tasks);
  return {out.begin(), out.end()};
}

std::string_view Spot::yaml() const {
  return std::string_view(text).substr(parts.yaml->begin, parts.yaml->size());
}
std::string_view Spot::sql() const {
  return std::string_view(text).substr(parts.sql->begin, parts.sql->size());
}

namespace {

void unfold(const Shape& shape, std::vector<Shape>& out) {
  if (shape.form != Shape::Form::either) return out.push_back(shape);
  for (const auto& part : shape.parts) unfold(part, out);
}

bool has_key(const Shape& shape, const std::string& key) {
  return std::any_of(shape.keys.begin(), shape.keys.end(),
                     [&](const auto& each) { return each.key == key; });
}

/// Of several mappings those that have the first key that is written.
void narrow(std::vector<Shape>& shapes, const std::vector<std::string>& keys) {
  if (keys.empty()) return;
  const auto fits = [&](const Shape& shape) {
    return shape.form == Shape::Form::object && has_key(shape, keys.front());
  };
  if (std::none_of(shapes.begin(), shapes.end(), fits)) return;
  std::erase_if(shapes, [&](const Shape& shape) {
    return shape.form == Shape::Form::object && !fits(shape);
  });
}

}  // namespace

std::vector<Shape> shapes_at(std::string_view kind, const YamlPath& path, const YamlWords& words) {
  std::vector<Shape> now;
  unfold(project::shape_of(kind, app::kinds().declared), now);
  YamlPath here;
  for (const auto& step : path) {
    // A file of tests may be a list of them.
    const bool list_of_files = kind == "test" && here.empty() && step.item >= 0;
    narrow(now, words.keys_of(here));
    here.push_back(step);
    if (list_of_files) continue;
    std::vector<Shape> next;
    for (const auto& shape : now) {
      if (step.item >= 0 && shape.form == Shape::Form::list) {
        unfold(shape.parts.front(), next);
      } else if (step.item < 0 && shape.form == Shape::Form::keyed) {
        unfold(shape.parts.front(), next);
      } else if (step.item < 0 && shape.form == Shape::Form::object) {
        for (const auto& key : shape.keys)
          if (key.key == step.key) unfold(key.shape, next);
      }
    }
    now = std::move(next);
  }
  narrow(now, words.keys_of(path));
  return now;
}

std::string model_of(const View& view, const Spot& spot) {
  for (const auto& model : view.project().models)
    if (model.file == spot.path) return model.name;
  return {};
}

std::string value_of(const YamlWords& words, YamlPath path, const std::string& key) {
  path.push_back({key, -1});
  for (const auto& word : words.words)
    if (!word.key && word.path == path) return word.text;
  return {};
}

std::string table_around(const View& view, const Spot& spot, const YamlPath& path,
                         const YamlWords& words) {
  if (spot.kind == "model") {
    for (const auto& step : path) {
      if (step.key != "relationship") continue;
      auto of = path;
      while (of.back().key != "relationship") of.pop_back();
      return view.resolve(value_of(words, of, "to")).value_or("");
    }
    return model_of(view, spot);
  }
  if (spot.kind == "source") return value_of(words, {}, "source");
  if (spot.kind == "seed") {
    for (const auto& seed : view.project().seeds)
      if (seed.declared_in == spot.path) return seed.name;
  }
  if (spot.kind == "publish" && path.size() >= 2)
    return view.resolve(value_of(words, {path[0], path[1]}, "from")).value_or("");
  if (spot.kind == "test") {
    const size_t root = !path.empty() && path[0].item >= 0 ? 1 : 0;
    if (path.size() <= root) return {};
    if (path[root].key == "given" && path.size() > root + 1) return path[root + 1].key;
    if (path[root].key == "expect")
      return value_of(words, {path.begin(), path.begin() + std::ptrdiff_t(root)}, "test");
  }
  return {};
}

}  // namespace windrow::lsp
