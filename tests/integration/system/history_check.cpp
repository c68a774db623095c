#include "tests/integration/system/history_check.h"

#include <map>
#include <set>
#include <sstream>
#include <unordered_map>

namespace hookspool::testing {
namespace {

constexpr std::size_t kExamplesMax = 12;

struct Row {
  std::string id, agent_id, source, epoch;
  std::uint64_t seq = 0;
  std::string digest;  // hex SHA-256 of the body
};

struct Known {
  const SourceHistory* history;
  const Sent* sent;
  std::uint64_t rows = 0;
};

// In the order of acceptance: UUIDv7 ids grow within a journal.
std::vector<Row> read_rows(const PgCluster& postgres, const std::string& where, const std::string& schema) {
  const PgTable table = postgres.query(
      "SELECT id, agent_id, source, epoch, seq, encode(sha256(coalesce(body, "
      "convert_to(payload::text, 'UTF8'))), 'hex') FROM " +
      schema + ".events WHERE " + where + " ORDER BY id");
  std::vector<Row> rows;
  rows.reserve(table.size());
  for (const auto& columns : table) {
    rows.push_back({.id = columns[0].value_or(""),
                    .agent_id = columns[1].value_or(""),
                    .source = columns[2].value_or(""),
                    .epoch = columns[3].value_or(""),
                    .seq = std::stoull(columns[4].value_or("0")),
                    .digest = columns[5].value_or("")});
  }
  return rows;
}

class Checker {
 public:
  explicit Checker(const std::vector<SourceHistory>& histories) {
    for (const SourceHistory& history : histories) {
      for (const Sent& sent : history.sent) {
        known_.emplace(hex(sent.body_digest), Known{&history, &sent});
        ++verdict_.sent;
        verdict_.acknowledged += sent.outcome == Outcome::kOk ? 1u : 0u;
      }
    }
  }

  Verdict check(const std::vector<Row>& rows) {
    for (const Row& row : rows) take(row);
    for (const auto& [digest, known] : known_) judge(known);
    for (const auto& [lane, numbers] : numbers_) {
      const std::uint64_t span = *numbers.rbegin();
      if (span == numbers.size()) continue;
      verdict_.gaps += span - numbers.size();
      example("gap in " + lane + ": " + std::to_string(numbers.size()) + " rows, last number " +
              std::to_string(span));
    }
    return verdict_;
  }

 private:
  void take(const Row& row) {
    ++verdict_.rows;
    const std::string lane = row.agent_id + " " + row.epoch + " " + row.source;
    if (!numbers_[lane].insert(row.seq).second) {
      ++verdict_.doubled;
      example("number twice: " + lane + " " + std::to_string(row.seq));
    }
    const auto found = known_.find(row.digest);
    if (found == known_.end() || found->second.history->source != row.source) {
      ++verdict_.unexpected;
      example("row that no client sent: " + row.id + " of " + row.source);
      return;
    }
    Known& known = found->second;
    ++known.rows;
    if (known.sent->outcome == Outcome::kOk && known.sent->id != row.id) {
      ++verdict_.misnamed;
      example("answered with id " + known.sent->id + ", stored with id " + row.id);
    }
    // Order of acceptance twice over: by id, and by number within an epoch.
    std::uint64_t& last = last_by_id_[row.source];
    if (known.history->in_order && known.sent->n <= last) {
      ++verdict_.disordered;
      example("order by id: " + row.source + " " + std::to_string(known.sent->n) + " after " +
              std::to_string(last));
    }
    last = known.sent->n;
    std::uint64_t& last_seq = last_seq_[lane];
    if (row.seq <= last_seq) {
      ++verdict_.disordered;
      example("number and id disagree: " + lane + " " + std::to_string(row.seq));
    }
    last_seq = row.seq;
  }

  void judge(const Known& known) {
    const std::string name = known.history->source + " " + std::to_string(known.sent->n);
    if (known.rows > 1) {
      verdict_.doubled += known.rows - 1;
      example("there " + std::to_string(known.rows) + " times: " + name);
    }
    if (known.sent->outcome == Outcome::kOk && known.rows == 0) {
      ++verdict_.lost;
      example("lost: " + name + " id " + known.sent->id);
    }
    if (known.sent->outcome != Outcome::kOk && known.rows == 1) ++verdict_.recovered;
  }

  void example(std::string text) {
    if (verdict_.examples.size() < kExamplesMax) verdict_.examples.push_back(std::move(text));
  }

  std::unordered_map<std::string, Known> known_;  // by digest of the body: every body is different
  std::map<std::string, std::set<std::uint64_t>> numbers_;
  std::map<std::string, std::uint64_t> last_by_id_, last_seq_;
  Verdict verdict_;
};

}  // namespace

std::string Verdict::text() const {
  std::ostringstream out;
  out << "sent " << sent << ", acknowledged " << acknowledged << ", rows " << rows << ", recovered "
      << recovered << ", lost " << lost << ", doubled " << doubled << ", unexpected " << unexpected
      << ", misnamed " << misnamed << ", disordered " << disordered << ", gaps " << gaps;
  for (const std::string& example : examples) out << "\n  " << example;
  return out.str();
}

Verdict check_history(const std::vector<SourceHistory>& histories, const PgCluster& postgres,
                      const std::string& where, const std::string& schema) {
  return Checker(histories).check(read_rows(postgres, where, schema));
}

}  // namespace hookspool::testing
