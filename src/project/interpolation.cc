#include "project/interpolation.h"

#include "base/error.h"
#include "project/names.h"
#include "project/text_file.h"

namespace windrow::project {

Interpolation::Interpolation(std::string root, const std::map<std::string, std::string>& process,
                             std::map<std::string, std::string> dotenv, Secrets& secrets)
    : root_(std::move(root)), process_(process), dotenv_(std::move(dotenv)), secrets_(secrets) {
  for (const auto& [name, value] : dotenv_) secrets_.learn(value);
}

const std::string* Interpolation::find(const std::string& name) const {
  if (auto found = process_.find(name); found != process_.end()) return &found->second;
  if (auto found = dotenv_.find(name); found != dotenv_.end()) return &found->second;
  return nullptr;
}

Interpolation::Result Interpolation::resolve(std::string_view written,
                                             const std::set<std::string>& left) const {
  Result result;
  size_t at = 0;
  while (true) {
    const size_t dollar = written.find("${", at);
    if (dollar == std::string_view::npos) break;
    result.text += written.substr(at, dollar - at);
    const size_t end = written.find('}', dollar);
    if (!result.text.empty() && dollar > at && written[dollar - 1] == '$') {
      result.text += '{';  // `$${`: the first dollar is already there
      at = dollar + 2;
      continue;
    }
    if (end == std::string_view::npos) {
      result.problem = "\"${\" without a closing \"}\"";
      result.hint = "a plain \"${\" is written \"$${\"";
      return result;
    }
    fill(written.substr(dollar + 2, end - dollar - 2), written.substr(dollar, end - dollar + 1),
         left, result);
    if (!result.problem.empty()) return result;
    at = end + 1;
  }
  result.text += written.substr(at);
  return result;
}

void Interpolation::fill(std::string_view inside, std::string_view whole,
                         const std::set<std::string>& left, Result& result) const {
  if (inside.starts_with("file:")) return fill_file(inside.substr(5), result);
  const size_t dash = inside.find(":-");
  const std::string name(inside.substr(0, dash));
  if (!is_variable_name(name)) {
    result.problem = "cannot read " + in_quotes(whole);
    result.hint =
        "${NAME}, ${NAME:-default} and ${file:PATH} are filled in; a plain \"${\" is written "
        "\"$${\"";
    return;
  }
  if (left.contains(name)) {
    result.text += whole;
    return;
  }
  const std::string* value = find(name);
  const bool has_default = dash != std::string_view::npos;
  if (has_default && (value == nullptr || value->empty())) {
    result.text += inside.substr(dash + 2);
  } else if (value != nullptr) {
    secrets_.learn(*value);
    result.text += *value;
  } else {
    result.undefined = name;
    result.problem = "environment variable \"" + name + "\" is not set";
    result.hint = "export " + name + "=…, add it to the file .env of the project, or write ${" +
                  name + ":-default}";
  }
  result.changed = true;
}

void Interpolation::fill_file(std::string_view path, Result& result) const {
  result.changed = true;
  const std::string full =
      path.starts_with("/") ? std::string(path) : root_ + "/" + std::string(path);
  try {
    std::string content = path.empty() ? "" : read_text_file(full);
    if (path.empty()) throw Error(Code::configuration, "${file:} names no file");
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    secrets_.learn(content);
    result.text += content;
  } catch (const Error& error) {
    result.problem = error.problem().message;
    result.hint = "a path in ${file:…} begins at the project's folder";
  }
}

}  // namespace windrow::project
