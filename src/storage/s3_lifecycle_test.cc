#include "storage/s3_lifecycle.h"

#include <gtest/gtest.h>

namespace windrow::storage {
namespace {

TEST(S3Lifecycle, KeepsTheRulesOfOthers) {
  const std::string there =
      "<?xml version=\"1.0\"?><LifecycleConfiguration xmlns=\"http://s3\"><Rule><ID>logs</ID>"
      "<Status>Enabled</Status><Expiration><Days>1</Days></Expiration></"
      "Rule><Rule><ID>windrow-a-old"
      "</ID><Status>Enabled</Status></Rule></LifecycleConfiguration>";
  EXPECT_EQ(
      lifecycle_document({{"windrow-a-bronze", "lake/b&w/part-", 30, 90, 365}}, there,
                         "windrow-a-"),
      "<LifecycleConfiguration><Rule><ID>logs</ID><Status>Enabled</Status><Expiration>"
      "<Days>1</Days></Expiration></Rule><Rule><ID>windrow-a-bronze</ID><Filter><Prefix>"
      "lake/b&amp;w/part-</Prefix></Filter><Status>Enabled</Status><Transition><Days>30</Days>"
      "<StorageClass>STANDARD_IA</StorageClass></Transition><Transition><Days>90</Days>"
      "<StorageClass>GLACIER_IR</StorageClass></Transition><Expiration><Days>365</Days>"
      "</Expiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
      "</AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>");
}

}  // namespace
}  // namespace windrow::storage
