// What an agent that has nothing to do costs, for the rows "idle-cpu" and "idle-wakeups".
#pragma once

#include <string>
#include <vector>

namespace hookspool::bench {

struct IdleFigures {
  double cpu_percent = 0;         // of one core
  double busiest_per_second = 0;  // wake-ups of the thread that wakes most often
  double all_per_second = 0;
  std::vector<std::string> busiest;  // "NAME 1.0/s", the first few
};

}  // namespace hookspool::bench
