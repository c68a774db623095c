#include "tests/integration/consumers/sources.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hookspool::testing {
namespace {

using namespace std::chrono_literals;
using net::DeliveryTransaction;

constexpr std::size_t kAgents = 3, kSourcesOfEach = 4, kThreads = 4;
constexpr std::size_t kBatchMax = 40;

bool chance(std::mt19937& random, unsigned percent) {
  return random() % 100 < percent;
}

Uuid random_id(std::mt19937& random) {
  Uuid id;
  for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
  return id;
}

// UUIDv7: the time of acceptance decides the order.
Uuid new_id(std::mt19937& random) {
  Uuid id = random_id(random);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  const auto ms = static_cast<std::uint64_t>(us / 1000);
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  static std::atomic<std::uint32_t> count{0};
  const std::uint32_t n = ++count;
  for (std::size_t i = 0; i < 4; ++i) id.bytes[6 + i] = static_cast<std::uint8_t>(n >> (24 - 8 * i));
  return id;
}

}  // namespace

EpochOfSource::EpochOfSource(std::string agent_id, std::string source, std::mt19937& random)
    : key_{std::move(agent_id), random_id(random), std::move(source)} {}

EpochOfSource EpochOfSource::next_epoch(std::mt19937& random) const {
  return {key_.agent_id, key_.lane, random};
}

void EpochOfSource::accept(std::size_t count, std::mt19937& random) {
  for (std::size_t i = 0; i < count; ++i) {
    auto stored = std::make_shared<StoredEvent>();
    if (!buried_.empty() && chance(random, 50)) {  // a dead letter that is put back
      *stored = *buried_.back();
      stored->event.requeued_id = stored->id;
      buried_.pop_back();
      again_ += 1;
    } else {
      stored->id = new_id(random);
      stored->event.lane = key_.lane;
      stored->event.received_at_us = std::chrono::duration_cast<std::chrono::microseconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count();
      stored->event.method = "POST";
      stored->event.path = "/hooks/" + key_.lane;
      stored->event.headers = "{}";
      stored->event.body = R"({"n":1})";
    }
    stored->epoch = key_.epoch;
    stored->seq = events_.size() + 1;
    events_.push_back(std::move(stored));
  }
}

// Moves on over one event that "cannot be taken".
void EpochOfSource::bury_next(DeliveryTransaction& transaction) {
  const EventPtr& event = events_[transaction.position().seq];
  if (!event->event.requeued_id.is_nil()) return;
  (void)transaction.bury(*event, net::PgError{.sqlstate = "23514", .text = "by chance"});
}

// Where the watermark is known: two round trips, as an idle lane does it.
bool EpochOfSource::deliver_ahead(net::Connection& connection, const net::PgOptions& options,
                                  std::mt19937& random, WrittenFigures& figures) {
  const std::size_t count = std::min<std::size_t>(events_.size() - next_, 1 + random() % kBatchMax);
  const std::vector<EventPtr> batch(events_.begin() + static_cast<std::ptrdiff_t>(next_),
                                    events_.begin() + static_cast<std::ptrdiff_t>(next_ + count));
  const bool again = std::any_of(batch.begin(), batch.end(),
                                 [](const EventPtr& each) { return !each->event.requeued_id.is_nil(); });
  if (batch.empty() || next_ == 0 || again) return false;
  const EventPtr& last = events_[next_ - 1];
  auto begun = DeliveryTransaction::begin_at(connection, options, key_, {last->seq, last->id}, batch);
  if (!begun || !*begun) return false;
  if (chance(random, 10)) return true;  // in vain: rolled back
  if (!(*begun)->commit()) return true;
  next_ += count;
  figures.ahead += 1;
  figures.committed += 1;
  return true;
}

void EpochOfSource::deliver(net::Connection& connection, const net::PgOptions& options, std::mt19937& random,
                            bool hostile, WrittenFigures& figures) {
  if (hostile && chance(random, 40) && deliver_ahead(connection, options, random, figures)) return;
  auto transaction = DeliveryTransaction::begin(connection, options, key_, true);
  if (!transaction) return;
  next_ = transaction->watermark()->seq;
  if (!has_waiting()) return;
  const std::size_t end =
      hostile ? std::min<std::size_t>(events_.size(), next_ + 1 + random() % kBatchMax) : events_.size();
  const bool buries = hostile && chance(random, 10);
  while (transaction->position().seq < end) {
    const std::size_t at = transaction->position().seq;
    const std::size_t until = std::min<std::size_t>(end, at + 1 + random() % kBatchMax);
    const std::vector<EventPtr> slice(events_.begin() + static_cast<std::ptrdiff_t>(at),
                                      events_.begin() + static_cast<std::ptrdiff_t>(until));
    if (!transaction->copy_some(slice)) return;
    if (hostile && chance(random, 20)) {
      if (!transaction->finish_copy()) return;
      if (!transaction->takes(events_[at])) return;  // it is there: refused behind the savepoint
      figures.tried += 1;
    }
  }
  if (!transaction->finish_copy()) return;
  std::vector<EventPtr> buried;
  if (buries && transaction->position().seq < events_.size()) {
    const EventPtr event = events_[transaction->position().seq];
    bury_next(*transaction);
    if (transaction->position().seq == event->seq) buried.push_back(event);
  }
  if (hostile && chance(random, 6))
    std::this_thread::sleep_for(std::chrono::milliseconds(200 + random() % 600));
  if (hostile && chance(random, 4)) {
    figures.dropped += 1;
    return;
  }
  if (!transaction->commit()) return;
  next_ = transaction->position().seq;
  for (EventPtr& event : buried) buried_.push_back(std::move(event));
  figures.committed += 1;
}

Sources::Sources(net::PgOptions options, unsigned seed) : options_(std::move(options)), seed_(seed) {
  std::mt19937 random(seed);
  for (std::size_t agent = 0; agent < kAgents; ++agent) {
    for (std::size_t source = 0; source < kSourcesOfEach; ++source) {
      auto& epochs = sources_.emplace_back();
      epochs.push_back(std::make_unique<EpochOfSource>("agent-" + std::to_string(agent),
                                                       "source-" + std::to_string(source), random));
    }
  }
}

Sources::~Sources() {
  finish();
}

void Sources::start() {
  finishing_ = false;
  seed_ += 1;  // else an epoch of this round may get the number of one of the round before
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    std::vector<std::vector<std::unique_ptr<EpochOfSource>>*> mine;
    for (std::size_t i = thread; i < sources_.size(); i += kThreads) mine.push_back(&sources_[i]);
    threads_.emplace_back(
        [this, thread, mine] { write(seed_ * 1000 + static_cast<unsigned>(thread), mine); });
  }
}

void Sources::finish() {
  finishing_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Sources::go_on_at(net::PgOptions options) {
  options_ = std::move(options);
}

std::size_t Sources::distinct() const {
  std::size_t sum = 0;
  for (const auto& epochs : sources_) {
    for (const auto& epoch : epochs) sum += epoch->distinct();
  }
  return sum;
}

void Sources::write(unsigned seed, std::vector<std::vector<std::unique_ptr<EpochOfSource>>*> mine) {
  std::mt19937 random(seed);
  std::unique_ptr<net::Connection> connection;
  const auto connected = [&] {
    if (connection != nullptr && connection->usable()) return true;
    auto opened = net::Connection::connect(options_);
    if (!opened) {
      std::this_thread::sleep_for(50ms);
      return false;
    }
    if (connection != nullptr) figures_.sessions_lost += 1;
    connection = std::move(*opened);
    return true;
  };
  while (!finishing_) {
    if (!connected()) continue;
    auto& epochs = *mine[random() % mine.size()];
    epochs.back()->accept(1 + random() % 20, random);
    if (chance(random, 25)) {  // its rows will come later than those with greater ids
      figures_.late += 1;
      std::this_thread::sleep_for(2ms);
      continue;
    }
    if (chance(random, 3)) {
      epochs.push_back(std::make_unique<EpochOfSource>(epochs.back()->next_epoch(random)));
    }
    epochs[random() % epochs.size()]->deliver(*connection, options_, random, true, figures_);
  }
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  for (auto* epochs : mine) {
    for (auto& epoch : *epochs) {
      do {
        if (connected()) epoch->deliver(*connection, options_, random, false, figures_);
      } while (epoch->has_waiting() && std::chrono::steady_clock::now() < deadline);
    }
  }
}

}  // namespace hookspool::testing
