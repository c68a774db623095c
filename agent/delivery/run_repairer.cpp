// What a lane does when it cannot simply go on: a refused event, numbers that are not its own, failures.
#include <algorithm>
#include <utility>

#include "agent/base/backoff.h"
#include "agent/base/entropy.h"
#include "agent/base/log.h"
#include "agent/delivery/held_batch.h"
#include "agent/delivery/lane.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;

// Numbers looked at in one step for one that can be read; what lies behind them is found in the next.
constexpr std::size_t kDamagedTriesMax = 256;

// What is told once; an error without a SQLSTATE is the journal's.
std::string reason(const std::string& sqlstate) {
  return sqlstate.empty() ? "journal" : sqlstate;
}

}  // namespace

// What the disk has lost or altered is lost whatever we wait for: the numbers go into the table of gaps, in the
// transaction that moves the watermark over them, and what can be read is delivered.
Lane::Step Lane::skip_damaged(net::DeliveryTransaction transaction, const storage::LaneRun& run,
                              const storage::JournalError& damage) {
  live_.close();
  const std::uint64_t first = transaction.position().seq + 1;
  // Once more from the disk, past whatever the failed reader held in memory.
  const auto again = context_.journal.read(name_, run.epoch, first, 1, 1);
  if (again) return {Next::kMore, {}, {}};
  const auto last = end_of_damage(run, first, damage);
  if (!last) return failed(last.error());
  const Uuid before_damage = transaction.position().id;
  const auto skipped = transaction.skip_gap(*last);
  if (!skipped) return failed(skipped.error());
  const auto committed = transaction.commit();
  if (!committed) return failed(committed.error());
  context_.journal.confirm(name_, run.epoch, transaction.position());
  context_.figures.gaps += *last - first + 1;
  log_error("lane " + name_ + ": these numbers are recorded in PostgreSQL's table of gaps");
  tell_lost(run, first, *last, before_damage);
  succeeded(false);
  return {Next::kMore, {}, {}};
}

// The last number in a row from `first` on that cannot be read, as far as one step looks. Says what is lost.
Result<std::uint64_t, storage::JournalError> Lane::end_of_damage(const storage::LaneRun& run,
                                                                 std::uint64_t first,
                                                                 const storage::JournalError& damage) {
  const auto next = context_.journal.next_readable(name_, run.epoch, first, kDamagedTriesMax);
  if (!next) return fail(next.error());
  const std::uint64_t last = std::min(*next - 1, run.last_seq);
  log_error("lane " + name_ + ": LOST: " + std::to_string(last - first + 1) + " events, numbers " +
            std::to_string(first) + " to " + std::to_string(last) + " of epoch " + run.epoch.to_string() +
            ", cannot be read from the journal: " + damage.text);
  return last;
}

// The events of a run that another journal uses as well are proven by their ids, one batch at a time; the watermark
// stays where its other owner has it. The cursor remembers how far we are; losing it means comparing again.
Lane::Step Lane::reconcile(net::Connection& connection, net::DeliveryTransaction transaction,
                           const storage::LaneRun& run, const std::string& reason) {
  live_.close();
  if (run.current) {
    log_error("lane " + name_ + ": " + reason + ". A new epoch begins; what is not proven is compared by id");
    const auto begun = context_.journal.begin_epoch();
    if (!begun) return failed(begun.error());
    return {Next::kMore, {}, {}};
  }
  const std::uint64_t from_seq = std::max(run.confirmed.seq + 1, run.first_seq);
  if (from_seq > run.last_seq) return {Next::kMore, {}, {}};
  auto batch =
      context_.journal.read(name_, run.epoch, from_seq, compared_events_max(), held_bytes_max(*config_));
  if (!batch && batch.error().kind == storage::JournalError::Kind::kCorrupt) {
    const auto last = end_of_damage(run, from_seq, batch.error());
    if (!last) return failed(last.error());
    context_.journal.confirm(name_, run.epoch, {*last, Uuid{}});
    return {Next::kMore, {}, {}};
  }
  if (!batch) return failed(batch.error());
  auto missing = transaction.reconcile(*batch);
  if (missing) {
    if (const auto committed = transaction.commit(); !committed) missing = fail(committed.error());
  }
  if (!missing) {
    { const auto rolled_back = std::move(transaction); }
    if (const auto step = compare_refused(connection, run, *batch, missing.error())) return *step;
    missing = std::uint64_t{0};
  } else {
    compared_refused_ = 0;
  }
  context_.figures.reconciled += *missing;
  if (from_seq == std::max<std::uint64_t>(run.first_seq, 1) || *missing > 0) {
    log_warn("lane " + name_ + ": " + reason + ". Compared " + std::to_string(batch->size()) +
             " events by id, " + std::to_string(*missing) + " were missing");
  }
  context_.journal.confirm(name_, run.epoch, {batch->back()->seq, batch->back()->id});
  succeeded(false);
  return {Next::kMore, {}, {}};
}

// Goes through every retained run, puts in by id what is missing, and takes the watermark along. Each batch is a
// transaction of its own; interrupted, it leaves a watermark that is behind, which a second repair corrects.
Lane::Step Lane::repair(net::Connection& connection) {
  live_.close();
  for (const auto& run : context_.journal.runs(name_)) {
    if (run.first_seq > run.last_seq) continue;
    const std::uint64_t from_seq = std::max(repaired_to_[run.epoch] + 1, run.first_seq);
    if (from_seq > run.last_seq) continue;
    auto batch =
        context_.journal.read(name_, run.epoch, from_seq, compared_events_max(), held_bytes_max(*config_));
    if (!batch && batch.error().kind == storage::JournalError::Kind::kCorrupt) {
      const auto last = end_of_damage(run, from_seq, batch.error());
      if (!last) return failed(last.error());
      repaired_to_[run.epoch] = *last;
      return {Next::kMore, {}, {}};
    }
    if (!batch) return failed(batch.error());
    auto begun = net::DeliveryTransaction::begin(connection, config_->options, key_of(run), true);
    if (!begun) return failed(begun.error());
    std::optional<net::DeliveryTransaction> transaction(std::move(*begun));
    if (!transaction->comparable()) {
      if (const auto failure = settle_unseen(*transaction, run)) return *failure;
      continue;
    }
    auto missing = transaction->reconcile(*batch);
    const Position reached{batch->back()->seq, batch->back()->id};
    transaction->settle(reached);
    if (missing) {
      if (const auto committed = transaction->commit(); !committed) missing = fail(committed.error());
    }
    if (!missing) {
      transaction.reset();
      // One that became a dead letter is compared again: then it is there, and the watermark passes it.
      const auto step = compare_refused(connection, run, *batch, missing.error());
      return step ? *step : Step{Next::kMore, {}, {}};
    }
    compared_refused_ = 0;
    context_.figures.reconciled += *missing;
    repaired_to_[run.epoch] = reached.seq;
    context_.journal.confirm(name_, run.epoch, reached, true);
    return {Next::kMore, {}, {}};
  }
  repair_ = compare_one_by_one_ = false;
  repaired_to_.clear();
  suspect_.clear();
  log_info("lane " + name_ +
           (std::exchange(repaired_unseen_, false)
                ? ": repaired without comparing: its table has no column with the event's id, so what the "
                  "journal knows as confirmed is believed, and nothing was sent"
                : ": repaired; every retained event is in PostgreSQL, or among the dead letters"));
  succeeded(false);
  return {Next::kMore, {}, {}};
}

// Rows that cannot be told apart are not sent on a guess: the journal's word counts for what has been confirmed, and
// the lane goes on after it.
std::optional<Lane::Step> Lane::settle_unseen(net::DeliveryTransaction& transaction,
                                              const storage::LaneRun& run) {
  repaired_to_[run.epoch] = run.last_seq;
  repaired_unseen_ = true;
  if (transaction.position().seq >= run.confirmed.seq) return std::nullopt;
  transaction.settle(run.confirmed);
  const auto committed = transaction.commit();
  if (!committed) return failed(committed.error());
  log_warn("lane " + name_ + ": watermark set to " + std::to_string(run.confirmed.seq) +
           " as PostgreSQL confirmed; nothing was compared");
  return std::nullopt;
}

Lane::Step Lane::failed(const net::PgError& error) {
  auto& figures = context_.figures;
  figures.batches_failed += 1;
  if (error.in_doubt) figures.in_doubt += 1;
  live_.close();
  if (error.connection_lost) {
    figures.errors_outage += 1;
    const std::lock_guard lock(mutex_);
    status_.state = "waiting";
    status_.error = error.text;
    status_.sqlstate = error.sqlstate;
    status_.may_quote = error.may_quote;
    return {Next::kLineDown, {}, error};
  }
  switch (error.error_class) {
    case net::ErrorClass::kOutage:
    case net::ErrorClass::kLimit:
      figures.errors_outage += 1;
      return later(error);
    case net::ErrorClass::kEvent:
    case net::ErrorClass::kUnclear:
      figures.errors_event += 1;
      break;
    case net::ErrorClass::kSetup:
      figures.errors_setup += 1;
      break;
  }
  return held(error);
}

Lane::Step Lane::failed(const storage::JournalError& error) {
  live_.close();
  // A row whose checksum does not fit will not fit in a second either; a disk error may pass.
  if (error.kind == storage::JournalError::Kind::kIo) return later({.text = error.text});
  return held({.text = error.text});
}

// REQUIRES: mutex_ held
void Lane::set_error(const net::PgError& error) {
  status_.error = error.text;
  status_.sqlstate = error.sqlstate;
  status_.hint = error.hint;
  status_.may_quote = error.may_quote;
}

Lane::Step Lane::later(const net::PgError& error) {
  const auto& config = *config_;
  std::string news;
  Step step;
  {
    const std::lock_guard lock(mutex_);
    status_.state = "waiting";
    set_error(error);
    next_try_ = Clock::now() +
                backoff_delay(config.backoff_min, config.backoff_max, status_.tries_failed, random_unit());
    status_.tries_failed += 1;
    // One line for each reason, and none for what passes by itself at once.
    if (status_.tries_failed >= LaneStatus::kTriesBeforeTold && told_waiting_ != reason(error.sqlstate)) {
      told_waiting_ = reason(error.sqlstate);
      news = "lane " + name_ + " waits and tries again: " + error.text +
             (error.hint.empty() ? "" : "\n" + error.hint);
    }
    step = {Next::kLater, next_try_, {}};
  }
  if (!news.empty()) log_warn(news);
  return step;
}

Lane::Step Lane::held(const net::PgError& error) {
  live_.close();
  const auto half = config_->backoff_max / 2;
  std::string news;
  Step step;
  {
    const std::lock_guard lock(mutex_);
    if (status_.state != "held" || status_.error != error.text) {
      news = "lane " + name_ + " is held: " + error.text + (error.hint.empty() ? "" : "\n" + error.hint);
    }
    status_.state = "held";
    set_error(error);
    status_.tries_failed += 1;
    // Between half and the whole of backoff_max: an administrator is needed, and the agent does not notice the repair.
    next_try_ = Clock::now() + half + backoff_delay(half, half, 0, random_unit());
    step = {Next::kLater, next_try_, {}};
  }
  if (!news.empty()) log_error(news);
  return step;
}

void Lane::close_logs(Clock::time_point now) {
  for (RepeatedLines* lines : {&dead_lines_, &lost_lines_, &fewer_lines_}) lines->close(now);
}

void Lane::finish_logs() {
  for (RepeatedLines* lines : {&dead_lines_, &lost_lines_, &fewer_lines_}) lines->finish();
}

void Lane::succeeded(bool live) {
  bool was_told = false;
  {
    const std::lock_guard lock(mutex_);
    was_told = status_.state == "held" || !told_waiting_.empty();
    told_waiting_.clear();
    status_.state = live ? "online" : "catching-up";
    status_.error.clear();
    status_.hint.clear();
    status_.sqlstate.clear();
    status_.tries_failed = 0;
  }
  if (was_told) log_info("lane " + name_ + " goes on");
}

}  // namespace hookspool::agent
