#include "lsp/hover.h"

#include <algorithm>

#include "base/text.h"

namespace windrow::lsp {

using Kind = Target::Kind;

namespace {

constexpr size_t kColumnsShown = 40, kCodeBytesMax = 600;

/// As it stands between two backquotes.
std::string code(std::string text) {
  std::replace(text.begin(), text.end(), '`', '\'');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return "`" + text + "`";
}
std::string cell(std::string text) {
  std::string out;
  for (const char c : text.substr(0, text.find('\n'))) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}
std::string sql_block(std::string text) {
  if (text.size() > kCodeBytesMax) text = text.substr(0, kCodeBytesMax) + " …";
  return "```sql\n" + text + "\n```\n";
}
std::string grouped(int64_t number) {
  std::string out = std::to_string(number);
  for (int64_t at = static_cast<int64_t>(out.size()) - 3; at > 0; at -= 3)
    out.insert(static_cast<size_t>(at), ",");
  return out;
}

std::string of_table(const View& view, const std::string& name) {
  const auto table = view.table(name);
  if (!table) return {};
  std::string out = "**" + name + "** (" + table->kind + ")\n\n";
  if (!table->description.empty()) out += table->description + "\n\n";
  try {
    const auto asset = view.study().asset(name);
    if (asset.version) {
      out += "version " + std::to_string(*asset.version);
      if (asset.rows) out += ", " + grouped(*asset.rows) + (*asset.rows == 1 ? " row" : " rows");
      out += "\n\n";
    }
  } catch (const Error&) {
    // A lake that cannot be looked at is told by who needs it.
  }
  if (const auto* columns = view.columns(name)) {
    out += "| column | type | |\n|---|---|---|\n";
    for (size_t i = 0; i < columns->size() && i < kColumnsShown; ++i) {
      const auto& column = (*columns)[i];
      const auto* declared = view.declaration(name, column.name);
      out += "| " + code(column.name) + " | " + cell(column.type) + " | " +
             cell(declared ? declared->description : "") + " |\n";
    }
    if (columns->size() > kColumnsShown)
      out += "\n… and " + std::to_string(columns->size() - kColumnsShown) + " more\n";
  }
  return out;
}

std::string of_column(const View& view, const std::string& table, const std::string& name) {
  std::string out = "**" + table + "." + name + "**";
  std::string found = name;
  for (const auto* columns = view.columns(table);
       const auto& each : columns ? *columns : std::vector<Column>{}) {
    if (!same_letters(each.name, name)) continue;
    found = each.name;
    out += " " + code(each.type);
  }
  out += "\n\n";
  if (const auto* declared = view.declaration(table, found)) {
    if (!declared->description.empty()) out += declared->description + "\n\n";
    if (!declared->value.empty()) out += sql_block(declared->value);
  }
  try {
    for (const auto& each : view.study().lineage(table)) {
      if (!same_letters(each.column, found)) continue;
      if (!each.expression.empty()) out += sql_block(each.expression);
      std::string from;
      for (const auto& source : each.from) {
        const auto resolved = view.resolve(source.table);
        from += (from.empty() ? "" : ", ") +
                code(resolved.value_or(source.table) + "." + source.column);
      }
      if (!from.empty()) out += "from " + from + "\n";
    }
  } catch (const Error&) {
    // Of a SELECT that is being written nothing is known.
  }
  return out;
}

std::string of_function(const View& view, const std::string& name) {
  for (const auto& function : view.functions()) {
    if (function.name != name) continue;
    return sql_block(function.signature.empty() ? name + "(…)" : function.signature) +
           function.description;
  }
  return {};
}

std::string of_variable(const View& view, const std::string& name) {
  if (name == "start") return "**$start**: where the interval begins\n";
  if (name == "end") return "**$end**: where the interval ends; it does not belong to it\n";
  if (name == "run_time") return "**$run_time**: when the run began\n";
  const auto found = view.project().vars.find(name);
  if (found == view.project().vars.end()) return {};
  return "**$" + name + "** " + code(found->second.type) + "\n";
}

std::string of_key(const project::ShapeKey& key) {
  std::string out = "**" + key.key + "** " + code(key.shape.name) + "\n\n" + key.sentence + "\n\n";
  if (key.required) return out + "required\n";
  return key.default_value.empty() ? out : out + "default: " + key.default_value + "\n";
}

}  // namespace

std::optional<std::string> hover_text(const View& view, const Spot&, const Target& target) {
  std::string out;
  switch (target.kind) {
    case Kind::table: out = of_table(view, target.table); break;
    case Kind::column: out = of_column(view, target.table, target.column); break;
    case Kind::local:
      out = "**" + target.column + "** (of this SELECT)\n\n";
      if (!target.words.empty()) out += sql_block(target.words);
      if (!target.table.empty()) out += "is " + of_column(view, target.table, target.name);
      break;
    case Kind::with: out = "**" + target.name + "** (WITH clause)\n"; break;
    case Kind::connection: {
      const auto found = view.project().connections.find(target.name);
      // Its settings may hold what nobody should see.
      if (found != view.project().connections.end())
        out = "**" + target.name + "** (connection, " + found->second.type + ")\n";
      break;
    }
    case Kind::variable: out = of_variable(view, target.name); break;
    case Kind::function: out = of_function(view, target.name); break;
    case Kind::key: out = of_key(target.key); break;
    case Kind::none: break;
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

}  // namespace windrow::lsp
