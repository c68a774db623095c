#include "storage/journal/writer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "storage/segment/packed_body.h"
#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kEventBytesMax = 256ull << 20;  // SQLite's own limit for a row is 1e9

JournalResult<EventPtr> done(const JournalResult<void>& result) {
  if (!result) return fail(result.error());
  return EventPtr();
}

}  // namespace

// A group before its transaction: nothing of it counts until that has succeeded.
struct Writer::Plan {
  Group group;
  std::vector<std::size_t> stored_bytes;  // of each event
  LaneNumbers::ByName lanes;              // as they are afterwards
  Uuid greatest_id;
};

Writer::Writer(const JournalOptions& options, const Folder& folder, Catalogue& catalogue, ReaderPool& readers,
               JournalSpace& space, const Start& start)
    : options_(options),
      catalogue_(catalogue),
      space_(space),
      segments_(options, folder, catalogue, readers, space, figures_, start.segments),
      ids_(options.random_bytes, start.segments.greatest_id),
      syncer_([this](const JournalError& error) {
        figures_.count_tolerated_failure(&JournalStats::acked_record_failures, error);
      }),
      thread_([this] { run(); }) {
  figures_.lost(start.lost);
}

Writer::~Writer() {
  (void)close();
}

JournalResult<EventPtr> Writer::append(Event event) {
  JournalResult<TicketPtr> ticket = ticket_of(std::move(event));
  if (!ticket) return fail(ticket.error());
  return queue_.ask(std::move(*ticket));
}

void Writer::append(Event event, Appended appended) {
  JournalResult<TicketPtr> made = ticket_of(std::move(event));
  if (!made) return appended(fail(made.error()));
  TicketPtr ticket = std::move(*made);
  ticket->answered = std::move(appended);
  if (auto refusal = queue_.put(ticket)) ticket->answered(fail(std::move(*refusal)));
}

JournalResult<TicketPtr> Writer::ticket_of(Event&& event) {
  auto ticket = std::make_unique<Ticket>();
  if (const std::size_t bytes = event_bytes(event); bytes > kEventBytesMax) {
    return fail(JournalError{JournalError::Kind::kTooLarge,
                             "an event of " + std::to_string(bytes) + " bytes is larger than a row may be"});
  }
  if (event.lane.size() > kLaneNameBytesMax) {
    return fail(JournalError{JournalError::Kind::kTooLarge,
                             "a lane's name of " + std::to_string(event.lane.size()) +
                                 " bytes is longer than the " + std::to_string(kLaneNameBytesMax) +
                                 " that it may have"});
  }
  // By the appending thread, and not by the one that all wait for.
  ticket->packed_body = pack_body(event.body);
  ticket->bytes = stored_bytes(event, ticket->packed_body);
  ticket->event = std::move(event);
  return ticket;
}

JournalResult<void> Writer::save_cursors() {
  return ask(Task::kSaveCursors);
}

JournalResult<void> Writer::rotate() {
  return ask(Task::kRotate);
}

JournalResult<void> Writer::begin_epoch() {
  return ask(Task::kBeginEpoch);
}

JournalResult<void> Writer::ask(Task task) {
  auto ticket = std::make_unique<Ticket>();
  ticket->task = task;
  if (const auto answer = queue_.ask(std::move(ticket)); !answer) return fail(answer.error());
  return {};
}

JournalResult<void> Writer::close() {
  const std::optional<JournalResult<EventPtr>> answer = queue_.stop();
  if (!answer) return {};
  thread_.join();
  if (!answer->ok()) return fail(answer->error());
  return {};
}

void Writer::run() {
  ::pthread_setname_np(::pthread_self(), "journal");  // for top, gdb and strace
  std::vector<TicketPtr> tickets(std::max<std::size_t>(options_.group_events_max, 1));
  while (stop_ == nullptr || !queue_.drained()) {
    const std::size_t count = queue_.take(tickets, stop_ != nullptr);
    handle(std::span(tickets).first(count));
    for (std::size_t i = 0; i < count; ++i) tickets[i].reset();
  }
  (void)write_cursors(false);  // they are hints: losing them is no failure to close
  stop_->answered(done(segments_.close()));
}

void Writer::handle(std::span<TicketPtr> tickets) {
  std::size_t begin = 0;
  std::size_t bytes = 0;
  const auto commit_before = [&](std::size_t end) {
    if (end > begin) commit_group(tickets.subspan(begin, end - begin));
    begin = end;
    bytes = 0;
  };
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    Ticket& ticket = *tickets[i];
    if (ticket.task == Task::kAppend) {
      if (bytes + ticket.bytes > options_.group_bytes_max) commit_before(i);
      bytes += ticket.bytes;
      continue;
    }
    commit_before(i);
    begin = i + 1;
    if (ticket.task == Task::kRotate) queue_.answer(ticket, done(segments_.finish_if_any()));
    if (ticket.task == Task::kBeginEpoch) queue_.answer(ticket, done(segments_.leave_epoch()));
    if (ticket.task == Task::kSaveCursors) queue_.answer(ticket, done(write_cursors(true)));
    if (ticket.task == Task::kStop) stop_ = std::move(tickets[i]);
  }
  commit_before(tickets.size());
}

void Writer::commit_group(std::span<TicketPtr> tickets) {
  std::vector<Ticket*> admitted = admit(tickets);
  if (admitted.empty()) return;
  const JournalResult<std::vector<EventPtr>> stored = store(admitted);
  if (!stored) {
    figures_.refused(admitted.size());
    for (Ticket* ticket : admitted) queue_.answer(*ticket, fail(stored.error()));
    return;
  }
  if (options_.on_committed) options_.on_committed(*stored);
  for (std::size_t i = 0; i < admitted.size(); ++i) queue_.answer(*admitted[i], (*stored)[i]);
  segments_.maintain();
}

// Answers the events that are over a limit of this layer and returns the others.
std::vector<Ticket*> Writer::admit(std::span<TicketPtr> tickets) {
  std::vector<Ticket*> admitted;
  admitted.reserve(tickets.size());
  std::unordered_set<std::string_view> new_lanes;
  make_room(tickets);
  JournalSpace::Group space(space_);
  for (const TicketPtr& ticket : tickets) {
    const std::string& name = ticket->event.lane;
    const std::uint64_t last_seq = segments_.lanes().of(name).last_seq;
    std::optional<JournalError> refusal;
    const auto over = [&](JournalError::Kind kind, const std::string& what) {
      refusal = JournalError{kind, "lane '" + name + "' " + what};
    };
    if (last_seq > 0) {
      if (last_seq + tickets.size() > kSeqMax) {
        over(JournalError::Kind::kSpent, "has used up the numbers of this epoch: restart hookspool");
      }
    } else if (!new_lanes.contains(name) && !catalogue_.knows_lane(name)) {
      if (catalogue_.lane_count() + new_lanes.size() < options_.lanes_max) {
        new_lanes.insert(name);
      } else {
        over(JournalError::Kind::kTooManyLanes, "would be one more than the " +
                                                    std::to_string(options_.lanes_max) +
                                                    " lanes that a journal may have");
      }
    }
    if (!refusal) refusal = space.refuse(name, ticket->bytes);
    if (refusal) {
      figures_.refused(1);
      queue_.answer(*ticket, fail(std::move(*refusal)));
    } else {
      admitted.push_back(ticket.get());
    }
  }
  return admitted;
}

// Evicts delivered history before an event is refused for lack of room, without waiting for the agent's tick.
void Writer::make_room(std::span<TicketPtr> tickets) {
  const Figures::AtDisk at_disk(figures_);
  std::uint64_t bytes = 0;
  for (const TicketPtr& ticket : tickets) bytes += ticket->bytes;
  while (space_.must_evict(bytes)) {
    if (space_.evict_oldest()) continue;
    // All the history there is lies in the active segment: worth a new one if that frees more than a crumb.
    const ActiveSegment* segment = segments_.active();
    const bool worth_it = segment != nullptr && segment->bytes() >= options_.segment_bytes_max / 4 &&
                          catalogue_.active_delivered();
    if (!worth_it || !segments_.finish()) return;
  }
}

JournalResult<std::vector<EventPtr>> Writer::store(std::span<Ticket*> tickets) {
  if (const auto ready = get_ready(tickets); !ready) return fail(ready.error());
  Plan plan = make_plan(tickets);
  // Like on_committed not "at the disk": the watchdog is not fed for a thread that is stuck in there.
  if (options_.on_committing) options_.on_committing(plan.group.events);
  if (const auto synced = sync_to_disk(plan); !synced) return fail(synced.error());
  if (const auto& acked = segments_.active()->acked()) syncer_.due(*acked);
  adopt(plan);
  return std::move(plan.group.events);
}

// The group's way to the disk; a wait for another thread is not part of it.
JournalResult<void> Writer::sync_to_disk(const Plan& plan) {
  const Figures::AtDisk at_disk(figures_);
  reserve_ids(plan.greatest_id);
  if (const auto written = space_.retry_while_evicting([&] { return write(plan.group); }); !written)
    return written;
  note_acked(plan.group);
  return {};
}

JournalResult<void> Writer::get_ready(std::span<Ticket*> tickets) {
  const Figures::AtDisk at_disk(figures_);
  const bool too_old = std::any_of(tickets.begin(), tickets.end(), [this](const Ticket* ticket) {
    return segments_.is_too_old_for(ticket->event.received_at_us);
  });
  if (too_old) segments_.roll();
  return space_.retry_while_evicting([this] { return segments_.ensure(); });
}

Writer::Plan Writer::make_plan(std::span<Ticket*> tickets) {
  Plan plan;
  plan.greatest_id = segments_.greatest_id();
  const Uuid epoch = catalogue_.epoch();
  for (Ticket* ticket : tickets) {
    auto stored = std::make_shared<StoredEvent>();
    stored->event = std::move(ticket->event);
    const std::string& name = stored->event.lane;
    auto lane = plan.lanes.find(name);
    if (lane == plan.lanes.end()) lane = plan.lanes.emplace(name, segments_.lanes().of(name)).first;
    LaneNumbers::Lane& state = lane->second;
    if (state.number_in_segment == 0) {
      state.number_in_segment =
          segments_.lanes().count_in_segment() + static_cast<std::uint32_t>(plan.group.new_lanes.size()) + 1;
      plan.group.new_lanes.push_back({state.number_in_segment, name});
    }
    stored->epoch = epoch;
    stored->seq = ++state.last_seq;
    const Uuid& given =
        stored->event.requeued_id.is_nil() ? stored->event.quarantine_id : stored->event.requeued_id;
    stored->id = given.is_nil() ? ids_.next(stored->event.received_at_us / 1000) : given;
    plan.greatest_id = std::max(plan.greatest_id, stored->id);
    plan.group.lane_numbers.push_back(state.number_in_segment);
    plan.group.packed_bodies.push_back(std::move(ticket->packed_body));
    plan.stored_bytes.push_back(ticket->bytes);
    plan.group.events.push_back(std::move(stored));
  }
  plan.group.cursors = catalogue_.take_changed_cursors();
  return plan;
}

JournalResult<void> Writer::write(const Group& group) {
  const auto began = std::chrono::steady_clock::now();
  const Result<void, SegmentFailure> committed = segments_.active()->commit(group);
  const auto took = std::chrono::steady_clock::now() - began;
  if (committed) {
    const auto us = [](auto duration) {
      return static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
    };
    figures_.committed(us(took), us(segments_.active()->sync_took()));
    return {};
  }
  catalogue_.put_back(group.cursors);
  JournalError error = committed.error().error;
  if (!committed.error().usable) {
    segments_.seal();
    // The group has numbers of an epoch that has ended: room does not help it any more.
    if (error.kind == JournalError::Kind::kFull) error.kind = JournalError::Kind::kIo;
  }
  figures_.failed(error);
  return fail(std::move(error));
}

// So that a start which cannot read this segment gives no id below one of these.
void Writer::reserve_ids(const Uuid& greatest_id) {
  const auto& acked = segments_.active()->acked();
  if (!acked) return;
  if (const auto reserved = (*acked)->reserve_ids(greatest_id); !reserved)
    figures_.count_tolerated_failure(&JournalStats::acked_record_failures, reserved.error());
}

// After the sync and before the answers: what a sender was answered is what the record says.
void Writer::note_acked(const Group& group) {
  const auto& acked = segments_.active()->acked();
  if (!acked) return;
  if (const auto noted = (*acked)->note(group.events, group.lane_numbers); !noted)
    figures_.count_tolerated_failure(&JournalStats::acked_record_failures, noted.error());
}

void Writer::adopt(const Plan& plan) {
  segments_.lanes().adopt(plan.lanes, plan.group.new_lanes.size());
  segments_.committed(plan.group.events, plan.greatest_id);
  catalogue_.committed(plan.group.events, plan.group.lane_numbers, plan.stored_bytes,
                       segments_.active()->bytes());
  figures_.appended(plan.group.events.size());
}

// Not a question of the budget: cursors take next to nothing, and they are what lets history go.
JournalResult<void> Writer::write_cursors(bool probe) {
  const Figures::AtDisk at_disk(figures_);
  space_.restore_reserve();
  const bool probing = probe && figures_.failing();
  const bool changed = catalogue_.has_changed_cursors();
  if (!probing && !changed) return {};
  const auto attempt = [&]() -> JournalResult<void> {
    if (const auto ready = segments_.ensure(); !ready) return ready;
    Group group;
    group.cursors = catalogue_.take_changed_cursors();
    group.probe = probing;
    return write(group);
  };
  if (const auto written = changed ? space_.retry_without_reserve(attempt) : attempt(); !written)
    return written;
  catalogue_.set_active_bytes(segments_.active()->bytes());
  segments_.maintain();
  return {};
}

JournalStats Writer::figures() const {
  JournalStats stats = figures_.snapshot(space_.refuse_all());
  stats.bytes = catalogue_.bytes();
  stats.bytes_max = space_.bytes_max();
  stats.free_bytes = space_.free_bytes();
  stats.segments = catalogue_.segment_count();
  stats.pending = catalogue_.pending();
  stats.pending_bytes = catalogue_.pending_bytes();
  stats.reserve_held = space_.reserve_held();
  return stats;
}

}  // namespace hookspool::storage
