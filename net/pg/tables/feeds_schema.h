// The SQL of feeds and consumers: who reads hookspool.events, how far each has got, and the functions by which an
// application reads every row once (fixed interface: POSTGRES.md, "Reading the events"). Idempotent. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>

namespace hookspool::net {

// An events table that is larger gets its index (feed, arrival) not from the agent, for writers would wait until all of it has
// been scanned, but from an administrator, without blocking (feeds_index_sql); bytes. Until then no consumer can be made.
inline constexpr std::uint64_t kEventsIndexedAtOnceBytesMax = 128u << 20;

// What brings an events table of schema version 2 up to date: the two columns. They are NULL in rows that are there.
std::string feeds_columns_sql(const std::string& schema);
// The index of an events table that is small; the trigger that numbers what comes without a number; functions and views.
// REQUIRES: the tables, with their columns.
std::string feeds_functions_sql(const std::string& schema);
// What an administrator runs for a large table. It cannot run in a transaction.
std::string feeds_index_sql(const std::string& schema);
// What the agent's role needs of it beside its rights on tables.
std::string feeds_grants_sql(const std::string& schema, const std::string& role);

}  // namespace hookspool::net
