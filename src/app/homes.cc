#include "app/homes.h"

#include "storage/s3_file_system.h"

namespace windrow::app {

std::unique_ptr<storage::Homes> all_homes(storage::Environment environment, Secrets& secrets) {
  auto out = std::make_unique<storage::Homes>();
  out->add({"s3", "s3a"}, [environment, &secrets]() -> std::shared_ptr<storage::FileSystem> {
    return storage::s3_file_system(storage::s3_options(environment), environment,
                                   [&secrets](std::string_view secret) { secrets.learn(secret); });
  });
  return out;
}

}  // namespace windrow::app
