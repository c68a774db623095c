#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "agent/app/command_line.h"
#include "agent/commands/output.h"

namespace {

// A login shell allows 1024 open files, fewer than the intake's connections_max; the hard limit is what an
// administrator decided.
void allow_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that closes its end is an error of the write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  allow_open_files();
  // What is written here is what senders sent: for the owner alone. Sockets get their modes explicitly.
  ::umask(S_IRWXG | S_IRWXO);
  return hookspool::agent::finish_output(hookspool::agent::command_line(argc, argv));
}
