// What an exception that no thread has caught does: it ends the process with a clear line in the log and exit code 70, so
// that systemd starts it anew. What was acknowledged is on disk. Threads that can go on with their next round catch their
// own; the journal's writer and a listener's loop cannot, for what they were in the middle of is not known then.
// Thread-safe.
#pragma once

namespace hookspool::agent {

// Once, at the start of `hookspool run`, after start_log().
void install_last_resort();

}  // namespace hookspool::agent
