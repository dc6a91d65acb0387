#include "operators/beside.h"

#include "base/nearest.h"

namespace windrow::operators {

const columns::Field* InputColumns::named(const std::string& parameter, const std::string& column) {
  const columns::Field* field = input_.find(column);
  if (!field) {
    std::vector<std::string> known;
    for (const auto& each : input_.fields) known.push_back(each.name);
    problems_.add(Code::configuration,
                  "operator \"" + name_ + "\" reads a column \"" + column +
                      "\", which the SELECT does not yield",
                  did_you_mean(column, known), settings_.place(parameter));
  }
  return field;
}

void InputColumns::wrong(const std::string& parameter, const columns::Field& field,
                         const std::string& hint) {
  problems_.add(Code::configuration,
                "the " + parameter + " \"" + field.name + "\" of operator \"" + name_ + "\" is " +
                    field.type.text(),
                hint, settings_.place(parameter));
}

void InputColumns::problem(const std::string& parameter, const std::string& hint) {
  problem(parameter, settings_.text(parameter), hint);
}

void InputColumns::problem(const std::string& parameter, const std::string& value,
                           const std::string& hint) {
  problems_.add(Code::configuration,
                "\"" + parameter + "\" of operator \"" + name_ + "\" is " + value, hint,
                settings_.place(parameter));
}

void InputColumns::needed(const std::string& parameter, const std::string& hint) {
  problems_.add(Code::configuration, "operator \"" + name_ + "\" needs \"" + parameter + "\"", hint,
                settings_.place(parameter));
}

columns::Schema InputColumns::with(const std::vector<columns::Field>& added) {
  columns::Schema out = input_;
  for (const auto& field : added) {
    if (input_.find_any_case(field.name))
      problems_.add(Code::configuration,
                    "operator \"" + name_ + "\" adds a column \"" + field.name +
                        "\", which the SELECT yields already",
                    "give that one another name", settings_.place(""));
    out.fields.push_back(field);
  }
  problems_.raise();
  return out;
}

BesideReader::BesideReader(std::unique_ptr<columns::BatchReader> input,
                           const columns::Schema& output, size_t added)
    : input_(std::move(input)),
      added_(std::make_shared<const columns::Layout>(
          columns::Schema{{output.fields.end() - std::ptrdiff_t(added), output.fields.end()}})),
      layout_(columns::Layout::joined(*input_->layout(), *added_)) {}

std::optional<columns::Batch> BesideReader::next() {
  const auto batch = input_->next();
  if (!batch) return {};
  columns::BatchBuilder builder(added_);
  fill(*batch, builder);
  return batch->beside(builder.finish(), layout_);
}

size_t BesideReader::position(const std::string& column) const {
  return size_t(schema().find(column) - schema().fields.data());
}

}  // namespace windrow::operators
