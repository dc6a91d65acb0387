#pragma once

#include "project/keys.h"
#include "project/task.h"

/// Parts of the declaration of a task.
namespace windrow::project {

/// A SELECT, or a mapping that also says where it runs; `word`: one that may stand instead.
Type<Look> look_type(const std::string& word = {});
/// What a command says of itself, `command` and the keys beside it.
Keys<Task> command_keys();
/// A URL, or a mapping.
Type<HttpBody> http_type();
Type<RunBody> run_type();
Type<ForEach> for_each_type();
Type<RepeatUntil> repeat_until_type();

}  // namespace windrow::project
