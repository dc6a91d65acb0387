// For bench/archiver.py: reads a topic from its first message to its end with librdkafka alone and
// drops everything. kafka_bare BROKERS TOPIC MESSAGES
#include <librdkafka/rdkafka.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const long wanted = std::atol(argv[3]);
  char text[512];
  auto* conf = rd_kafka_conf_new();
  const char* const settings[][2] = {
      {"bootstrap.servers", argv[1]},          {"group.id", "bare"},
      {"enable.auto.commit", "false"},         {"auto.offset.reset", "earliest"},
      {"queued.max.messages.kbytes", "32768"}, {"fetch.message.max.bytes", "4194304"}};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) return 2;
  }
  auto* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
  if (!client) return 2;
  rd_kafka_poll_set_consumer(client);
  auto* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(client, topics);
  auto* queue = rd_kafka_queue_get_consumer(client);
  std::vector<rd_kafka_message_t*> messages(10'000);
  long count = 0;
  unsigned long long bytes = 0;
  while (count < wanted) {
    const auto got = rd_kafka_consume_batch_queue(queue, 100, messages.data(), messages.size());
    for (ssize_t i = 0; i < got; ++i) {
      if (!messages[size_t(i)]->err) ++count, bytes += messages[size_t(i)]->len;
      rd_kafka_message_destroy(messages[size_t(i)]);
    }
  }
  std::printf("%ld %llu\n", count, bytes);
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_partition_list_destroy(topics);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}
