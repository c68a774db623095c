// Every key is either taken over by a reload or named as one that takes a restart; none is passed over.
#include "agent/config/config_changes.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace hookspool::agent {
namespace {

struct Change {
  const char* section;
  const char* before;  // a whole line; empty: the default
  const char* after;
  const char* key;  // as it is named
};

Config parsed(const Change& change, const char* line) {
  const std::string text = "[" + std::string(change.section) + "]\n" + line + "\n";
  auto config = parse_config(text, "test.toml");
  EXPECT_TRUE(config) << text << (config ? "" : config.error().lines.front());
  return config ? *config : Config{};
}

using Keys = std::vector<std::string>;

constexpr Change kLive[] = {
    {"agent", "", "log_level = \"debug\"", "agent.log_level"},
    {"intake", "", "max_body_bytes = \"2MiB\"", "intake.max_body_bytes"},
    {"intake", "", "request_deadline = \"9s\"", "intake.request_deadline"},
    {"intake", "", "max_connections = 99", "intake.max_connections"},
    {"intake", "", "idle_timeout = \"620s\"", "intake.idle_timeout"},
    {"intake", "", "max_connections_per_address = 9", "intake.max_connections_per_address"},
    {"intake", "", "trusted_proxies = [\"10.0.0.0/8\"]", "intake.trusted_proxies"},
    {"intake", "trusted_proxies = [\"unix\"]", "", "intake.trusted_proxies"},
    {"intake", "", "forwarded_header = \"forwarded\"", "intake.forwarded_header"},
    {"journal", "", "max_bytes = \"1GiB\"", "journal.max_bytes"},
    {"journal", "", "min_free_bytes = \"1GiB\"", "journal.min_free_bytes"},
    {"journal", "", "source_share_max = 0.25", "journal.source_share_max"},
    {"journal", "", "keep_delivered = \"1h\"", "journal.keep_delivered"},
    {"quarantine", "", "max_requests = 9", "quarantine.max_requests"},
    {"quarantine", "", "max_bytes = \"1MiB\"", "quarantine.max_bytes"},
    {"quarantine", "", "max_requests_per_source = 9", "quarantine.max_requests_per_source"},
    {"quarantine", "", "max_bytes_per_source = \"1MiB\"", "quarantine.max_bytes_per_source"},
    {"quarantine", "", "keep = \"1h\"", "quarantine.keep"},
    {"postgres", "", "batch_events = 9", "postgres.batch_events"},
    {"postgres", "", "batch_bytes = \"1MiB\"", "postgres.batch_bytes"},
    {"postgres", "", "notify = \"channel\"", "postgres.notify"},
    {"sources.a", "", "path = \"/a\"", "sources.a.path"},
    {"sources.a", "verify = \"github\"\nsecrets = [{ env = \"ONE\" }]",
     "verify = \"github\"\nsecrets = [{ env = \"TWO\" }]", "sources.a.secrets"},
    {"sources.a", "verify = \"github\"\nsecrets = [{ env = \"ONE\" }]",
     "verify = \"shopify\"\nsecrets = [{ env = \"ONE\" }]", "sources.a.verify"},
    {"sources.a", "verify = \"stripe\"\nsecrets = [{ env = \"ONE\" }]",
     "verify = \"stripe\"\nsecrets = [{ env = \"ONE\" }]\ntimestamp_tolerance = \"1m\"",
     "sources.a.timestamp_tolerance"},
    {"sources.a", "verify = \"hmac\"\nsecrets = [{ env = \"ONE\" }]\nsignature = { header = \"a\" }",
     "verify = \"hmac\"\nsecrets = [{ env = \"ONE\" }]\nsignature = { header = \"b\" }",
     "sources.a.signature"},
    {"sources.a", "verify = \"square\"\nsecrets = [{ env = \"ONE\" }]\npublic_url = \"https://a/\"",
     "verify = \"square\"\nsecrets = [{ env = \"ONE\" }]\npublic_url = \"https://b/\"",
     "sources.a.public_url"},
    {"sources.a", "verify = \"meta\"\nsecrets = [{ env = \"ONE\" }]",
     "verify = \"meta\"\nsecrets = [{ env = \"ONE\" }]\nverify_token = { env = \"TWO\" }",
     "sources.a.verify_token"},
    {"sources.a", "verify = \"github\"\nsecrets = [{ env = \"ONE\" }]",
     "verify = \"github\"\nsecrets = [{ env = \"ONE\" }]\non_bad_signature = \"quarantine\"",
     "sources.a.on_bad_signature"},
    {"sources.a", "", "dedupe = \"header:x-one\"", "sources.a.dedupe"},
    {"sources.a", "dedupe = \"header:x-one\"", "dedupe = \"header:x-two\"", "sources.a.dedupe"},
    {"sources.a", "max_rate = 5\nmax_burst = 5", "max_rate = 6\nmax_burst = 5", "sources.a.max_rate"},
    {"sources.a", "max_rate = 5", "max_rate = 5\nmax_burst = 9", "sources.a.max_burst"},
    {"sources.a", "", "response = { body = \"ok\" }", "sources.a.response"},
    {"sources.a", "response = { body = \"ok\" }", "response = { body = \"ok\", status = 202 }",
     "sources.a.response"},
    {"sources.a", "", "max_bytes = \"1MiB\"", "sources.a.max_bytes"},
    {"sources.a", "", "sender_retries = true", "sources.a.sender_retries"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }", "table = \"x\"\ncolumns = { a = \"/b\" }",
     "sources.a.columns"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }", "table = \"y\"\ncolumns = { a = \"/b\" }",
     "sources.a.table"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }",
     "table = \"x\"\ncolumns = { a = \"/a\" }\non_conflict = \"ignore\"", "sources.a.on_conflict"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }",
     "table = \"x\"\ncolumns = { a = \"/a\" }\nfor_each = \"/b/*\"", "sources.a.for_each"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }\nfor_each = \"/b/*\"",
     "table = \"x\"\ncolumns = { a = \"/a\" }\nfor_each = \"/b/*\"\nfor_each_missing = \"dead_letter\"",
     "sources.a.for_each_missing"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }\nfor_each = \"/b/*\"",
     "table = \"x\"\ncolumns = { a = \"/a\" }\nfor_each = \"/b/*\"\nmax_items = 5", "sources.a.max_items"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }",
     "table = \"x\"\ncolumns = { a = \"/a\" }\nalso = \"events\"", "sources.a.also"},
    {"sources.a", "table = \"x\"\ncolumns = { a = \"/a\" }",
     "table = \"x\"\ncolumns = { a = \"/a\" }\nwhere = '/a = 1'", "sources.a.where"},
    {"sources.a", "", "keep = '/a exists'", "sources.a.keep"},
    {"sources.a", "keep = '/a exists'", "keep = '/b exists'", "sources.a.keep"},
    {"sources.a", "", "form = \"json\"", "sources.a.form"},
    {"sources.a", "form = \"json\"", "form = \"json\"\nform_json = [\"a\"]", "sources.a.form_json"},
    {"sources.a", "form = \"json\"", "form = \"json\"\nform_lists = [\"a\"]", "sources.a.form_lists"},
    {"sources.a", "tables = [{ table = \"x\", columns = { a = \"/a\" } }]",
     "tables = [{ table = \"x\", columns = { a = \"/a\" } }, { table = \"y\", columns = { a = \"/a\" } }]",
     "sources.a.tables"},
};

constexpr Change kFixed[] = {
    {"agent", "", "id = \"edge\"", "agent.id"},
    {"intake", "", "listen = \"127.0.0.1:9090\"", "intake.listen"},
    {"intake", "listen = \"unix:/x\"", "listen = \"unix:/x\"\nsocket_mode = \"0600\"", "intake.socket_mode"},
    {"intake", "listen = \"unix:/x\"", "listen = \"unix:/x\"\nsocket_group = \"root\"",
     "intake.socket_group"},
    {"admin", "", "listen = \"127.0.0.1:9091\"", "admin.listen"},
    {"admin", "", "socket = \"/run/x.sock\"", "admin.socket"},
    {"admin", "", "socket_mode = \"0600\"", "admin.socket_mode"},
    {"admin", "", "socket_group = \"root\"", "admin.socket_group"},
    {"journal", "", "path = \"/elsewhere\"", "journal.path"},
    {"journal", "", "dedupe_keep = \"1h\"", "journal.dedupe_keep"},
    {"journal", "", "dedupe_max_keys = 5000", "journal.dedupe_max_keys"},
    {"postgres", "", "conninfo = \"host=a\"", "postgres.conninfo"},
    {"postgres", "", "schema = \"other\"", "postgres.schema"},
    {"postgres", "", "pool_size = 3", "postgres.pool_size"},
    {"postgres", "", "pool_recycle = \"9s\"", "postgres.pool_recycle"},
    {"postgres", "", "pre_ping = false", "postgres.pre_ping"},
    {"postgres", "", "reset_on_return = false", "postgres.reset_on_return"},
    {"postgres", "", "connect_timeout = \"9s\"", "postgres.connect_timeout"},
    {"postgres", "", "statement_timeout = \"9s\"", "postgres.statement_timeout"},
    {"postgres", "", "idle_in_transaction_session_timeout = \"9s\"",
     "postgres.idle_in_transaction_session_timeout"},
    {"postgres", "", "lock_timeout = \"9s\"", "postgres.lock_timeout"},
    {"postgres", "", "backoff_min = \"9s\"", "postgres.backoff_min"},
    {"postgres", "", "backoff_max = \"9s\"", "postgres.backoff_max"},
};

class ConfigChangesTest : public ::testing::Test {
 protected:
  ConfigChangesTest() {
    ::unsetenv("DATABASE_URL");
    ::setenv("ONE", "first", 1);
    ::setenv("TWO", "second", 1);
  }
};

TEST_F(ConfigChangesTest, EachKeyThatIsTakenOverIsNamedAlone) {
  int checked = 0;
  for (const Change& change : kLive) {
    const Config now = parsed(change, change.before);
    Config next = parsed(change, change.after);
    const ConfigChanges changes = settle_changes(now, next);
    EXPECT_EQ(changes.changed, Keys{change.key}) << change.after;
    EXPECT_EQ(changes.needs_restart, Keys{}) << change.after;
    Config same = parsed(change, change.after);
    EXPECT_EQ(settle_changes(next, same).changed, Keys{}) << change.after;
    ++checked;
  }
  EXPECT_EQ(checked, 51);
}

TEST_F(ConfigChangesTest, EachKeyThatTakesARestartIsNamedAndKeepsItsValue) {
  int checked = 0;
  for (const Change& change : kFixed) {
    const Config now = parsed(change, change.before);
    Config next = parsed(change, change.after);
    const ConfigChanges changes = settle_changes(now, next);
    EXPECT_EQ(changes.changed, Keys{}) << change.after;
    EXPECT_EQ(changes.needs_restart, Keys{change.key}) << change.after;
    EXPECT_EQ(settle_changes(now, next).needs_restart, Keys{}) << "it is as it was: " << change.after;
    ++checked;
  }
  EXPECT_EQ(checked, 23);
}

TEST_F(ConfigChangesTest, SourcesThatComeAndGoAreNamed) {
  const Config now = *parse_config("[sources.a]\n[sources.b]\n", "t");
  Config next = *parse_config("[sources.b]\n[sources.c]\n", "t");
  EXPECT_EQ(settle_changes(now, next).changed, (Keys{"sources.c (added)", "sources.a (removed)"}));
}

}  // namespace
}  // namespace hookspool::agent
