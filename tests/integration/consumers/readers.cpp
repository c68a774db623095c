#include "tests/integration/consumers/readers.h"

#include <chrono>
#include <utility>

#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

constexpr std::size_t kWorkers = 4;

std::uint64_t number(const std::string& conninfo, const std::string& sql) {
  return std::stoull(pg_query(conninfo, sql).at(0).at(0).value_or("0"));
}

}  // namespace

void make_application(const std::string& conninfo) {
  pg_query(conninfo,
           "CREATE TABLE public.done (n bigint GENERATED ALWAYS AS IDENTITY, id uuid, feed integer, arrival "
           "bigint);"
           "SELECT hookspool.create_consumer('torture', 'beginning', NULL, 1000)");
}

Workers::Workers(std::string conninfo, std::string superuser_conninfo, unsigned seed)
    : conninfo_(std::move(conninfo)), superuser_(std::move(superuser_conninfo)), seed_(seed) {
  for (std::size_t i = 0; i < kWorkers; ++i) start(i);
}

Workers::~Workers() = default;

void Workers::start(std::size_t index) {
  Process worker({.argv = {HOOKSPOOL_TORTURE_WORKER, conninfo_, std::to_string(seed_ += 1000)}});
  if (index == workers_.size()) {
    workers_.push_back(std::move(worker));
    return;
  }
  std::vector<Process> others;
  for (std::size_t i = 0; i < workers_.size(); ++i)
    others.push_back(i == index ? std::move(worker) : std::move(workers_[i]));
  workers_.swap(others);
}

void Workers::disturb() {
  if (++seed_ % 3 != 0) {
    const std::size_t index = seed_ % kWorkers;
    workers_[index].kill();
    start(index);
    kills_ += 1;
    return;
  }
  sessions_ended_ +=
      number(superuser_,
             "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
             " WHERE application_name IN ('torture-worker', 'torture-writer') ORDER BY random() LIMIT 1) x");
}

bool Workers::finish(std::chrono::milliseconds limit) {
  const bool drained = wait_until(limit, [&] {
    return number(superuser_, "SELECT coalesce(sum(waiting), 0) FROM hookspool.consumer_lag") == 0;
  });
  workers_.clear();
  // A session outlives its client for a moment: what it had taken counts only when it has ended.
  return wait_until(limit,
                    [&] {
                      return number(superuser_,
                                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                                    "'torture-worker'") == 0;
                    }) &&
         drained;
}

NaiveReader::NaiveReader(std::string conninfo)
    : conninfo_(std::move(conninfo)), thread_([this] { read(); }) {}

void NaiveReader::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

bool NaiveReader::look() {
  bool any = false;
  try {
    for (const auto& row : pg_query(conninfo_, "SELECT id FROM hookspool.events WHERE id > '" + last_ +
                                                   "' ORDER BY id LIMIT 1000")) {
      last_ = row[0].value_or(last_);
      rows_ += 1;
      any = true;
    }
  } catch (const std::exception&) {
    // The next look is as good.
  }
  return any;
}

// To the end of what is there when it is stopped: what it lacks then it has passed by.
void NaiveReader::read() {
  while (!stopping_) {
    look();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the pace of its looks
  }
  while (look()) {
  }
}

std::string WhatWasRead::text() const {
  return std::to_string(rows) + " rows, " + std::to_string(dead_letters) + " dead letters, lost " +
         std::to_string(lost) + ", twice " + std::to_string(twice) + ", unknown " + std::to_string(unknown) +
         ", out of order " + std::to_string(out_of_order) + ", broken feeds " + std::to_string(broken_feeds);
}

WhatWasRead outcome(const std::string& superuser) {
  const auto count = [&](const std::string& sql) { return number(superuser, "SELECT count(*) FROM " + sql); };
  WhatWasRead out;
  out.rows = count("hookspool.events");
  out.dead_letters = count("hookspool.dead_letters");
  out.lost = count("hookspool.events e WHERE NOT EXISTS (SELECT FROM public.done d WHERE d.id = e.id)");
  out.twice = count("(SELECT id FROM public.done GROUP BY id HAVING count(*) > 1) x");
  out.unknown = count("public.done d WHERE NOT EXISTS (SELECT FROM hookspool.events e WHERE e.id = d.id)");
  out.out_of_order = count(
      "(SELECT arrival - lag(arrival) OVER (PARTITION BY feed ORDER BY n) AS step FROM public.done) x WHERE "
      "step <> "
      "1");
  out.broken_feeds = count(
      "(SELECT f.feed FROM hookspool.feeds f LEFT JOIN hookspool.events e USING (feed) GROUP BY f.feed, "
      "f.arrival"
      " HAVING count(e.id) <> f.arrival OR coalesce(max(e.arrival), 0) <> f.arrival"
      " OR count(DISTINCT e.arrival) <> f.arrival) x");
  return out;
}

}  // namespace hookspool::testing
