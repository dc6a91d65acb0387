#include "clients/postgres_options.h"

namespace windrow::clients {

PostgresOptions postgres_options(const std::function<std::string(const char*)>& setting,
                                 const std::string& root) {
  struct Word {
    const char* ours;
    const char* theirs;
    bool file = false;
  };
  static const Word words[] = {{"user", "user"},
                               {"password", "password"},
                               {"tls", "sslmode"},
                               {"ca", "sslrootcert", true},
                               {"certificate", "sslcert", true},
                               {"certificate_key", "sslkey", true},
                               {"application_name", "application_name"}};
  PostgresOptions out;
  out.url = setting("url");
  for (const auto& word : words) {
    std::string value = setting(word.ours);
    if (value.empty()) continue;
    if (word.file && !value.starts_with('/')) value = root + "/" + value;
    out.settings[word.theirs] = value;
  }
  return out;
}

}  // namespace windrow::clients
