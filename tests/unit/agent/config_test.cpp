#include "agent/config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "agent/config/config_reader.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

std::string joined(const ConfigFaults& faults) {
  std::string all;
  for (const auto& line : faults.lines) all += line + "\n";
  return all;
}

// The faults of a text, or "" when it is accepted.
std::string faults_of(const std::string& toml) {
  const auto config = parse_config(toml, "t.toml");
  return config ? "" : joined(config.error());
}

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() { ::unsetenv("DATABASE_URL"); }
};

TEST_F(ConfigTest, EmptyIsTheDefault) {
  const auto config = parse_config("", "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  EXPECT_EQ(config->intake.listen, "127.0.0.1:8080");
  EXPECT_EQ(config->admin.listen, "127.0.0.1:8081");
  EXPECT_EQ(config->postgres.options.pool_size, 10u);
  EXPECT_EQ(config->postgres.options.pool_recycle, milliseconds(300'000));
  EXPECT_EQ(config->postgres.options.connect_timeout, milliseconds(30'000));
  EXPECT_TRUE(config->postgres.options.pre_ping);
  EXPECT_TRUE(config->sources.empty());
}

TEST_F(ConfigTest, ReadsEveryKey) {
  const auto config = parse_config(R"(
[agent]
id = "edge-17"
[intake]
listen = "0.0.0.0:9000"
max_body_bytes = "2MiB"
request_deadline = "20s"
[admin]
listen = "127.0.0.1:9001"
socket = "/run/hookspool/admin.sock"
[journal]
path = "/srv/journal"
max_bytes = "1GiB"
min_free_bytes = "64MiB"
keep_delivered = "1h"
[postgres]
conninfo = "host=db dbname=app sslmode=verify-full"
pool_size = 3
pool_recycle = "60s"
pre_ping = false
reset_on_return = false
connect_timeout = "5s"
statement_timeout = "6s"
idle_in_transaction_session_timeout = "7s"
backoff_min = "100ms"
backoff_max = "10s"
batch_events = 500
batch_bytes = "1MiB"
schema = "hooks"
[sources.a]
path = "/in/a"
[sources.b]
)",
                                   "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  EXPECT_EQ(config->agent_id, "edge-17");
  EXPECT_EQ(config->intake.body_bytes_max, 2u << 20);
  EXPECT_EQ(config->admin.socket, "/run/hookspool/admin.sock");
  EXPECT_EQ(config->journal.keep_delivered, milliseconds(3'600'000));
  EXPECT_EQ(config->postgres.options.pool_size, 3u);
  EXPECT_FALSE(config->postgres.options.pre_ping);
  EXPECT_FALSE(config->postgres.options.reset_on_return);
  EXPECT_EQ(config->postgres.options.idle_in_transaction_session_timeout, milliseconds(7'000));
  EXPECT_EQ(config->postgres.batch_events_max, 500u);
  EXPECT_EQ(config->postgres.options.schema, "hooks");
  ASSERT_EQ(config->sources.size(), 2u);
  EXPECT_EQ(config->sources[0].path, "/in/a");
  EXPECT_EQ(config->sources[1].path, "/hooks/b");
}

TEST_F(ConfigTest, EveryFaultAtOnceWithItsLine) {
  const std::string faults = faults_of(
      "[intake]\n"                    // 1
      "listen = \"nowhere\"\n"        // 2
      "max_body_bytes = \"26MiB\"\n"  // 3
      "request_deadlin = \"10s\"\n"   // 4
      "[postgres]\n"                  // 5
      "conninfo = \"hoost=db\"\n"     // 6
      "pool_size = 0\n"               // 7
      "pre_ping = \"yes\"\n"          // 8
      "[journl]\n");                  // 9
  EXPECT_NE(faults.find("t.toml:2:"), std::string::npos) << faults;
  EXPECT_NE(faults.find("t.toml:3:"), std::string::npos) << faults;
  EXPECT_NE(
      faults.find("t.toml:4:1: intake.request_deadlin: unknown key; did you mean \"request_deadline\"?"),
      std::string::npos)
      << faults;
  EXPECT_NE(faults.find("hoost"), std::string::npos) << faults;
  EXPECT_NE(faults.find("t.toml:7:"), std::string::npos) << faults;
  EXPECT_NE(faults.find("t.toml:8:"), std::string::npos) << faults;
  EXPECT_NE(faults.find("did you mean \"journal\"?"), std::string::npos) << faults;
}

TEST_F(ConfigTest, SyntaxErrorHasItsPlace) {
  EXPECT_NE(faults_of("[intake]\nlisten = \n").find("t.toml:2:"), std::string::npos);
}

TEST_F(ConfigTest, ConnectionsAndProxies) {
  const auto config = parse_config(
      "[intake]\nlisten = \"localhost:8080\"\nmax_connections = 100\nmax_connections_per_address = 0\n"
      "trusted_proxies = [\"10.0.0.0/8\", \"::1\", \"unix\"]\nforwarded_header = \"forwarded\"\n",
      "t.toml");
  ASSERT_TRUE(config) << config.error().lines.front();
  EXPECT_EQ(config->intake.connections_max, 100u);
  EXPECT_EQ(config->intake.connections_per_address_max, 0u);
  EXPECT_TRUE(config->intake.proxies.networks.contain(net::IpAddress::parse("10.1.2.3").value()));
  EXPECT_TRUE(config->intake.proxies.unix_socket);
  EXPECT_EQ(config->intake.proxies.header, net::ProxyTrust::Header::kForwarded);
  for (const char* line :
       {"trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies = [\"proxy.example\"]",
        "trusted_proxies = [10]", "trusted_proxies = \"10.0.0.0/8\"", "forwarded_header = \"x-real-ip\"",
        "certificate_file = \"/nonexistent.crt\"", "key_file = \"/nonexistent.key\"",
        "certificate_file = \"\"\nkey_file = \"/x\"",
        "certificate_file = \"/nonexistent.crt\"\nkey_file = \"/nonexistent.key\"", "max_connections = 1",
        "listen = \"example.com:8080\"", "listen = \"*:8080\"", "listen = \"[127.0.0.1]:8080\""})
    EXPECT_NE(faults_of("[intake]\n" + std::string(line) + "\n").find("t.toml:2:"), std::string::npos)
        << line;
  EXPECT_NE(faults_of("[intake]\ncertificate_file = \"/x.crt\"\nkey_file = \"/etc/passwd\"\n")
                .find("t.toml:3:12: intake.key_file: /etc/passwd can be read by every user"),
            std::string::npos);
}

TEST_F(ConfigTest, TheFileOfAUnixSocket) {
  const std::string listen = "[intake]\nlisten = \"unix:/run/h.sock\"\n";
  const auto config = parse_config(listen + "socket_mode = \"0666\"\nsocket_group = \"root\"\n", "t.toml");
  ASSERT_TRUE(config) << config.error().lines.front();
  EXPECT_EQ(config->intake.socket_file.mode, 0666u);
  EXPECT_EQ(config->intake.socket_file.gid, 0u);
  EXPECT_NE(
      faults_of(listen + "socket_group = \"no-such-group\"\n").find("there is no group \"no-such-group\""),
      std::string::npos);
  for (const char* line : {"socket_mode = \"0999\"", "socket_mode = \"rw-rw----\"", "socket_mode = \"01777\"",
                           "socket_mode = \"\"", "socket_mode = 660"})
    EXPECT_NE(faults_of(listen + line + "\n").find("t.toml:3:"), std::string::npos) << line;
  EXPECT_NE(faults_of("[intake]\nsocket_mode = \"0660\"\n").find("for a Unix socket"), std::string::npos);
  const auto admin = parse_config("[admin]\nsocket_mode = \"0600\"\nsocket_group = \"root\"\n", "t.toml");
  ASSERT_TRUE(admin) << admin.error().lines.front();
  EXPECT_EQ(admin->admin.socket_file.mode, 0600u);
  EXPECT_EQ(admin->admin.socket_file.gid, 0u);
  EXPECT_NE(faults_of("[admin]\nsocket_mode = \"0999\"\n").find("t.toml:2:"), std::string::npos);
}

TEST_F(ConfigTest, UnnamedSourcesOnlyOnThisMachine) {
  EXPECT_NE(faults_of("[intake]\nlisten = \"0.0.0.0:8080\"\n").find("sources"), std::string::npos);
  EXPECT_EQ(faults_of("[intake]\nlisten = \"unix:/run/h.sock\"\n"), "");
  EXPECT_EQ(faults_of("[intake]\nlisten = \"0.0.0.0:8080\"\n[sources.github]\n"), "");
}

TEST_F(ConfigTest, AdminOnlyOnThisMachine) {
  EXPECT_NE(faults_of("[admin]\nlisten = \"0.0.0.0:8081\"\n").find("other machines"), std::string::npos);
}

TEST_F(ConfigTest, TwoSourcesOnOnePath) {
  EXPECT_NE(faults_of("[sources.a]\npath=\"/x\"\n[sources.b]\npath=\"/x\"\n").find("another source's path"),
            std::string::npos);
}

TEST_F(ConfigTest, RowsAreKeptForADayAtLeastAndAsLongAsTheJournalsHistory) {
  EXPECT_EQ(faults_of("[postgres]\nkeep_rows = \"90d\"\n"), "");
  EXPECT_NE(faults_of("[postgres]\nkeep_rows = \"0s\"\n").find("keep_rows"), std::string::npos);
  EXPECT_NE(faults_of("[journal]\nkeep_delivered = \"10d\"\n[postgres]\nkeep_rows = \"9d\"\n")
                .find("shorter than [journal] keep_delivered"),
            std::string::npos);
  EXPECT_EQ(parse_config("", "t.toml")->postgres.keep_rows.count(), 0) << "for ever";
}

TEST_F(ConfigTest, ATableOfYourOwn) {
  const auto config = parse_config(R"(
[postgres]
notify = "hooks"
[sources.bot]
table = "app.conversations"
on_conflict = "update"
conflict_keys = ["user_id", "sent_at"]
[sources.bot.columns]
user_id = "/entry/0/messaging/0/sender/id"
sent_at = "/entry/0/messaging/0/timestamp | unix_ms"
kind = "header:X-Kind"
raw = "@payload"
[sources.other]
table = "hookspool.events"
)",
                                   "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  ASSERT_TRUE(config->sources[0].tables);
  const auto& table = config->sources[0].tables->tables.at(0);
  EXPECT_EQ(table.shown_name(), "app.conversations");
  EXPECT_EQ(table.quoted_name(), "\"app\".\"conversations\"");
  EXPECT_EQ(table.columns.size(), 4u);
  EXPECT_EQ(table.on_conflict, net::OnConflict::kUpdate);
  EXPECT_EQ(table.conflict_keys, (std::vector<std::string>{"user_id", "sent_at"}));
  EXPECT_FALSE(config->sources[1].tables);
  EXPECT_EQ(config->postgres.options.notify, "hooks");
  EXPECT_NE(config->postgres.options.tables->find("bot"), nullptr);
  EXPECT_EQ(config->postgres.options.tables->find("other"), nullptr);
}

TEST_F(ConfigTest, EveryFaultOfATableAtOnceWithItsLine) {
  const std::string faults = faults_of(
      "[sources.a]\n"                        // 1
      "table = \"app.conversations\"\n"      // 2
      "on_conflict = \"upsert\"\n"           // 3
      "conflict_keys = [\"usr\", \"at\",\n"  // 4
      "  \"at\"]\n"                          // 5
      "[sources.a.columns]\n"                // 6
      "user = \"entry/0\"\n"                 // 7
      "at = \"@recieved_at\"\n"              // 8
      "n = 5\n"                              // 9
      "t = \"/t | unix_us\"\n"               // 10
      "[sources.b]\n"                        // 11
      "table = \"app.orders\"\n"             // 12
      "[sources.c]\n"                        // 13
      "table = \"a.b.c\"\n"                  // 14
      "on_conflict = \"update\"\n"           // 15
      "columns = { x = \"/x\" }\n"           // 16
      "[sources.d.columns]\n"                // 17
      "x = \"@id\"\n");                      // 18
  for (const char* place :
       {"t.toml:3:",
        "t.toml:4:18: sources.a.conflict_keys: \"usr\" is none of the columns; did you mean \"user\"?",
        "t.toml:5:3: sources.a.conflict_keys: \"at\" is there twice",
        "t.toml:7:", "did you mean \"@received_at\"?",
        "t.toml:8:", "t.toml:9:", "t.toml:10:", "t.toml:12:9: sources.b.table: \"app.orders\" needs to know",
        "[sources.b.columns]", "t.toml:14:9: sources.c.table: \"a.b.c\" is not a table",
        "t.toml:15:15: sources.c.on_conflict: \"update\" needs conflict_keys",
        "t.toml:17:", "needs table ="}) {
    EXPECT_NE(faults.find(place), std::string::npos) << place << "\n" << faults;
  }
  EXPECT_NE(faults_of("[sources.a]\ntable = \"x\"\n[sources.a.columns]\nk = \"@id\"\nk = \"@seq\"\n")
                .find("t.toml:5:"),
            std::string::npos)
      << "a column twice";
}

TEST_F(ConfigTest, RowsOfElementsAndSeveralTables) {
  const auto config = parse_config(R"(
[sources.bot]
also = "events"
[[sources.bot.tables]]
table = "app.messages"
for_each = "/entry/*/messaging/*"
for_each_missing = "dead_letter"
max_items = 5
columns = { item = "@item", page = "../id", who = "./sender/id", all = ".", object = "/object" }
[[sources.bot.tables]]
table = "app.raw"
columns = { raw = "@payload" }
)",
                                   "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  ASSERT_TRUE(config->sources[0].tables);
  const auto& lane = *config->sources[0].tables;
  EXPECT_TRUE(lane.also_events);
  ASSERT_EQ(lane.tables.size(), 2u);
  EXPECT_EQ(lane.shown_names(), "app.messages, app.raw");
  EXPECT_EQ(lane.tables[0].for_each->text(), "/entry/*/messaging/*");
  EXPECT_TRUE(lane.tables[0].missing_is_refused);
  EXPECT_EQ(lane.tables[0].items_max, 5u);
  EXPECT_EQ(lane.tables[1].items_max, net::kItemsMaxDefault);
}

TEST_F(ConfigTest, FaultsOfRowsOfElements) {
  const std::string faults = faults_of(
      "[sources.a]\n"                  // 1
      "table = \"t\"\n"                // 2
      "for_each = \"/entry\"\n"        // 3
      "for_each_missing = \"drop\"\n"  // 4
      "max_items = 0\n"                // 5
      "also = \"gaps\"\n"              // 6
      "columns = { a = \"/a\" }\n"     // 7
      "[sources.b]\n"                  // 8
      "table = \"t\"\n"                // 9
      "max_items = 5\n"                // 10
      "[sources.b.columns]\n"          // 11
      "item = \"@item\"\n"             // 12
      "who = \"./id\"\n"               // 13
      "[sources.c]\n"                  // 14
      "for_each = \"/a/*\"\n"          // 15
      "[sources.d]\n"                  // 16
      "table = \"t\"\n"                // 17
      "[[sources.d.tables]]\n"         // 18
      "columns = { a = \"/a\" }\n"     // 19
      "[[sources.d.tables]]\n"         // 20
      "table = \"t\"\n"                // 21
      "for_each = \"/a/*\"\n"          // 22
      "columns = { a = \"../a\" }\n"   // 23
      "colums = {}\n"                  // 24
      "[sources.e]\n"                  // 25
      "also = \"events\"\n"            // 26
      "tables = []\n");                // 27
  for (const char* place : {
           "t.toml:3:12: sources.a.for_each: \"/entry\" ends in /*",
           "t.toml:4:20: sources.a.for_each_missing: \"drop\" is neither",
           "t.toml:5:",
           "t.toml:6:8: sources.a.also: \"gaps\" is not \"events\"",
           "t.toml:10:13: sources.b.max_items: is for a table with for_each",
           "t.toml:12:8: sources.b.columns.item: \"@item\" is the number of for_each",
           "t.toml:13:7: sources.b.columns.who: \"./id\" is relative to an element of for_each",
           "t.toml:15:12: sources.c.for_each: is for a table of your own",
           "t.toml:17:9: sources.d.table: stands beside [[sources.d.tables]]",
           "sources.d.tables.table: is missing",
           "t.toml:23:17: sources.d.tables.columns.a: \"../a\" goes above the outermost",
           "t.toml:24:",
           "t.toml:27:10: sources.e.tables: are 0; 1 to 16",
       }) {
    EXPECT_NE(faults.find(place), std::string::npos) << place << "\n" << faults;
  }
}

TEST_F(ConfigTest, ConditionsAndForms) {
  const auto config = parse_config(R"(
[sources.bot]
keep = '/action = "opened"'
form = "json"
form_json = ["payload"]
form_lists = ["to"]
table = "t"
for_each = "/a/*/b/*"
where = './x exists and ../y = 1'
columns = { x = "./x" }
)",
                                   "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  const auto& bot = config->sources[0];
  EXPECT_EQ(bot.keep->text(), "/action = \"opened\"");
  EXPECT_EQ(bot.form->json, std::vector<std::string>{"payload"});
  EXPECT_EQ(bot.form->lists, std::vector<std::string>{"to"});
  EXPECT_EQ(bot.tables->tables[0].where->places().size(), 2u);
  EXPECT_TRUE(net::body_rules(config->postgres.options.tables.get(), "bot").form);
  const std::string faults = faults_of(
      "[sources.a]\n"                // 1
      "keep = '/a is 5'\n"           // 2
      "where = '/a exists'\n"        // 3
      "form_json = [\"x\"]\n"        // 4
      "[sources.b]\n"                // 5
      "keep = './a exists'\n"        // 6
      "form = \"yes\"\n"             // 7
      "form_lists = [5]\n"           // 8
      "table = \"t\"\n"              // 9
      "for_each = \"/a/*\"\n"        // 10
      "where = '../a exists'\n"      // 11
      "columns = { a = \".\" }\n");  // 12
  for (const char* place : {"t.toml:2:8: sources.a.keep: at character 4: needs exists",
                            "t.toml:3:9: sources.a.where: is for a table of your own",
                            "t.toml:4:13: sources.a.form_json: needs form = \"json\"",
                            "t.toml:6:8: sources.b.keep: has a pointer that begins with a dot",
                            "t.toml:7:8: sources.b.form: \"yes\" is neither",
                            "t.toml:8:", "t.toml:11:9: sources.b.where: has a pointer that goes above"}) {
    EXPECT_NE(faults.find(place), std::string::npos) << place << "\n" << faults;
  }
}

TEST_F(ConfigTest, SecretsComeFromFiles) {
  testing::TempFolder folder;
  const std::string file = (folder.path() / "secret").string();
  std::ofstream(file) << "s3cret\n";
  ::chmod(file.c_str(), 0600);
  const std::string toml = "[sources.github]\nverify = \"github\"\nsecrets = [{ file = \"" + file + "\" }]\n";
  const auto config = parse_config(toml, "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  EXPECT_EQ(config->sources[0].secrets, std::vector<std::string>{"s3cret"});
  ::chmod(file.c_str(), 0644);
  EXPECT_NE(faults_of(toml).find("chmod o-rwx"), std::string::npos);
  EXPECT_NE(faults_of("[sources.github]\nverify = \"github\"\n").find("needs secrets"), std::string::npos);
  EXPECT_NE(faults_of("[sources.github]\nverify = \"github\"\nsecrets = [\"abc\"]\n")
                .find("never the secret itself"),
            std::string::npos);
}

TEST_F(ConfigTest, DatabaseUrl) {
  ::setenv("DATABASE_URL", "postgresql://u@db/app", 1);
  EXPECT_EQ(parse_config("", "t.toml")->postgres.options.conninfo, "postgresql://u@db/app");
  EXPECT_EQ(parse_config("[postgres]\nconninfo = \"host=x\"\n", "t.toml")->postgres.options.conninfo,
            "host=x");
  ::setenv("DATABASE_URL", "postgresql://u@db/app?sslmde=x", 1);
  EXPECT_NE(faults_of("").find("DATABASE_URL"), std::string::npos);
  ::unsetenv("DATABASE_URL");
}

TEST_F(ConfigTest, MissingFile) {
  const auto config = load_config("/nowhere/at/all.toml");
  ASSERT_FALSE(config);
  EXPECT_NE(joined(config.error()).find("/nowhere/at/all.toml"), std::string::npos);
}

TEST_F(ConfigTest, NearMiss) {
  EXPECT_EQ(near_miss("pool_sise", {"pool_size", "pre_ping"}), "pool_size");
  EXPECT_EQ(near_miss("zzz", {"pool_size", "pre_ping"}), "");
}

}  // namespace
}  // namespace hookspool::agent
