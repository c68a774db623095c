// What an administrator is notified of: that something has begun, or is over. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hookspool::agent {

enum class AlertKind {
  kOffline,       // PostgreSQL is away for longer than offline_after
  kRefused,       // PostgreSQL answers, and refuses the agent
  kLaneBlocked,   // a lane waits for an administrator; the subject is its name
  kRefusing,      // no room: senders get 503
  kFailed,        // the journal's disk fails: senders get 503
  kDamaged,       // files of the journal cannot be read, or were set aside
  kNearlyFull,    // the journal will be full within full_within
  kGaps,          // acknowledged events are lost, or recorded as lost
  kDeadLetters,   // their number grows
  kSourceSilent,  // a source sends nothing for unusually long; the subject is its name
  kCertificate,   // ends within certificate_within; the subject is whose: "intake", "postgres"
  kTest,          // of `hookspool alert test`
};

std::string_view alert_name(AlertKind kind);  // "lane-blocked": stable, for programs

// Something that is so at the moment.
struct Condition {
  AlertKind kind;
  std::string subject;  // of which there may be several; else empty
  std::string text;     // one sentence; never a webhook's content
  std::string hint;     // what to do
};

// A transition.
struct Alert {
  Condition condition;
  bool resolved = false;      // it is over; else it has begun
  std::int64_t since_us = 0;  // wall clock: when it began
  std::int64_t at_us = 0;     // wall clock: of this transition
};

// Whose alerts these are.
struct AlertOrigin {
  std::string agent_id, host;
};

}  // namespace hookspool::agent
