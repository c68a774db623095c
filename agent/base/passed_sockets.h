// Listening sockets that the parent process (systemd) holds open, so that connections wait in the kernel while we are
// away: systemd's protocol of $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES. Source: sd_listen_fds(3), written
// out for the same reason as notify.h. Not thread-safe: reads and clears the environment, once, at start.
#pragma once

#include <string>
#include <vector>

namespace hookspool::agent {

struct PassedSocket {
  int fd;
  std::string name;  // FileDescriptorName= of the socket unit
};

// None where they are meant for another process.
std::vector<PassedSocket> take_passed_sockets();

}  // namespace hookspool::agent
