// One word for what the agent is doing; the same in log, status, health and metrics. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

namespace hookspool::agent {

enum class Mode {
  kOnline,       // events go to PostgreSQL as they come
  kCatchingUp,   // PostgreSQL is there, a backlog is being replayed
  kOffline,      // PostgreSQL is away: journaling
  kBlocked,      // a lane, or the whole line, needs an administrator: journaling
  kRefusing,     // no room: senders get 503
  kFailed,       // the journal's disk fails: senders get 503
  kJournalOnly,  // no PostgreSQL is configured: journaling
};

struct ModeFacts {
  bool journal_accepting = true;
  bool journal_full = false;  // why it does not accept: room, else a failure
  bool postgres_configured = false;
  bool line_up = false;
  bool line_needs_a_person = false;
  std::size_t lanes_held = 0;
  std::size_t lanes_catching_up = 0;
};

Mode mode_of(const ModeFacts& facts);  // the worst that is true
std::string_view mode_name(Mode mode);
// "pass": as it should be. "warn": events are safe, but not where they belong. "fail": senders are refused.
std::string_view mode_status(Mode mode);

}  // namespace hookspool::agent
