#include "agent/delivery/lane_core.h"

#include <utility>

#include "agent/base/random.h"

namespace hookspool::agent {

LaneCore::LaneCore(std::string name, const LaneContext& context)
    : name_(std::move(name)),
      context_(context),
      live_(context.budget),
      report_(name_, context.time, random_unit),
      config_(context.config.get()) {}

net::LaneKey LaneCore::key_of(const storage::LaneRun& run) const {
  return {context_.journal.agent_id(), run.epoch, name_};
}

net::PgResult<net::DeliveryTransaction> LaneCore::begin(net::Connection& connection,
                                                        const storage::LaneRun& run, bool create) const {
  return net::DeliveryTransaction::begin(connection, config_->options, key_of(run), create);
}

LaneStep LaneCore::failed(const net::PgError& error) {
  auto& figures = context_.figures;
  figures.batches_failed += 1;
  if (error.in_doubt) figures.in_doubt += 1;
  live_.close();
  if (error.connection_lost) {
    figures.errors_outage += 1;
    return report_.uplink_down(error);
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

LaneStep LaneCore::failed(const storage::JournalError& error) {
  live_.close();
  // A row whose checksum does not fit will not fit in a second either; a disk error may pass.
  if (error.kind == storage::JournalError::Kind::kIo) return later({.text = error.text});
  return held({.text = error.text});
}

LaneStep LaneCore::held(const net::PgError& error) {
  live_.close();
  return report_.hold(error, config_->backoff_max);
}

LaneStep LaneCore::later(const net::PgError& error) {
  return report_.retry(error, config_->backoff_min, config_->backoff_max);
}

bool is_refusal(const net::PgError& error) {
  if (error.connection_lost) return false;
  switch (error.error_class) {
    case net::ErrorClass::kEvent:
    case net::ErrorClass::kUnclear:
    case net::ErrorClass::kLimit:
      return true;
    case net::ErrorClass::kOutage:
    case net::ErrorClass::kSetup:
      break;
  }
  return false;
}

}  // namespace hookspool::agent
