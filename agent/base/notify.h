// systemd's notification protocol: datagrams to $NOTIFY_SOCKET. Does nothing where that is not set.
// Source: sd_notify(3). Written out here because libsystemd would bring far more than these thirty lines need.
// Thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace hookspool::agent {

void notify_systemd(const std::string& state);  // "READY=1", "STATUS=...", several lines in one

// How often WATCHDOG=1 is due (half of WatchdogSec=); zero when no watchdog is set.
std::chrono::milliseconds watchdog_interval();

}  // namespace hookspool::agent
