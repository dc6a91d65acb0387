#include "columns/operator.h"

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "base/time.h"

namespace windrow::columns {
namespace {

using ParameterKind = Parameter::Kind;

std::string words_of(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::text: return "one text";
    case ParameterKind::texts: return "a text or a list of texts";
    case ParameterKind::integer: return "a whole number";
    case ParameterKind::real: return "a number";
    case ParameterKind::truth: return "true or false";
    case ParameterKind::duration: return "a duration such as 30m";
  }
  broken_invariant("kind of parameter", __FILE__, __LINE__);
}

template <typename T>
bool reads_as(const std::string& text) {
  T value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool fits(ParameterKind kind, const std::vector<std::string>& texts) {
  if (kind == ParameterKind::texts) return !texts.empty();
  if (texts.size() != 1) return false;
  const auto& text = texts.front();
  switch (kind) {
    case ParameterKind::integer: return reads_as<int64_t>(text);
    case ParameterKind::real: return reads_as<double>(text);
    case ParameterKind::truth: return text == "true" || text == "false";
    case ParameterKind::duration: return parse_duration(text).has_value();
    default: return true;
  }
}

}  // namespace

Settings::Settings(const std::string& name, const std::vector<Parameter>& parameters,
                   const std::map<std::string, Setting>& given, const Place& place,
                   Problems& problems)
    : place_(place) {
  std::vector<std::string> known;
  for (const auto& parameter : parameters) known.push_back(parameter.name);
  for (const auto& [key, setting] : given) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      problems.add(Code::configuration,
                   "operator \"" + name + "\" has no parameter \"" + key + "\"",
                   did_you_mean(key, known), setting.place);
  }
  for (const auto& parameter : parameters) {
    const auto found = given.find(parameter.name);
    if (found == given.end() && parameter.required) {
      problems.add(Code::configuration,
                   "operator \"" + name + "\" needs \"" + parameter.name + "\"", parameter.about,
                   place);
      continue;
    }
    if (found == given.end() && parameter.otherwise.empty()) continue;
    Value value;
    value.texts = found == given.end() ? std::vector{parameter.otherwise} : found->second.texts;
    value.place = found == given.end() ? place : found->second.place;
    if (!fits(parameter.kind, value.texts)) {
      problems.add(
          Code::configuration,
          "\"" + parameter.name + "\" of operator \"" + name + "\" is " + words_of(parameter.kind),
          parameter.about, value.place);
      continue;
    }
    if (parameter.kind == ParameterKind::duration)
      value.micros = parse_duration(value.texts[0])->count();
    values_[parameter.name] = std::move(value);
  }
}

const std::string& Settings::text(const std::string& name) const {
  return values_.at(name).texts.at(0);
}

std::vector<std::string> Settings::texts(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second.texts;
}

int64_t Settings::micros(const std::string& name) const { return values_.at(name).micros; }

Place Settings::place(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? place_ : found->second.place;
}

std::string Settings::canonical() const {
  std::string out;
  for (const auto& [name, value] : values_) {
    out += name + "=";
    // 30m and 1800s are the same gap; lengths keep texts apart.
    if (value.micros != 0) {
      out += std::to_string(value.micros);
    } else {
      for (const auto& text : value.texts) out += std::to_string(text.size()) + ":" + text;
    }
    out += ";";
  }
  return out;
}

const Operator& operator_named(const Operators& operators, const std::string& name,
                               const Place& place) {
  std::vector<std::string> known;
  for (const auto* each : operators) {
    if (each->name() == name) return *each;
    known.push_back(each->name());
  }
  std::string all;
  for (const auto& each : known) all += (all.empty() ? "there is: " : ", ") + each;
  const auto meant = did_you_mean(name, known);
  throw Error(Code::configuration, "there is no operator \"" + name + "\"",
              meant.empty() ? all : meant, place);
}

}  // namespace windrow::columns
