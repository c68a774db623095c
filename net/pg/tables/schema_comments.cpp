#include "net/pg/tables/schema_comments.h"

#include <string_view>

#include "net/pg/tables/schema_text.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kTables = R"sql(
COMMENT ON TABLE S.events IS 'One row a webhook. Read it by consume(), not by id or time: rows come late under old ids.';
COMMENT ON COLUMN S.events.id IS 'Of the webhook, as it was answered to its sender: UUIDv7, in the order of acceptance.';
COMMENT ON COLUMN S.events.agent_id IS 'The agent that took it.';
COMMENT ON COLUMN S.events.epoch IS 'One start of that agent.';
COMMENT ON COLUMN S.events.seq IS 'Its number within epoch and source.';
COMMENT ON COLUMN S.events.source IS 'Where it came in: [sources.NAME] of the configuration.';
COMMENT ON COLUMN S.events.received_at IS 'When it was accepted.';
COMMENT ON COLUMN S.events.delivery_id IS 'What its sender calls it.';
COMMENT ON COLUMN S.events.method IS 'Of the request.';
COMMENT ON COLUMN S.events.path IS 'Of the request.';
COMMENT ON COLUMN S.events.query IS 'Of the request, after the question mark.';
COMMENT ON COLUMN S.events.remote_addr IS 'Who sent it; behind a trusted proxy the client before that.';
COMMENT ON COLUMN S.events.content_type IS 'Of the body, as the sender calls it.';
COMMENT ON COLUMN S.events.headers IS 'All but Authorization, Proxy-Authorization and Cookie; several of one name are an array.';
COMMENT ON COLUMN S.events.payload IS 'The body, if it is JSON.';
COMMENT ON COLUMN S.events.body IS 'The body as bytes, where payload is not all of it.';
COMMENT ON COLUMN S.events.payload_issue IS 'Why payload is not all of the body; NULL: it is.';
COMMENT ON COLUMN S.events.feed IS 'The source of this agent as a number: feeds.feed. NULL: older than feeds are.';
COMMENT ON COLUMN S.events.arrival IS 'Its number in the feed: 1, 2, 3 ... in the order in which rows became visible.';
COMMENT ON TABLE S.watermarks IS 'How far each source is delivered. Moves in the transaction of the rows: never edit it.';
COMMENT ON COLUMN S.watermarks.agent_id IS 'The agent.';
COMMENT ON COLUMN S.watermarks.epoch IS 'One start of that agent.';
COMMENT ON COLUMN S.watermarks.lane IS 'The source.';
COMMENT ON COLUMN S.watermarks.seq IS 'Every number up to this one is delivered, a dead letter, or recorded in gaps.';
COMMENT ON COLUMN S.watermarks.event_id IS 'The event of that number.';
COMMENT ON COLUMN S.watermarks.updated_at IS 'When it moved last.';
COMMENT ON TABLE S.dead_letters IS 'Events that PostgreSQL refused, whole. hookspool dead list, retry, discard.';
COMMENT ON COLUMN S.dead_letters.id IS 'The event.';
COMMENT ON COLUMN S.dead_letters.agent_id IS 'The agent that has it.';
COMMENT ON COLUMN S.dead_letters.epoch IS 'One start of that agent.';
COMMENT ON COLUMN S.dead_letters.seq IS 'Its number within epoch and source.';
COMMENT ON COLUMN S.dead_letters.source IS 'The source.';
COMMENT ON COLUMN S.dead_letters.received_at IS 'When it was accepted.';
COMMENT ON COLUMN S.dead_letters.failed_at IS 'When it was refused.';
COMMENT ON COLUMN S.dead_letters.sqlstate IS 'Why: PostgreSQL''s code.';
COMMENT ON COLUMN S.dead_letters.message IS 'Why, in words.';
COMMENT ON COLUMN S.dead_letters.request IS 'All but the body, as JSON.';
COMMENT ON COLUMN S.dead_letters.body IS 'The body as bytes.';
COMMENT ON TABLE S.gaps IS 'Numbers that were lost on disk; the row goes if the events are found later.';
COMMENT ON COLUMN S.gaps.agent_id IS 'The agent.';
COMMENT ON COLUMN S.gaps.epoch IS 'One start of that agent.';
COMMENT ON COLUMN S.gaps.lane IS 'The source.';
COMMENT ON COLUMN S.gaps.first_seq IS 'The first number that is lost.';
COMMENT ON COLUMN S.gaps.last_seq IS 'The last one.';
COMMENT ON COLUMN S.gaps.noted_at IS 'When that was found.';
COMMENT ON TABLE S.discarded IS 'Dead letters that were discarded: they are not inserted again.';
COMMENT ON COLUMN S.discarded.id IS 'The event.';
COMMENT ON COLUMN S.discarded.agent_id IS 'The agent that had it.';
COMMENT ON COLUMN S.discarded.source IS 'The source.';
COMMENT ON COLUMN S.discarded.discarded_at IS 'When that was.';
COMMENT ON TABLE S.sink IS 'Which database this is, for the agents. One row.';
COMMENT ON COLUMN S.sink.id IS 'Made once. Agents that have delivered elsewhere ask before they deliver here.';
COMMENT ON COLUMN S.sink.created_at IS 'When it was made.';
COMMENT ON COLUMN S.sink.schema_version IS 'Of these tables. An agent that knows only older ones does not deliver here.';
)sql";

constexpr std::string_view kFeeds = R"sql(
COMMENT ON TABLE S.feeds IS 'One row a source of an agent: how many rows of it are in events.';
COMMENT ON COLUMN S.feeds.feed IS 'Its number.';
COMMENT ON COLUMN S.feeds.agent_id IS 'The agent that delivers it.';
COMMENT ON COLUMN S.feeds.source IS 'The source.';
COMMENT ON COLUMN S.feeds.arrival IS 'The number of its newest row, and how many there have been. The delivery moves it.';
COMMENT ON TABLE S.retention IS 'What prune() and drop_week() have deleted from events, by feed.';
COMMENT ON COLUMN S.retention.feed IS 'The feed.';
COMMENT ON COLUMN S.retention.settled IS 'Rows up to this number have been visible for a day at least: prune() deletes none above it.';
COMMENT ON COLUMN S.retention.coming IS 'What settled becomes a day after coming_at.';
COMMENT ON COLUMN S.retention.coming_at IS 'When the feed stood at coming.';
COMMENT ON COLUMN S.retention.deleted IS 'How many rows were deleted.';
COMMENT ON COLUMN S.retention.deleted_to IS 'No row up to this number is there, but those in failures. A consumer that starts at ''beginning'' starts after it.';
COMMENT ON COLUMN S.retention.dropped_to IS
  'The highest id of them. What is not above it and not in events counts as delivered where events are compared by id.';
COMMENT ON COLUMN S.retention.deleted_at IS 'When that was.';
COMMENT ON TABLE S.consumers IS 'Who reads events by consume(). Made by create_consumer(), removed by drop_consumer().';
COMMENT ON COLUMN S.consumers.consumer IS 'Its name.';
COMMENT ON COLUMN S.consumers.sources IS 'Sources that it reads; NULL: all, also those to come.';
COMMENT ON COLUMN S.consumers.max_attempts IS 'An event that failed() this often is skipped.';
COMMENT ON COLUMN S.consumers.created_at IS 'When it was made.';
COMMENT ON TABLE S.positions IS 'How far each consumer is in each feed. Moved by consume(), seek() and failed().';
COMMENT ON COLUMN S.positions.consumer IS 'The consumer.';
COMMENT ON COLUMN S.positions.feed IS 'The feed.';
COMMENT ON COLUMN S.positions.arrival IS 'Every row up to this number is done.';
COMMENT ON COLUMN S.positions.served_at IS 'When consume() gave rows of it last.';
COMMENT ON COLUMN S.positions.not_before IS 'After a failure: when it is tried again.';
COMMENT ON COLUMN S.positions.lost IS 'Rows that had been deleted before this consumer read them.';
COMMENT ON COLUMN S.positions.taken_by IS 'The transaction that moved it last: only that one may put rows back.';
COMMENT ON COLUMN S.positions.taken_from IS 'Where it stood before that transaction.';
COMMENT ON TABLE S.failures IS 'Events that a consumer could not process: to be tried again, or skipped.';
COMMENT ON COLUMN S.failures.consumer IS 'The consumer.';
COMMENT ON COLUMN S.failures.id IS 'The event: events.id.';
COMMENT ON COLUMN S.failures.feed IS 'Its feed.';
COMMENT ON COLUMN S.failures.arrival IS 'Its number in the feed.';
COMMENT ON COLUMN S.failures.attempts IS 'How often it has failed; 0: it was skipped by hand.';
COMMENT ON COLUMN S.failures.skipped IS 'True: consume() leaves it out, until retry(). False: it is tried again.';
COMMENT ON COLUMN S.failures.reason IS 'What failed() or skip() was given, up to 10,000 characters.';
COMMENT ON COLUMN S.failures.failed_at IS 'When that was, the last time.';
COMMENT ON FUNCTION S.make_feed(text, text) IS 'The agent calls it once for each of its sources.';
COMMENT ON FUNCTION S.number_row() IS 'Numbers a row that was inserted without a number.';
COMMENT ON FUNCTION S.arrival_at(integer, text) IS 'The number before the first row of a feed at ''beginning'', ''now'' or a time.';
COMMENT ON FUNCTION S.create_consumer(text, text, text[], integer) IS
  'Makes a consumer that starts at ''now'', ''beginning'' or a time such as ''2026-11-27 12:00+00''. False: it is there already.';
COMMENT ON FUNCTION S.seek(text, text) IS 'Moves a consumer to ''now'', ''beginning'' or a time.';
COMMENT ON FUNCTION S.drop_consumer(text) IS 'Removes a consumer with its positions and failures.';
COMMENT ON FUNCTION S.consume(text, integer) IS
  'The next rows of one source of one agent, in order. They are done when the caller''s transaction commits. Fetch all of them.';
COMMENT ON FUNCTION S.failed(text, uuid, text) IS
  'An event could not be processed. False: it is tried again later, commit and stop here. True: it is skipped, go on with the next.';
COMMENT ON FUNCTION S.skip(text, uuid, text) IS 'Passes over an event that this consumer has not done yet.';
COMMENT ON FUNCTION S.retry(text, uuid) IS 'Gives a skipped event once more, to be processed in the caller''s transaction.';
COMMENT ON FUNCTION S.prune(text, text, interval, integer, bigint) IS
  'Deletes up to max rows of a source of an agent that are older than keep and that every consumer has done. reached: go on after it.';
COMMENT ON FUNCTION S.id_at(timestamptz) IS 'The lowest id of a webhook that was accepted at that time.';
COMMENT ON FUNCTION S.event_partitions() IS 'The partitions of events, the lowest first.';
COMMENT ON FUNCTION S.partition_events() IS 'Makes events a table in weekly partitions by id. No row is copied.';
COMMENT ON FUNCTION S.bound_to_events() IS 'What an administrator has put on events, which partition_events() does not take along.';
COMMENT ON FUNCTION S.grants_again(text, text, aclitem[]) IS 'The GRANT statements of an access list.';
COMMENT ON FUNCTION S.make_partitions(integer) IS 'Makes the partitions of the weeks to come. Call it once a week.';
COMMENT ON FUNCTION S.drop_week(interval, boolean) IS
  'Drops the oldest week of a partitioned events table, if it is older than keep and every consumer has read it. NULL: there is none.';
COMMENT ON VIEW S.consumer_lag IS 'What each consumer still has before it, by feed.';
COMMENT ON COLUMN S.consumer_lag.waiting IS 'Rows that it has not read.';
COMMENT ON COLUMN S.consumer_lag.oldest IS 'When the oldest of them was received.';
COMMENT ON COLUMN S.consumer_lag.not_before IS 'After a failure: when it goes on.';
COMMENT ON COLUMN S.consumer_lag.lost IS 'Rows that had been deleted before it read them.';
COMMENT ON COLUMN S.consumer_lag.skipped IS 'Events that it has passed over; they are in failures.';
COMMENT ON VIEW S.overview IS 'What is here, source by source: look at this first.';
)sql";

}  // namespace

std::string schema_comments_sql(const std::string& schema) {
  return with_schema(kTables, schema) + with_schema(kFeeds, schema);
}

}  // namespace hookspool::net
