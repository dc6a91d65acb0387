#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "duck/sandbox.h"
#include "project/interpolation.h"
#include "project/node.h"
#include "project/shape.h"
#include "project/values.h"

namespace windrow::project {

/// The reading of one file: what is around the node that is being read, and what was wrong so far.
class Reading {
 public:
  Reading(const Interpolation& interpolation, std::string file)
      : interpolation_(interpolation), file_(std::move(file)) {}

  std::string zone = "UTC";            ///< of the project: dates are read in it
  duck::Sandbox sandbox;               ///< of the project: what its SQL may read
  std::set<std::string> macros;        ///< of the project: their names, in lower case
  std::set<std::string> environments;  ///< whose variables must be set
  std::set<std::string> left_to_run;   ///< `${…}` names that are filled in when the asset runs
  std::map<std::string, std::string> connections;  ///< of the project: name → type
  bool lenient = false;  ///< a variable that is not set leaves the text as written
  Problems problems;
  std::vector<Problem> schedule_problems;  ///< of schedules and calendars, which stop nothing else
  std::vector<Problem> notices;

  const std::string& file() const { return file_; }
  Place place(const Node& node) const { return {file_, node.line, node.column}; }
  Place content_place(const Node& node) const {
    return {file_, node.content_line, node.content_column};
  }

  void problem(const Node& at, std::string message, std::string hint = {});
  void notice(const Node& at, std::string message, std::string hint = {});
  /// `"timeout": expected a duration such as 30m, found "soon"`; shows the text as it was written.
  void expected(const Node& found, std::string_view what, std::string hint = {});

  /// The text of a scalar with `${…}` filled in. Nothing, and a problem, where it is none or cannot
  /// be filled in; nothing without a problem where a variable is not set and that is allowed.
  std::optional<std::string> text(const Node& node, std::string_view expected_what);
  /// Any value, scalars typed as YAML does, with `${…}` filled in.
  Value value(const Node& node);
  /// The same, of what reaches the outside: values that are named as secrets are learnt, and URLs
  /// that would be read as something else than was meant are problems.
  Value settings(const Node& node);

  /// The key whose value is being read.
  const Node* key() const { return key_; }
  std::string key_text() const { return key_ ? key_->text : std::string(); }
  Place key_place() const { return key_ ? place(*key_) : Place{file_, 1, 1}; }

  /// While it lives, `key` is what is being read.
  class Inside {
   public:
    Inside(Reading& reading, const Node& key) : reading_(reading), before_(reading.key_) {
      reading_.key_ = &key;
    }
    ~Inside() { reading_.key_ = before_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Reading& reading_;
    const Node* before_;
  };

 private:
  void look_at_settings(Value& value, bool all_secret, bool names_of_others);
  void look_at_setting(Value& value, bool secret);

  const Interpolation& interpolation_;
  std::string file_;
  const Node* key_ = nullptr;
};

/// A plain scalar's value as YAML 1.2 (core schema) types it. Numbers with leading zeros stay
/// texts, so that nothing of a post code or a phone number is lost; so do integers beyond 64 bits.
Value typed_scalar(std::string text, Place place);

}  // namespace windrow::project
