// What a source redacts, and what of its bodies is kept: read from the configuration, and every fault with its place.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "agent/config/config.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

std::string joined(const ConfigFaults& faults) {
  std::string text;
  for (const auto& line : faults.lines) text += line + "\n";
  return text;
}

std::string faults_of(const std::string& toml) {
  const auto config = parse_config(toml, "t.toml");
  return config ? "" : joined(config.error());
}

TEST(ConfigRedact, PlacesAndRawBodies) {
  const auto config = parse_config(R"(
[sources.shop]
verify = "none"
redact = ["/card/number", "/cards/*/n", "header:X-Api-Key"]
redact_journal = true
keep_raw = false
form = "json"
form_multipart = true
[sources.b]
keep_raw = "unparsed"
[sources.c]
keep_raw = true
)",
                                   "t.toml");
  ASSERT_TRUE(config) << joined(config.error());
  const auto& rules = net::body_rules(config->postgres.options.tables.get(), "shop");
  EXPECT_EQ(rules.redaction.pointers.size(), 2u);
  EXPECT_EQ(rules.redaction.headers, std::vector<std::string>{"x-api-key"});
  EXPECT_TRUE(config->sources[2].redact_journal);
  EXPECT_EQ(rules.keep_raw, net::KeepRaw::kNever);
  EXPECT_TRUE(rules.form->multipart);
  EXPECT_EQ(net::body_rules(config->postgres.options.tables.get(), "b"), net::BodyRules());
  EXPECT_EQ(net::body_rules(config->postgres.options.tables.get(), "c").keep_raw, net::KeepRaw::kAlways);
  const std::string faults = faults_of(
      "[sources.a]\n"                                                     // 1
      "redact = [\"card\",\n"                                             // 2
      "  \"/a~2\", 5,\n"                                                  // 3
      "  \"header:\", \"header:a b\", \"header:*\", \"\",\n"              // 4
      "  \"header:Content-Type\"]\n"                                      // 5
      "keep_raw = \"no\"\n"                                               // 6
      "form_multipart = true\n"                                           // 7
      "[sources.b]\n"                                                     // 8
      "redact_journal = true\n"                                           // 9
      "keep_raw = 5\n"                                                    // 10
      "[sources.c]\n"                                                     // 11
      "redact = []\n"                                                     // 12
      "[sources.d]\n"                                                     // 13
      "redact = [\"/list/*/key\", \"/list\", \"/kind\",\n"                // 14
      "  \"/list/0/key/deep\", \"/list/*/other\", \"header:k\"]\n"        // 15
      "table = \"t\"\n"                                                   // 16
      "for_each = \"/list/*\"\n"                                          // 17
      "where = '/kind = 1'\n"                                             // 18
      "on_conflict = \"ignore\"\n"                                        // 19
      "conflict_keys = [\"a\", \"b\"]\n"                                  // 20
      "columns = { a = \"./key\", b = \"header:k\", c = \"./other\" }\n"  // 21
      "[sources.e]\n"                                                     // 22
      "redact = [\"/x\"]\n"                                               // 23
      "table = \"t\"\n"                                                   // 24
      "on_conflict = \"ignore\"\n"                                        // 25
      "columns = { a = \"/x/y\" }\n");                                    // 26
  for (const char* place :
       {"t.toml:2:11: sources.a.redact: \"card\" is neither a JSON pointer",
        "t.toml:3:3: sources.a.redact: \"/a~2\" is no", "t.toml:3:11: sources.a.redact: each is a text",
        "t.toml:4:3: sources.a.redact: \"header:\" is no header's name", "t.toml:4:14: ", "t.toml:4:28: ",
        "t.toml:4:40: ", "t.toml:5:3: sources.a.redact: \"header:Content-Type\" says how",
        "t.toml:6:12: sources.a.keep_raw: \"no\" is none of",
        "t.toml:7:18: sources.a.form_multipart: needs form = \"json\"",
        "t.toml:9:18: sources.b.redact_journal: needs redact",
        "t.toml:10:12: sources.b.keep_raw: needs true or false",
        "t.toml:12:10: sources.c.redact: has 0 entries",
        "t.toml:14:11: sources.d.redact: \"/list/*/key\" would be equal in every row",
        "t.toml:14:26: sources.d.redact: \"/list\" takes away what for_each",
        "t.toml:14:35: sources.d.redact: \"/kind\" is what `where`",
        "t.toml:15:3: sources.d.redact: \"/list/0/key/deep\" would be",
        "t.toml:15:40: sources.d.redact: \"header:k\" would be",
        "t.toml:23:11: sources.e.redact: \"/x\" would be equal in every row, and column a of t may be in a "
        "unique index"}) {
    EXPECT_NE(faults.find(place), std::string::npos) << place << "\n" << faults;
  }
  EXPECT_EQ(faults.find("/list/*/other"), std::string::npos) << faults;
}

TEST(ConfigRedact, DeliveryIdsAndTheQuarantineAreLeft) {
  testing::TempFolder folder;
  const std::string file = (folder.path() / "secret").string();
  std::ofstream(file) << "s3cret\n";
  ::chmod(file.c_str(), 0600);
  const std::string secrets = "secrets = [{ file = \"" + file + "\" }]\n";
  EXPECT_NE(
      faults_of("[sources.g]\nverify = \"github\"\n" + secrets + "redact = [\"header:X-GitHub-Delivery\"]\n")
          .find("is the delivery id of verify = \"github\""),
      std::string::npos);
  EXPECT_NE(faults_of("[sources.s]\nverify = \"stripe\"\n" + secrets + "redact = [\"/id\"]\n")
                .find("is the delivery id of verify = \"stripe\""),
            std::string::npos);
  EXPECT_NE(faults_of("[sources.g]\nverify = \"github\"\n" + secrets +
                      "on_bad_signature = \"quarantine\"\nredact = [\"/a\"]\nredact_journal = true\n")
                .find("redact_journal: does not go with on_bad_signature"),
            std::string::npos);
}

}  // namespace
}  // namespace hookspool::agent
