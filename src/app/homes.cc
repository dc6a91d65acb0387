#include "app/homes.h"

#include "storage/s3_file_system.h"
#include "storage/webhdfs_file_system.h"

namespace windrow::app {

std::unique_ptr<storage::Homes> all_homes(storage::Environment environment, Secrets& secrets) {
  auto out = std::make_unique<storage::Homes>();
  out->add({"s3", "s3a"}, [environment, &secrets]() -> std::shared_ptr<storage::FileSystem> {
    return storage::s3_file_system(storage::s3_options(environment), environment,
                                   [&secrets](std::string_view secret) { secrets.learn(secret); });
  });
  out->add({"hdfs", "webhdfs", "swebhdfs"},
           [environment, &secrets]() -> std::shared_ptr<storage::FileSystem> {
             auto options = storage::webhdfs_options(environment);
             if (!options.delegation_token.empty()) secrets.learn(options.delegation_token);
             return storage::webhdfs_file_system(std::move(options));
           });
  return out;
}

}  // namespace windrow::app
