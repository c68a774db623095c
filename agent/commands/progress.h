// What a long command is at, in one line of standard error that is written again and again, and is gone at the end. Nothing
// where that is no terminal. Not thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace hookspool::agent {

class Progress {
 public:
  static constexpr std::chrono::milliseconds kInterval{100};

  Progress();
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // At most once an interval. `text`: short, one line.
  void show(const std::string& text);

 private:
  const bool on_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point shown_at_{};
};

}  // namespace hookspool::agent
