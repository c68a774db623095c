#include "agent/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace hookspool::agent {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void add_process_metrics(std::int64_t started_at_us, MetricPage& page) {
  page.process_gauge("process_start_time_seconds", "When the agent was started.")
      .value(static_cast<double>(started_at_us) / 1e6);
  rusage usage{};
  page.process_counter("process_cpu_seconds_total", "Processor time, user and system.");
  if (::getrusage(RUSAGE_SELF, &usage) == 0) page.value(seconds(usage.ru_utime) + seconds(usage.ru_stime));

  page.process_gauge("process_resident_memory_bytes", "Resident memory.");
  std::ifstream statm("/proc/self/statm");
  std::uint64_t all_pages = 0, resident_pages = 0;
  if (statm >> all_pages >> resident_pages)
    page.value(resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));

  page.process_gauge("process_open_fds", "Open descriptors.");
  std::error_code failed;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", failed);
  if (!failed) page.value(std::distance(begin(descriptors), end(descriptors)));
  rlimit limit{};
  page.process_gauge("process_max_fds", "Descriptors that the process may have.");
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) page.value(limit.rlim_cur);
}

}  // namespace hookspool::agent
