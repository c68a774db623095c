// Random hostile JSON through every reader of bodies and through PostgreSQL's own jsonb: what we say of a body, and what a
// pointer finds in it, is what jsonb has. The kept seeds run every time, and a fresh one, which is printed.
//
// One seed again: HOOKSPOOL_SEED=17 build/release/tests/unit/net/net_pg_test --gtest_filter='PgJsonbTest.AFreshSeed'
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <random>
#include <sstream>

#include "net/json/json.h"
#include "net/pg/tables/mapping_json.h"
#include "net/pg/tables/payload.h"
#include "net/verify/json_field.h"
#include "tests/unit/net/canonical_json.h"
#include "tests/unit/net/hostile_json.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using testing::canonical_json;
using testing::Duplicates;

// Some of any kind, and each that has ever failed.
constexpr std::array<std::uint64_t, 6> kSeeds{1, 2, 3, 4, 5, 6};
constexpr std::size_t kBodies = 500;  // of a seed
constexpr std::size_t kPointers = 4;  // of a body

std::string hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string as_bytea(std::string_view bytes) {
  return "'\\x" + hex(bytes) + "'::bytea";
}

std::string as_text(std::string_view bytes) {
  return "convert_from(" + as_bytea(bytes) + ", 'UTF8')";
}

std::string pointer_text(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) {
    text += '/';
    for (const char c : token) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return text;
}

bool has(std::string_view issues, std::string_view issue) {
  return ("," + std::string(issues) + ",").find("," + std::string(issue) + ",") != std::string::npos;
}

using Row = std::vector<std::optional<std::string>>;

// Stays where it is made: all else points into the body.
struct Case {
  explicit Case(testing::HostileJson& hostile) : body(hostile.body()) {
    std::vector<JsonPointer> asked;
    for (std::size_t i = 0; i < kPointers; ++i) {
      pointers.push_back(hostile.pointer());
      asked.emplace_back(pointers.back());
    }
    found = json.values(asked);
  }
  const std::string body;
  const Payload payload = to_payload(body);
  const JsonText json{body};
  std::vector<std::vector<std::string>> pointers{};
  std::vector<std::optional<JsonValue>> found{};  // in the text of `json`
};

// One row a body: what jsonb makes of it as it came, what it makes of our text, and for each pointer whether jsonb finds
// what we have found, and its text.
std::string sql_of(const std::deque<Case>& cases) {
  std::string columns = "n, body, ours";
  std::string asked = "pg_temp.taken(body)::text, j::text";
  for (std::size_t i = 0; i < kPointers; ++i) {
    const std::string at = std::to_string(i);
    columns += ", p" + at + ", f" + at;
    asked += ", (j #> p" + at + ") IS NOT DISTINCT FROM pg_temp.taken(f" + at + "), j #>> p" + at;
  }
  std::string values;
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const Case& each = cases[n];
    // What is refused must be refused without its byte order mark as well.
    const std::string_view ours = each.payload.is_json ? each.payload.text() : read_json(each.body).text;
    values += (n > 0 ? ",(" : "(") + std::to_string(n) + "," + as_bytea(each.body) + "," + as_bytea(ours);
    for (std::size_t i = 0; i < kPointers; ++i) {
      values += ",ARRAY[";
      for (std::size_t t = 0; t < each.pointers[i].size(); ++t)
        values += (t > 0 ? "," : "") + as_text(each.pointers[i][t]);
      values += "]::text[]," + (each.found[i] ? as_bytea(each.found[i]->raw) : std::string("NULL::bytea"));
    }
    values += ")";
  }
  return "SELECT " + asked + " FROM (SELECT *, pg_temp.taken(ours) AS j FROM (VALUES " + values + ") v(" +
         columns + ")) w ORDER BY n";
}

// A body and a pointer into it, by every way that the agent has.
void all_readers_agree(const Case& each, std::size_t i) {
  const std::string pointer = pointer_text(each.pointers[i]);
  const auto parsed = JsonPointer::parse(pointer);
  ASSERT_TRUE(parsed && parsed->tokens() == each.pointers[i]) << pointer;
  const auto& found = each.found[i];
  const auto in_body = find_json(each.body, *parsed);
  ASSERT_EQ(in_body.has_value(), found.has_value());
  const auto field = json_field(each.body, pointer);
  const auto column = each.json.at(each.pointers[i]);
  const std::string pattern = pointer + "/*";
  const bool every = every_json_field(each.body, pattern, [](std::string_view) { return true; });
  if (!found) {
    EXPECT_FALSE(field || column || every);
    return;
  }
  EXPECT_EQ(in_body->kind, found->kind);
  EXPECT_EQ(in_body->characters(Unfit::kReplace),
            found->kind < JsonKind::kArray ? found->characters() : in_body->raw);
  EXPECT_EQ(column, found->kind == JsonKind::kNull ? std::nullopt : std::optional(found->characters()));
  const bool text = found->kind == JsonKind::kString || found->kind == JsonKind::kNumber;
  EXPECT_EQ(field, text ? std::optional(in_body->characters(Unfit::kKeep)) : std::nullopt);
  if (found->kind != JsonKind::kArray) {
    EXPECT_FALSE(every);
    return;
  }
  bool texts = true;
  std::size_t count = 0;
  each_element(*found, [&](const JsonValue& element) {
    auto tokens = each.pointers[i];
    tokens.push_back(std::to_string(count++));
    EXPECT_EQ(each.json.values(std::vector{JsonPointer(tokens)}).front(), element);
    texts = texts && (element.kind == JsonKind::kString || element.kind == JsonKind::kNumber);
    return true;
  });
  EXPECT_EQ(every, texts && count > 0);
}

void payload_is_right(const Case& each, const std::optional<std::string>& as_it_came,
                      const std::optional<std::string>& ours) {
  const Payload& payload = each.payload;
  if (payload.issue == "too_deep") return;  // PostgreSQL takes more levels; pg_payload_test.cpp has them
  ASSERT_EQ(payload.is_json, ours.has_value()) << payload.issue;
  if (!payload.is_json) {
    EXPECT_FALSE(as_it_came) << "refused, and jsonb takes it";
    return;
  }
  EXPECT_EQ(canonical_json(payload.text(), Duplicates::kLastCounts, true),
            canonical_json(*ours, Duplicates::kLastCounts, true));
  // No issue: jsonb has taken the body itself, and all of it. An issue: it has not.
  const bool whole = as_it_came && canonical_json(each.body, Duplicates::kStay, false) ==
                                       canonical_json(*as_it_came, Duplicates::kStay, false);
  EXPECT_EQ(payload.issue.empty(), whole) << payload.issue;
  if (!as_it_came) return;
  EXPECT_FALSE(has(payload.issue, "bom") || has(payload.issue, "nul") || has(payload.issue, "surrogate"));
  const bool alike_but_for_duplicates = canonical_json(each.body, Duplicates::kStay, true) ==
                                        canonical_json(each.body, Duplicates::kLastCounts, true);
  EXPECT_EQ(has(payload.issue, "duplicate_key"), !alike_but_for_duplicates);
}

class PgJsonbTest : public PgTest {
 protected:
  PgJsonbTest() {
    EXPECT_EQ(
        value(*connection_,
              "CREATE FUNCTION pg_temp.taken(given bytea) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN "
              "convert_from(given, 'UTF8')::jsonb; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$; SELECT 1"),
        "1");
  }

  void run_seed(std::uint64_t seed) {
    testing::HostileJson hostile(seed);
    std::deque<Case> cases;
    for (std::size_t n = 0; n < kBodies; ++n) cases.emplace_back(hostile);
    const auto rows = connection_->query(sql_of(cases), soon(), "test");
    ASSERT_TRUE(rows.ok()) << rows.error().text;
    ASSERT_EQ(rows->rows.size(), kBodies);
    for (std::size_t n = 0; n < kBodies; ++n) {
      const Case& each = cases[n];
      const Row& row = rows->rows[n];
      SCOPED_TRACE("seed " + std::to_string(seed) + ", body " + std::to_string(n) + ": " +
                   each.body.substr(0, 2'000));
      ++issues_[each.payload.issue];
      payload_is_right(each, row[0], row[1]);
      for (std::size_t i = 0; i < kPointers; ++i) {
        SCOPED_TRACE("pointer " + pointer_text(each.pointers[i]));
        all_readers_agree(each, i);
        if (!each.payload.is_json) continue;
        const auto& found = each.found[i];
        EXPECT_EQ(row[2 + 2 * i], "t") << (found ? found->raw : "nothing");
        if (!found) continue;
        ++found_[found->kind];
        if (found->kind == JsonKind::kString) {
          EXPECT_EQ(row[3 + 2 * i], found->characters());
        }
      }
      if (HasFailure()) return;
    }
  }

  std::unique_ptr<Connection> connection_ = connect();
  std::map<std::string, int> issues_;
  std::map<JsonKind, int> found_;
};

TEST_F(PgJsonbTest, KeptSeeds) {
  for (const std::uint64_t seed : kSeeds) run_seed(seed);
  std::map<std::string, int> words;
  for (const auto& [issue, count] : issues_) {
    std::cout << count << " " << (issue.empty() ? "without an issue" : issue) << '\n';
    std::istringstream stream(issue);
    for (std::string word; std::getline(stream, word, ',');) words[word] += count;
  }
  EXPECT_GT(issues_[""], 1'000);
  for (const char* each : {"not_json", "utf8", "too_deep", "number", "bom", "duplicate_key", "negative_zero",
                           "nul", "surrogate"})
    EXPECT_GT(words[each], 5) << each;
  for (const JsonKind kind : {JsonKind::kNull, JsonKind::kFalse, JsonKind::kTrue, JsonKind::kNumber,
                              JsonKind::kString, JsonKind::kArray, JsonKind::kObject})
    EXPECT_GT(found_[kind], 10) << static_cast<int>(kind);
}

TEST_F(PgJsonbTest, AFreshSeed) {
  const char* given = std::getenv("HOOKSPOOL_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
  std::cout << "seed " << seed << '\n';
  run_seed(seed);
}

}  // namespace
}  // namespace hookspool::net
