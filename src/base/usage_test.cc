#include "base/usage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace windrow {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Keeps the thread busy for so much of its own processor time.
void work_for(nanoseconds time) {
  const auto now = [] {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
  };
  for (const auto end = now() + time; now() < end;) continue;
}

nanoseconds cpu_of(const Meter& meter) { return meter.usage().cpu.value_or(nanoseconds(0)); }

TEST(Usage, WhatIsNotKnownStaysSo) {
  Usage all;
  EXPECT_EQ(all, Usage{});
  Usage part;
  part.bytes_read = 0;
  part.peak_memory = 7;
  all += part;
  part.peak_memory = 5;
  part.bytes_read = 3;
  all += part;
  EXPECT_EQ(all.bytes_read, 3);
  EXPECT_EQ(all.peak_memory, 7);
  EXPECT_FALSE(all.cpu || all.files_read || all.bytes_written || all.files_written);
}

TEST(Meter, CountsTheTimeOfEachThreadOnce) {
  Meter meter;
  {
    const CpuScope outer(&meter);
    work_for(milliseconds(20));
    const CpuScope inner(&meter);
    work_for(milliseconds(20));
  }
  EXPECT_GE(cpu_of(meter), milliseconds(40));
  EXPECT_LT(cpu_of(meter), milliseconds(55));
  std::thread([&] {
    const CpuScope other(&meter);
    work_for(milliseconds(20));
  }).join();
  EXPECT_GE(cpu_of(meter), milliseconds(60));
  const CpuScope nobody(nullptr);
}

TEST(Meter, WaitingIsNoWork) {
  Meter meter;
  {
    const CpuScope cpu(&meter);
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_TRUE(meter.usage().cpu);
  EXPECT_LT(cpu_of(meter), milliseconds(20));
}

TEST(Meter, APauseCountsOnlyWhatBeginsInIt) {
  Meter outer, inner;
  {
    const CpuScope cpu(&outer);
    work_for(milliseconds(10));
    {
      const CpuPause pause;
      work_for(milliseconds(30));
      const CpuScope in(&inner);
      work_for(milliseconds(10));
    }
    work_for(milliseconds(10));
  }
  EXPECT_GE(cpu_of(outer), milliseconds(20));
  EXPECT_LT(cpu_of(outer), milliseconds(28));
  EXPECT_GE(cpu_of(inner), milliseconds(10));
  EXPECT_LT(cpu_of(inner), milliseconds(15));
  const CpuPause of_nothing;
}

TEST(Meter, TwoAtOnceDoNotCountEachOther) {
  Meter little, much;
  std::atomic<bool> begun = false, done = false;
  std::thread other([&] {
    const CpuScope cpu(&much);
    for (begun = true; !done;) work_for(milliseconds(1));
  });
  {
    const CpuScope cpu(&little);
    while (!begun) std::this_thread::yield();
    work_for(milliseconds(5));
    std::this_thread::sleep_for(milliseconds(100));
  }
  done = true;
  other.join();
  EXPECT_GE(cpu_of(little), milliseconds(5));
  EXPECT_LT(cpu_of(little), cpu_of(much));
}

TEST(Meter, AFileCountsOnceAndOnlyWhereRowsAreRead) {
  Meter meter;
  meter.opened_inside("a");
  meter.opened_inside("a");
  meter.opened_inside("b");
  meter.read_inside(10);
  EXPECT_EQ(meter.usage().files_read, 2);
  EXPECT_EQ(meter.usage().bytes_read, 10);

  Meter source;
  source.reads_outside();
  source.opened_inside("the table itself");
  source.read_inside(10);
  EXPECT_EQ(source.usage(), Usage{});
  Usage taken;
  taken.bytes_read = 5;
  source.add(taken);
  EXPECT_EQ(source.usage().bytes_read, 5);
}

TEST(Process, HasAPeakOfMemory) {
  const auto before = process_peak_memory();
  ASSERT_TRUE(before);
  EXPECT_GT(*before, 1 << 20);
  std::string big(64 << 20, 'x');
  EXPECT_EQ(big.back(), 'x');
  EXPECT_GE(*process_peak_memory(), *before + (32 << 20));
}

}  // namespace
}  // namespace windrow
