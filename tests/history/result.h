// Everything that a run of the history checker leaves behind, as plain data: what clients were answered, what is in
// PostgreSQL and in the journal afterwards, what was broken meanwhile and when. It can be kept as a file and checked
// again. Times are wall clock in microseconds, of the checker's own clock, which no fault touches. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/system/raw_client.h"

namespace hookspool::history {

using testing::Outcome;

enum class Kind {
  kGood,
  kPoison,     // a rule of the table refuses it: it belongs among the dead letters
  kMalformed,  // no HTTP request that the agent may take: it must never be stored
};

// One request, sent once. A repeat of a delivery is a Send of its own with the same n and the same bytes.
struct Send {
  std::string source{};
  bool in_order = true;  // the source has one request open at a time
  std::uint64_t n = 0;   // the delivery: 1, 2, 3, ... within the source
  std::uint64_t ordinal = 0;
  Kind kind = Kind::kGood;
  std::string digest{};  // hex SHA-256 of the body
  Outcome outcome = Outcome::kUnknown;
  int status = 0;
  std::string id{};  // of a 2xx
  std::int64_t sent_us = 0;
  std::int64_t answered_us = 0;
  std::uint64_t life = 0;  // of the agent, when it was sent

  // The sender's delivery id, also sent as a header of its own. The tables refuse those of planted events.
  std::string key() const {
    return source + "-" + std::to_string(n) + (kind == Kind::kPoison ? "-poison" : "");
  }
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.source), v(s.in_order), v(s.n), v(s.ordinal), v(s.kind), v(s.digest), v(s.outcome), v(s.status),
        v(s.id), v(s.sent_us), v(s.answered_us), v(s.life);
  }
};

// A row of a table, or a dead letter.
struct Landed {
  std::string id{}, agent_id{}, epoch{}, source{};
  std::uint64_t seq = 0;
  std::string key{};       // the column delivery_id
  std::string header{};    // x-check, which every client sets to its delivery id
  std::string digest{};    // hex SHA-256 of the body
  std::string sqlstate{};  // of a dead letter
  std::int64_t at_us = 0;  // when it became a dead letter
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.id), v(s.agent_id), v(s.epoch), v(s.source), v(s.seq), v(s.key), v(s.header), v(s.digest),
        v(s.sqlstate), v(s.at_us);
  }
};

struct Watermark {
  std::string agent_id{}, epoch{}, lane{};
  std::uint64_t seq = 0;
  std::string event_id{};
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.agent_id), v(s.epoch), v(s.lane), v(s.seq), v(s.event_id);
  }
};

struct Gap {
  std::string epoch{}, lane{};
  std::uint64_t first_seq = 0, last_seq = 0;
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.epoch), v(s.lane), v(s.first_seq), v(s.last_seq);
  }
};

// A row of the events table, as consumers read it.
struct Numbered {
  std::string id{};
  std::uint64_t feed = 0, arrival = 0;  // 0: it has none
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.id), v(s.feed), v(s.arrival);
  }
};

struct Feed {
  std::uint64_t feed = 0;
  std::string agent_id{}, source{};
  std::uint64_t arrival = 0;
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.feed), v(s.agent_id), v(s.source), v(s.arrival);
  }
};

// What the journal still holds after the drain.
struct Journaled {
  std::string id{}, epoch{}, lane{};
  std::uint64_t seq = 0;
  bool again = false;  // a dead letter that was put back
  std::string digest{};
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.id), v(s.epoch), v(s.lane), v(s.seq), v(s.again), v(s.digest);
  }
};

struct Fault {
  std::string name{};
  std::int64_t begin_us = 0, end_us = 0;
  std::uint64_t hits = 0;           // proof from the injector; 0 makes the run void
  std::string proof{};              // what was counted
  bool refuses_rows = false;        // a changed table: good events may become dead letters meanwhile
  bool loses_commits = false;       // a failover or a restore: watermarks may go back
  bool forgets_deliveries = false;  // a journal that is older or new: what it lacks is taken anew
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.name), v(s.begin_us), v(s.end_us), v(s.hits), v(s.proof), v(s.refuses_rows), v(s.loses_commits),
        v(s.forgets_deliveries);
  }
};

// The sum of all watermarks, seen every so often.
struct Sample {
  std::int64_t at_us = 0;
  std::uint64_t delivered = 0;
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.at_us), v(s.delivered);
  }
};

// A life of the agent that said in its log that it does not know all deliveries (yet).
struct Unindexed {
  std::int64_t begin_us = 0, end_us = 0;
  std::string said{};
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.begin_us), v(s.end_us), v(s.said);
  }
};

// A watermark that was seen lower than before.
struct WentBack {
  std::int64_t after_us = 0, at_us = 0;  // between these two looks
  std::string epoch{}, lane{};
  std::uint64_t from_seq = 0, to_seq = 0;
  template <class Self, class Visitor>
  static void visit(Self& s, Visitor&& v) {
    v(s.after_us), v(s.at_us), v(s.epoch), v(s.lane), v(s.from_seq), v(s.to_seq);
  }
};

struct Result {
  std::vector<Send> sends{};
  std::vector<Landed> rows{};
  std::vector<Landed> dead_letters{};  // at the end
  std::vector<Landed> ever_dead{};     // every one that ever was, by a trigger's witness
  std::vector<Watermark> watermarks{};
  std::vector<Gap> gaps{};
  std::vector<Numbered> numbered{};
  std::vector<Feed> feeds{};
  std::vector<Journaled> journal{};
  std::vector<Fault> faults{};
  std::vector<Sample> samples{};
  std::vector<WentBack> went_back{};
  std::vector<Unindexed> unindexed{};
};

// Text, one record a line, fields separated by tabs. Throws std::runtime_error.
void save(const Result& result, const std::filesystem::path& file);
Result load(const std::filesystem::path& file);

// One Send as a line of a client's log.
std::string line_of(const Send& send);

}  // namespace hookspool::history
