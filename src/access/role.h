#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windrow::access {

/// Each may do what those before it may, and more.
enum class Role {
  nobody,     ///< has not said who it is
  viewer,     ///< looks, and asks for rows
  operators,  ///< also begins, stops and repeats what is declared
  editor,     ///< also says what holds from now on
  admin       ///< also users and tokens
};

inline std::string_view name_of(Role role) {
  switch (role) {
    case Role::viewer: return "viewer";
    case Role::operators: return "operator";
    case Role::editor: return "editor";
    case Role::admin: return "admin";
    case Role::nobody: break;
  }
  return "nobody";
}

/// Of a user or token; nothing where there is none of that name.
inline std::optional<Role> role_named(std::string_view name) {
  for (const auto role : {Role::viewer, Role::operators, Role::editor, Role::admin})
    if (name_of(role) == name) return role;
  return {};
}

/// Who asks.
struct Identity {
  std::string name;  ///< of the user, or `token NAME`; empty: nobody has said
  Role role = Role::nobody;
};

}  // namespace windrow::access
