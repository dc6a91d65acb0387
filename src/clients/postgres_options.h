#pragma once

#include <functional>
#include <string>

#include "clients/postgres.h"
#include "clients/transport.h"

namespace windrow::clients {

/// Options from a connection's words, which are the same whoever uses it: `url`, `user`,
/// `password`, `tls` (transport.h), `ca`, `certificate`, `certificate_key` (files, relative to
/// `root`), `application_name`. `setting` gives a word's value, empty where it is not said.
PostgresOptions postgres_options(const std::function<std::string(const char*)>& setting,
                                 const std::string& root);

/// Whom libpq would talk to, and how. Error(configuration) where the URL does not read, and where
/// its `sslmode` is weaker than what is not spelled out by `tls`.
Transport postgres_transport(const PostgresOptions& options);
/// `options.settings` and what makes libpq keep to that.
std::map<std::string, std::string> protected_settings(const PostgresOptions& options);
}  // namespace windrow::clients
