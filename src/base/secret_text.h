#pragma once

#include <string>
#include <string_view>

#include "base/secrets.h"

/// What is a secret, and how it is kept out of texts with a form of their own (docs/security.md).
namespace windrow {

/// True for names such as DB_PASSWORD, api-key, accessToken, client.secret: words of the name are,
/// or end with, what secrets are called. `TOKEN_FILE`, `KEY_COLUMN` and the like name no secret.
bool names_secret(std::string_view name);

/// True for the headers of HTTP that a log-in goes in, whatever the case of the letters.
bool is_login_header(std::string_view name);

/// The password of a URL, and what its query holds under the names of secrets; of a URL that does
/// not read as one, all that may be a password.
void learn_url(Secrets& secrets, std::string_view url);

/// As a text stands between the quotes of JSON.
std::string json_escaped(std::string_view text);

/// `Secrets::redact` of a JSON document, which stays one: only what is inside of its texts changes.
std::string redact_json(const Secrets& secrets, std::string_view json);

}  // namespace windrow
