// Every attack on an intake that is known to us, and every published fault of cpp-httplib 0.11.4, has a test here or a reason
// why it needs none.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/attack/attacks.h"

namespace hookspool::testing {
namespace {

struct Known {
  const char* name;
  const char* what;
  const char* elsewhere =
      nullptr;  // where it is tested, or why it cannot be one here; else it has a test here
};

constexpr Known kCatalogue[] = {
    {"A1", "heads that drip in"},
    {"A2", "bodies that drip in"},
    {"A3", "connections that stay silent"},
    {"A4", "clients that are gone silently"},
    {"A5", "huge bodies"},
    {"A6", "chunks: endless, malformed, with extensions and trailers"},
    {"A7", "huge heads"},
    {"A8", "malformed requests"},
    {"A9", "requests smuggled behind others"},
    {"A10", "compressed bodies"},
    {"A11", "the same delivery again"},
    {"A12", "bodies that are no text, or no JSON that PostgreSQL takes"},
    {"A13", "an old signature again"},
    {"A14", "signatures guessed digit by digit"},
    {"A15", "a flood of connections"},
    {"A16", "clients that are gone before the answer"},
    {"A17", "clients that have ended their side"},
    {"A18", "pipelined requests"},
    {"A19", "forms and multipart"},
    {"A20", "long paths"},
    {"A21", "no descriptor for a connection"},
    {"A22", "a sender that does not send again",
     "answered in time on a slow disk: tests/integration/disk/stall_test.cpp"},
    {"CVE-2023-26130", "CR LF in a header of the answer"},
    {"CVE-2025-0825", "CR LF that a filter misses"},
    {"CVE-2025-46728", "bodies beyond the limit, chunked or without a length"},
    {"CVE-2025-52887", "any number of headers"},
    {"CVE-2025-53628", "lines without an end"},
    {"CVE-2025-53629", "chunks that fill the memory"},
    {"CVE-2025-66570", "headers that stand for the peer's address"},
    {"CVE-2025-66577", "trusted proxies", "newer than 0.11.4; ours are tests/unit/net/http_address_test.cpp"},
    {"CVE-2026-21428", "CR LF in a header of the answer"},
    {"CVE-2026-22776", "a compressed body that swells"},
    {"CVE-2026-28434", "an exception's text in the answer"},
    {"CVE-2026-28435", "a compressed body beyond the limit"},
    {"CVE-2026-29076", "regular expressions over what a client sends"},
    {"CVE-2026-31870", "a malformed length"},
    {"CVE-2026-32627", "the client", "not the server; our client speaks to our own agent only"},
    {"CVE-2026-33745", "the client", "not the server; our client speaks to our own agent only"},
    {"CVE-2026-34441", "a body with GET"},
    {"CVE-2026-45352", "a negative chunk size"},
    {"CVE-2026-45372", "values that are percent-decoded"},
    {"CVE-2026-46527", "-", "code that 0.11.4 does not have"},
    {"CVE-2026-54919", "-", "code that 0.11.4 does not have"},
    {"CVE-2026-77341", "-", "code that 0.11.4 does not have"},
    {"CVE-2026-77358", "-", "code that 0.11.4 does not have"},
    {"duplicate Content-Length", "without a number: 1e97c28"},
    {"invalid Content-Length", "without a number: 6fd97ae"},
    {"unbounded headers", "without a number: #2530"},
    {"regex on a long path", "without a number: 8824017"},
};

// "A7 ..." and "A7_...": of A7, and not of A70.
bool is_about(const std::string& test, const std::string& name) {
  return test.starts_with(name) &&
         (test.size() == name.size() || test[name.size()] == ' ' || test[name.size()] == '_');
}

TEST(AttackCatalogue, EachKnownAttackHasATest) {
  std::vector<std::string> tests;
  for (const auto& list :
       {malformed_attacks(), smuggling_attacks(), limit_attacks(), published_attacks(), odd_requests()}) {
    for (const Attack& attack : list) tests.push_back(attack.name);
  }
  const auto& program = *::testing::UnitTest::GetInstance();
  for (int i = 0; i < program.total_test_suite_count(); ++i) {
    const auto& suite = *program.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) tests.emplace_back(suite.GetTestInfo(j)->name());
  }
  std::size_t tested = 0, excused = 0;
  std::set<std::string> names;
  for (const Known& known : kCatalogue) {
    EXPECT_TRUE(names.insert(known.name).second) << known.name << " is there twice";
    const bool found = std::any_of(tests.begin(), tests.end(),
                                   [&](const std::string& test) { return is_about(test, known.name); });
    EXPECT_TRUE(found || known.elsewhere != nullptr) << known.name << ", " << known.what << ", has no test";
    ++(found ? tested : excused);
  }
  for (int number = 1; number <= 22; ++number)
    EXPECT_TRUE(names.contains("A" + std::to_string(number))) << number;
  std::cout << tested << " known attacks have tests here, " << excused << " a reason\n";
  EXPECT_GT(tested, 30u);
}

}  // namespace
}  // namespace hookspool::testing
