#pragma once

#include <functional>
#include <string>

#include "clients/postgres.h"

namespace windrow::clients {

/// Options from a connection's words, which are the same whoever uses it: `url`, `user`,
/// `password`, `tls` (libpq's sslmode), `ca`, `certificate`, `certificate_key` (files, relative to
/// `root`), `application_name`. `setting` gives a word's value, empty where it is not said.
PostgresOptions postgres_options(const std::function<std::string(const char*)>& setting,
                                 const std::string& root);

}  // namespace windrow::clients
