#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/role.h"
#include "base/clock.h"

/// Users of servers, in one SQLite file; several processes may work with it. Times are the clock's.
/// Failures are Errors; nothing is half done. Safe from any thread.
namespace windrow::access {

struct User {
  std::string name;
  Role role = Role::viewer;
  Time created;
  std::optional<Time> last_login;
};

struct Token {
  std::string id, name;
  Role role = Role::viewer;
  std::string created_by;
  Time created;
  std::optional<Time> expires;  ///< nothing: never
  std::optional<Time> last_used;
};

/// The answer to a request that may come again.
struct Remembered {
  std::string request;        ///< a hash of what was asked
  std::optional<int> status;  ///< nothing: it was begun, and nobody knows more
  std::string body, type;
  bool ours = false;  ///< this process began it
};

class Accounts {
 public:
  /// `folder` is made where it is not there, for its owner alone. Error(unsupported) where a newer
  /// program made the file.
  Accounts(const std::string& folder, const Clock& clock);
  ~Accounts();

  // --- users ------------------------------------------------------------------------------------
  bool any_users() const;
  std::vector<User> users() const;
  /// Error(usage) for a name or password that will not do, or a user that there is already.
  void add_user(const std::string& name, const std::string& password, Role role);
  void set_password(const std::string& name, const std::string& password);
  /// With sessions, and tokens that it made. Error(usage) for the last administrator.
  void remove_user(const std::string& name);
  /// Nothing where the name or the password is wrong. Takes a tenth of a second.
  std::optional<Identity> with_password(const std::string& name, const std::string& password);

  // --- sessions ---------------------------------------------------------------------------------
  struct Session {
    std::string secret;  ///< for a cookie
    Time expires;
  };
  Session begin_session(const std::string& user);
  std::optional<Identity> with_session(const std::string& secret);
  void end_session(const std::string& secret);

  // --- tokens -----------------------------------------------------------------------------------
  std::vector<Token> tokens() const;
  /// Gives id and secret, which is told once.
  std::pair<std::string, std::string> add_token(const std::string& name, Role role,
                                                const std::string& by, std::optional<Time> expires);
  void remove_token(const std::string& id);
  std::optional<Identity> with_token(const std::string& secret);

  // --- the first administrator ------------------------------------------------------------------
  /// A secret for one hour, with which the first user is made; those of before hold no more.
  std::string new_setup();
  /// Error(permission) where the secret is not the present one, or there is a user.
  void set_up(const std::string& secret, const std::string& name, const std::string& password);

  // --- requests that are sent twice -------------------------------------------------------------
  /// What is known of a key of somebody; where nothing is, it is written down that it was begun.
  std::optional<Remembered> remembered(const std::string& who, const std::string& key,
                                       const std::string& request);
  void remember(const std::string& who, const std::string& key, int status, const std::string& body,
                const std::string& type);
  /// It was refused before anything was done: it may be asked again.
  void forget(const std::string& who, const std::string& key);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Where a server keeps its users: what is said, else WINDROW_HOME, else the user's folder for
/// state.
std::string home_folder(const std::string& said);

}  // namespace windrow::access
