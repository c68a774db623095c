#include "net/pg/delivery/target.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "net/pg/delivery/copy_rows.h"
#include "net/pg/delivery/feed_counter.h"
#include "net/pg/delivery/target_own.h"
#include "net/pg/delivery/target_several.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/retention_schema.h"
#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

class EventsTable : public Target {
 public:
  EventsTable(Connection& connection, const PgOptions& options, std::string agent_id, std::string lane)
      : connection_(connection),
        options_(options),
        agent_id_(std::move(agent_id)),
        lane_(std::move(lane)),
        schema_(quote_identifier(options.schema)),
        rules_(body_rules(options.tables.get(), lane_)),
        counter_(connection, options, agent_id_, lane_) {}

  void expect(std::size_t rows) override { expected_ = rows; }

  PgResult<void> begin(const std::string& before, std::string_view attempt) override {
    auto answer = start_copy(before + counter_.lock_and_move_sql(expected_), attempt);
    if (!answer) return fail(std::move(answer).error());
    if (!counter_.take(*answer)) return fail(no_feed());
    return {};
  }

  PgResult<void> put(std::span<const EventPtr> events) override {
    if (auto some = put_some(events); !some) return some;
    return finish();
  }

  PgResult<void> put_some(std::span<const EventPtr> events) override {
    if (!copy_) {
      if (auto started = start(); !started) return started;
    }
    const bool utf8 = connection_.database_is_utf8();
    for (const EventPtr& event : events)
      write_event_row(*copy_, agent_id_, Outgoing(*event, rules_), counter_.next(), utf8);
    rows_ += events.size();
    return copy_->failed() ? finish() : PgResult<void>();
  }

  PgResult<void> finish() override {
    if (!copy_) return {};
    auto copied = copy_->finish();
    copy_.reset();
    if (!copied) return fail(duplicate_or(std::move(copied).error()));
    if (*copied != rows_) {
      return fail(PgError{.error_class = ErrorClass::kSetup,
                          .text = "copying rows: PostgreSQL took " + std::to_string(*copied) + " of " +
                                  std::to_string(rows_) + " rows",
                          .hint = "A trigger or a rule on the table drops rows: it must let every row in."});
    }
    return {};
  }

  PgResult<std::uint64_t> put_missing(std::span<const EventPtr> events, Pruned pruned) override {
    auto there = ids_there(events, pruned);
    if (!there) return fail(std::move(there).error());
    std::vector<EventPtr> missing;
    std::copy_if(events.begin(), events.end(), std::back_inserter(missing),
                 [&](const EventPtr& event) { return there->insert(event->id).second; });
    if (missing.empty()) return std::uint64_t{0};
    if (auto put_in = put(missing); !put_in) {
      PgError error = std::move(put_in).error();
      // Another agent with the same events has put them in since they were looked for; the next look finds them.
      if (is_there_already(error)) error.error_class = ErrorClass::kOutage;
      return fail(std::move(error));
    }
    return static_cast<std::uint64_t>(missing.size());
  }

  PgResult<void> refuse_perhaps_deleted(std::span<const EventPtr> events) override {
    const auto there = ids_there(events, Pruned::kPutIn);
    if (!there) return fail(there.error());
    const auto perhaps = ids_there(events, Pruned::kLeaveOut);
    if (!perhaps) return fail(perhaps.error());
    for (const EventPtr& event : events) {
      if (there->contains(event->id) || !perhaps->contains(event->id)) continue;
      return fail(PgError{
          .error_class = ErrorClass::kEvent,
          .sqlstate = "55000",
          .text = "comparing by id: keep_rows has deleted rows with later ids, so this one may have been "
                  "there and been deleted; nothing says that it was ever delivered",
          .hint = "hookspool dead retry puts it in, if no consumer has had it."});
    }
    return {};
  }

  std::string closing_sql() const override { return counter_.move_sql(); }
  void savepoint() override { counter_.savepoint(); }
  void back_to_savepoint() override { counter_.back_to_savepoint(); }

  bool comparable() const override { return true; }

  std::string exists_sql(const std::string& where) const override {
    return "EXISTS (SELECT FROM " + schema_ + ".events" + where + ") OR EXISTS (SELECT FROM " + schema_ +
           ".dead_letters" + where + ")";
  }

  PgError explained(PgError error) override { return error; }

 private:
  // The feed is locked by the same message, once in a transaction.
  PgResult<void> start() {
    if (counter_.is_locked()) return done(start_copy("", "starting COPY"));
    auto answer = start_copy(counter_.lock_sql(), "starting COPY");
    if (!answer) return fail(std::move(answer).error());
    if (counter_.take(*answer)) return {};
    // The first row of this source: its feed is made now, which a connection in the middle of a COPY cannot.
    auto ended = copy_->finish();
    copy_.reset();
    if (!ended) return fail(not_the_event(std::move(ended).error()));
    auto made = connection_.query(counter_.make_sql(), statement_deadline(options_), "making the feed");
    if (!made) return fail(not_the_event(std::move(made).error()));
    answer = start_copy(counter_.lock_sql(), "starting COPY");
    if (!answer) return fail(std::move(answer).error());
    if (!counter_.take(*answer)) return fail(no_feed());
    return {};
  }

  // The rows that the last of `before` answers.
  PgResult<PgRows> start_copy(const std::string& before, std::string_view attempt) {
    const Deadline deadline = statement_deadline(options_);
    auto started = connection_.copy_start(before + "COPY " + schema_ + ".events (" +
                                              std::string(kEventColumns) + ") FROM STDIN (FORMAT binary)",
                                          deadline, attempt);
    if (!started) return fail(not_the_event(std::move(started).error()));
    copy_.emplace(connection_, deadline);
    rows_ = 0;
    return started;
  }

  static PgResult<void> done(PgResult<PgRows> answer) {
    if (!answer) return fail(std::move(answer).error());
    return {};
  }

  PgError no_feed() const {
    return {
        .error_class = ErrorClass::kSetup,
        .text = "numbering rows: " + schema_ + ".feeds has no row for " + lane_ + ", although one was made",
        .hint = "A rule, a trigger or row-level security on that table: it must show the agent its rows."};
  }

  // Those of them that are rows, dead letters, or were discarded; or deleted by retention, perhaps.
  PgResult<std::set<Uuid>> ids_there(std::span<const EventPtr> events, Pruned pruned) {
    std::string ids;
    for (const EventPtr& event : events) ids += (ids.empty() ? "'{" : ",") + event->id.to_string();
    if (ids.empty()) return std::set<Uuid>();
    const std::string list = ids + "}'::pg_catalog.uuid[]", where = " WHERE id = ANY (" + list + ")";
    auto rows = connection_.query(
        "SELECT id FROM " + schema_ + ".events" + where + " UNION ALL SELECT id FROM " + schema_ +
            ".dead_letters" + where + " UNION ALL SELECT id FROM " + schema_ + ".discarded" + where +
            (pruned == Pruned::kLeaveOut
                 ? " UNION ALL " + pruned_ids_sql(connection_, options_.schema, agent_id_, lane_, list)
                 : std::string()),
        statement_deadline(options_), "looking for events by id");
    if (!rows) return fail(not_the_event(std::move(rows).error()));
    std::set<Uuid> there;
    for (const auto& row : rows->rows) {
      if (const auto id = Uuid::parse(row.at(0).value_or(""))) there.insert(*id);
    }
    return there;
  }

  static bool is_there_already(const PgError& error) {
    return error.sqlstate == "23505" && is_events_primary_key(error.constraint);
  }

  // Our own key refusing a row is not the event's fault: the rows are there, and the watermark does not say so.
  PgError duplicate_or(PgError error) const {
    if (!is_there_already(error)) return error;
    error.error_class = ErrorClass::kSetup;
    error.hint =
        "Rows of lane " + lane_ + " above its watermark are already in " + schema_ +
        ".events: the table watermarks was changed by hand, or one of the two tables was restored without "
        "the other. hookspool repair " +
        lane_ + " compares by id and goes on.";
    return error;
  }

  Connection& connection_;
  const PgOptions& options_;
  const std::string agent_id_, lane_;
  const std::string schema_;  // quoted
  const BodyRules& rules_;
  std::optional<CopyWriter> copy_;  // under way
  std::uint64_t rows_ = 0;          // given to it
  FeedCounter counter_;
  std::size_t expected_ = 0;  // rows
};

}  // namespace

std::unique_ptr<Target> Target::of_lane(Connection& connection, const PgOptions& options,
                                        std::string agent_id, std::string lane) {
  const LaneMapping* mapping = options.tables ? options.tables->find(lane) : nullptr;
  std::vector<std::unique_ptr<Target>> targets;
  if (mapping != nullptr) {
    for (const TableMapping& table : mapping->tables)
      targets.push_back(std::make_unique<OwnTable>(connection, options, table, agent_id, lane));
  }
  if (mapping == nullptr || mapping->also_events)
    targets.push_back(std::make_unique<EventsTable>(connection, options, agent_id, lane));
  if (targets.size() == 1) return std::move(targets.front());
  return std::make_unique<SeveralTargets>(std::move(targets));
}

}  // namespace hookspool::net
