// What each consumer still has before it, asked of PostgreSQL and not of the agent: it is the applications' own.
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/base/exit_codes.h"
#include "agent/base/units.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "net/pg/ledger/consumer_lag.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

int refused(const net::PgError& error) {
  tell("%s\n", error.text.c_str());
  const bool not_there = error.sqlstate == "42P01" || error.sqlstate == "3F000";
  if (not_there) {
    tell("No agent of this version has connected yet, which makes the tables: hookspool doctor\n");
  } else if (!error.hint.empty()) {
    tell("%s\n", error.hint.c_str());
  }
  return error.error_class == net::ErrorClass::kOutage ? kExitUnavailable : kExitConfig;
}

Json as_json(const net::ConsumerLag& lag) {
  const auto or_null = [](const std::optional<std::uint64_t>& value) {
    return value ? Json(*value) : Json();
  };
  return {{"consumer", lag.consumer}, {"source", lag.source},   {"agent_id", lag.agent_id},
          {"arrival", lag.arrival},   {"waiting", lag.waiting}, {"oldest_age_ms", or_null(lag.oldest_age_ms)},
          {"skipped", lag.skipped},   {"lost", lag.lost},       {"backoff_ms", or_null(lag.backoff_ms)}};
}

std::string duration(std::uint64_t ms) {
  return format_duration(milliseconds(static_cast<std::int64_t>(ms)));
}

void print_lag(const net::ConsumerLag& lag) {
  print("%-16s %-16s %-16s %8llu waiting", printable(lag.consumer).c_str(), printable(lag.source).c_str(),
        printable(lag.agent_id).c_str(), static_cast<unsigned long long>(lag.waiting));
  if (lag.oldest_age_ms) print(", the oldest since %s", duration(*lag.oldest_age_ms).c_str());
  if (lag.backoff_ms) print(", goes on in %s", duration(*lag.backoff_ms).c_str());
  if (lag.skipped > 0) print(", %llu skipped", static_cast<unsigned long long>(lag.skipped));
  if (lag.lost > 0) print(", %llu deleted before they were read", static_cast<unsigned long long>(lag.lost));
  print("\n");
}

}  // namespace

int ConsumersCommand::run(const Config& config, bool json) const {
  const auto& options = config.postgres.options;
  if (!net::Connection::configured(options.conninfo)) {
    tell("no PostgreSQL is named: give this command the service's environment (--environment FILE)\n");
    return kExitConfig;
  }
  auto connection = net::Connection::connect(options);
  if (!connection) return refused(connection.error());
  const auto lags = net::read_consumer_lag(**connection, options);
  if (!lags) return refused(lags.error());
  if (json) {
    Json list = Json::array();
    for (const auto& lag : *lags) list.push_back(as_json(lag));
    print_data(Json{{"consumers", list}}.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
    return kExitOk;
  }
  if (lags->empty()) print("no consumer has anything to read yet: SELECT create_consumer(...) makes one\n");
  for (const auto& lag : *lags) print_lag(lag);
  return kExitOk;
}

}  // namespace hookspool::agent
