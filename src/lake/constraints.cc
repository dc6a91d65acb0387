#include "lake/constraints.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "duck/quoting.h"
#include "duck/sandbox.h"

namespace windrow::lake {
namespace {

struct Rule {
  std::string what;        ///< for messages: `constraint "positive" (x > 0)`
  std::string text;        ///< what stands in the log, as DuckDB writes it; empty: our own
  std::string expression;  ///< that is true of a good row
};

Error not_understood(const Rule& rule, const std::string& why) {
  return Error(Code::unsupported,
               "the table cannot be written: its " + rule.what + " is not understood: " + why,
               "write it with the program that made the rule, or drop the rule there");
}

/// Spark quotes names with backticks; texts in single or double quotes stay as they are, double
/// ones as DuckDB writes texts.
std::string in_duck_sql(const std::string& spark) {
  std::string out;
  char open = 0;
  for (size_t i = 0; i < spark.size(); ++i) {
    const char c = spark[i];
    if (open == 0 && (c == '`' || c == '\'' || c == '"')) {
      open = c;
      out += c == '`' ? '"' : '\'';
    } else if (open != 0 && c == open) {
      open = 0;
      out += c == '`' ? '"' : '\'';
    } else if (open == '"' && c == '\'') {
      out += "''";
    } else if (open == '\'' && c == '\\' && i + 1 < spark.size()) {
      out += spark[++i] == '\'' ? "''" : std::string(1, spark[i]);
    } else {
      out += c;
    }
  }
  return out;
}

/// The log is anybody's text: it is one expression over the row, or it does not run.
void check_understood(RowWork& engine, const Rule& rule, const Schema& schema) {
  const auto breaches = duck::breaches_of_expression(rule.text);
  if (!breaches.empty()) throw not_understood(rule, breaches.front().message);
  std::string list;
  for (const auto& field : schema.fields) {
    list += (list.empty() ? "" : ", ") + ("CAST(NULL AS " + duck_type(field.type) + ") AS ") +
            duck::quote_name(field.name);
  }
  try {
    engine.describe("SELECT " + rule.expression + " FROM (SELECT " + list + ")");
  } catch (const SqlError& error) {
    throw not_understood(rule, error.problem().message);
  }
}

/// In brackets on lines of their own: a text may end in a comment.
std::string bracketed(const std::string& text) { return "(\n" + text + "\n)"; }

/// The text of a JSON field of the column's metadata; empty where it has none.
std::string metadata_text(const Field& field, const char* key) {
  if (field.metadata.find(key) == std::string::npos) return {};
  const auto metadata = nlohmann::json::parse(field.metadata, nullptr, false);
  const auto found = metadata.is_object() ? metadata.find(key) : metadata.end();
  return metadata.is_object() && found != metadata.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

void add_not_null(const std::vector<Field>& fields, const std::string& prefix,
                  const std::string& outer, std::vector<Rule>& out) {
  for (const auto& field : fields) {
    const std::string name =
        prefix.empty() ? duck::quote_name(field.name)
                       : "struct_extract(" + prefix + ", " + duck::quote_text(field.name) + ")";
    // A field of a structure must be there where the structure is.
    if (!field.nullable) {
      out.push_back({"column \"" + outer + field.name + "\", which is NOT NULL", "",
                     (prefix.empty() ? "" : prefix + " IS NULL OR ") + name + " IS NOT NULL"});
    }
    if (field.type.kind == Type::Kind::struct_)
      add_not_null(field.type.fields, name, outer + field.name + ".", out);
  }
}

std::vector<Rule> checks_of(const Schema& schema, const Metadata& metadata) {
  std::vector<Rule> out;
  constexpr std::string_view kPrefix = "delta.constraints.";
  for (const auto& [key, expression] : metadata.configuration) {
    if (!key.starts_with(kPrefix)) continue;
    const auto text = in_duck_sql(expression);
    out.push_back({"constraint \"" + key.substr(kPrefix.size()) + "\" (" + expression + ")", text,
                   bracketed(text)});
  }
  for (const auto& field : schema.fields) {
    const std::string text = metadata_text(field, "delta.invariants");
    if (text.empty()) continue;
    const auto invariant = nlohmann::json::parse(text, nullptr, false);
    const auto pointer = nlohmann::json::json_pointer("/expression/expression");
    if (!invariant.is_object() || !invariant.contains(pointer)) continue;
    if (!invariant[pointer].is_string()) continue;
    const auto expression = invariant[pointer].get<std::string>();
    const auto rule = in_duck_sql(expression);
    out.push_back(
        {"invariant of \"" + field.name + "\" (" + expression + ")", rule, bracketed(rule)});
  }
  return out;
}

}  // namespace

Relation enforced(RowWork& engine, const Relation& rows, const Schema& schema,
                  const Metadata& metadata, const std::vector<std::string>& missing) {
  std::vector<Rule> rules = checks_of(schema, metadata);
  std::string computed;
  for (const auto& field : schema.fields) {
    const std::string expression = metadata_text(field, "delta.generationExpression");
    if (expression.empty()) continue;
    const std::string name = duck::quote_name(field.name);
    const std::string text = in_duck_sql(expression);
    const std::string value = "CAST(" + bracketed(text) + " AS " + duck_type(field.type) + ")";
    rules.push_back({"generated column \"" + field.name + "\" (" + expression + ")", text,
                     name + " IS NOT DISTINCT FROM " + value});
    if (std::find(missing.begin(), missing.end(), field.name) != missing.end())
      computed += (computed.empty() ? "" : ", ") + value + " AS " + name;
  }
  for (const auto& rule : rules) check_understood(engine, rule, schema);
  add_not_null(schema.fields, "", "", rules);
  if (rules.empty()) return rows;

  std::string row;  // without what else rows carry
  for (const auto& field : schema.fields)
    row += (row.empty() ? "{" : ", ") + duck::quote_text(field.name) + ": " +
           duck::quote_name(field.name);
  std::string tests;
  for (const auto& rule : rules) {
    // NULL breaks a rule as FALSE does (Delta's own reading of CHECK).
    tests += (tests.empty() ? "" : " AND ") + ("CASE WHEN (" + rule.expression) +
             ") THEN true ELSE error(" +
             duck::quote_text("a row breaks the table's " + rule.what + ": ") + " || CAST(" + row +
             "} AS VARCHAR)) END";
  }
  const Relation whole =
      computed.empty() ? rows : "SELECT * REPLACE (" + computed + ") FROM (" + rows + ")";
  return "SELECT * FROM (" + whole + ") r WHERE " + tests;
}

}  // namespace windrow::lake
