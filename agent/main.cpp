#include <csignal>

#include "agent/command_line.h"

int main(int argc, char** argv) {
  // A peer that closes its end is an error of the write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  return hookspool::agent::command_line(argc, argv);
}
