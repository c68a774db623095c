// Chunked bodies: what is taken, what is refused with which status, and that no client is answered about the end of a
// request wrongly.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "net/http/request_reader.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using testing::echo;
using testing::RawAnswer;
using testing::RawClient;
using testing::serve;

constexpr HeadLimits kLimits{4096, 16, 256, 1000};
const std::string kHead = "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Case {
  const char* name;
  std::string body;  // as sent
  int status;        // 200: taken. 0: wants more. Else of the refusal
  std::string data = {};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

std::string many_chunks(int count, const std::string& extension) {
  std::string body;
  for (int i = 0; i < count; ++i) body += "1" + extension + "\r\nx\r\n";
  return body + "0\r\n\r\n";
}

std::vector<Case> cases() {
  using std::string_literals::operator""s;
  const std::string extras(ChunkedBody::kExtraBytesMax, 'e');
  return {
      {"one", "3\r\nabc\r\n0\r\n\r\n", 200, "abc"},
      {"empty", "0\r\n\r\n", 200, ""},
      {"two", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, "abc0123456789"},
      {"lower_case_size", "a\r\n0123456789\r\n0\r\n\r\n", 200, "0123456789"},
      {"leading_zeros", "0000000000000003\r\nabc\r\n000\r\n\r\n", 200, "abc"},
      {"line_ends_in_the_data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", 200, "\r\n\r\n"},
      {"extension", "3;name=value;other=\"a b\"\r\nabc\r\n0;x\r\n\r\n", 200, "abc"},
      {"trailers", "3\r\nabc\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\nEmpty:\r\n\r\n", 200, "abc"},
      {"size_of_the_limit", "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n", 200,
       std::string(1000, 'x')},
      {"many_chunks", many_chunks(1000, ""), 200, std::string(1000, 'x')},
      // Sizes.
      {"no_size", "\r\nabc\r\n0\r\n\r\n", 400},
      {"size_negative", "-2\r\nabc\r\n0\r\n\r\n", 400},
      {"size_with_plus", "+3\r\nabc\r\n0\r\n\r\n", 400},
      {"size_with_0x", "0x3\r\nabc\r\n0\r\n\r\n", 400},
      {"size_with_underscore", "1_0\r\nabc\r\n0\r\n\r\n", 400},
      {"space_before_size", " 3\r\nabc\r\n0\r\n\r\n", 400},
      {"space_after_size", "3 \r\nabc\r\n0\r\n\r\n", 400},
      {"tab_after_size", "3\t;x\r\nabc\r\n0\r\n\r\n", 400},
      {"word", "three\r\nabc\r\n0\r\n\r\n", 400},
      {"comma", "3,3\r\nabc\r\n0\r\n\r\n", 400},
      {"seventeen_digits", "00000000000000003\r\nabc\r\n0\r\n\r\n", 400},
      {"over_the_limit", "3e9\r\n", 413},
      {"over_the_limit_together", "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n", 413},
      {"size_of_2_to_64_less_1", "ffffffffffffffff\r\n", 413},
      {"size_of_2_to_63", "8000000000000000\r\n", 413},
      // Line ends.
      {"bare_lf_after_size", "3\nabc\r\n0\r\n\r\n", 400},
      {"bare_cr_after_size", "3\rabc\r\n0\r\n\r\n", 400},
      {"bare_lf_after_data", "3\r\nabc\n0\r\n\r\n", 400},
      {"bare_cr_after_data", "3\r\nabc\r0\r\n\r\n", 400},
      {"cr_and_another_byte_after_data", "3\r\nabc\rX0\r\n\r\n", 400},
      {"cr_and_another_byte_after_size", "3\rXabc\r\n0\r\n\r\n", 400},
      {"cr_and_another_byte_after_a_trailer", "0\r\nX: a\rX\r\n", 400},
      {"nothing_after_data", "3\r\nabc0\r\n\r\n", 400},
      {"longer_than_its_size", "3\r\nabcXX\r\n0\r\n\r\n", 400},
      {"shorter_than_its_size", "5\r\nabc\r\n0\r\n\r\n", 400},
      {"bare_lf_at_the_end", "0\r\n\n", 400},
      {"bare_lf_after_the_last", "0\n\r\n", 400},
      {"bare_cr_at_the_end", "0\r\n\rX", 400},
      {"bare_lf_in_extension", "3;a\nb\r\nabc\r\n0\r\n\r\n", 400},
      {"bare_cr_in_extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", 400},
      {"nul_in_extension", "3;a\0\r\nabc\r\n0\r\n\r\n"s, 400},
      // Trailers.
      {"trailer_without_colon", "0\r\nX\r\n\r\n", 400},
      {"trailer_without_name", "0\r\n: x\r\n\r\n", 400},
      {"trailer_folded", "0\r\nX: a\r\n b\r\n\r\n", 400},
      {"trailer_space_before_colon", "0\r\nX : a\r\n\r\n", 400},
      {"trailer_bare_lf", "0\r\nX: a\n\r\n", 400},
      {"trailer_bare_cr", "0\r\nX: a\rb\r\n\r\n", 400},
      {"trailer_with_escape", "0\r\nX: \x1b[2J\r\n\r\n", 400},
      {"request_as_trailer", "0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      // Limits.
      {"long_extension", "3;" + extras + "\r\nabc\r\n0\r\n\r\n", 431},
      {"extensions_together", many_chunks(1000, ";" + std::string(16, 'e')), 431},
      {"long_trailer", "0\r\nX: " + extras + "\r\n\r\n", 431},
      {"endless_trailer_name", "0\r\n" + extras + "X", 431},
      // Not there yet.
      {"no_end", "3\r\nabc\r\n0\r\n", 0},
      {"half_the_end", "3\r\nabc\r\n0\r\n\r", 0},
      {"half_a_chunk", "3\r\nab", 0},
  };
}

class ChunkedTable : public ::testing::TestWithParam<Case> {};

// Whole, byte by byte, and cut at one place: the verdict is always the same.
TEST_P(ChunkedTable, IsJudged) {
  const Case& c = GetParam();
  for (const std::size_t step : {std::string::npos, std::size_t{1}, std::size_t{7}}) {
    BodyBudget budget(100'000);
    RequestReader reader(kLimits, budget);
    ASSERT_FALSE(reader.take(kHead).has_value());
    int status = 0;
    for (std::size_t at = 0; at < c.body.size() && status == 0; at += std::min(step, c.body.size())) {
      const auto refusal = reader.take(std::string_view(c.body).substr(at, step));
      if (refusal) status = refusal->status;
      if (!refusal && reader.phase() == RequestReader::Phase::kComplete) status = 200;
    }
    ASSERT_EQ(status, c.status) << "in steps of " << step;
    if (status == 200) {
      ASSERT_EQ(reader.take_request().head.request.body, c.data);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Bodies, ChunkedTable, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ChunkedBody, EndsWhereTheNextRequestBegins) {
  const std::string bytes =
      kHead + "3\r\nabc\r\n0\r\nX: y\r\n\r\n" + kHead + "0\r\n\r\n" + "GET /last HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    BodyBudget budget(100'000);
    RequestReader reader(kLimits, budget);
    std::vector<std::string> seen;
    for (const std::string& part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      ASSERT_FALSE(reader.take(part).has_value()) << cut;
      while (reader.phase() == RequestReader::Phase::kComplete) {
        const WholeRequest whole = reader.take_request();
        seen.push_back(whole.head.request.path + " " + whole.head.request.body);
        ASSERT_FALSE(reader.advance().has_value()) << cut;
      }
    }
    ASSERT_EQ(seen, (std::vector<std::string>{"/p abc", "/p ", "/last "})) << cut;
    ASSERT_EQ(budget.used(), 0u);
  }
}

TEST(ChunkedBody, CountsAgainstTheBudgetAsItComes) {
  std::size_t scanned = 0;
  ASSERT_EQ(find_head_end(kHead, scanned), HeadScan::kEnd);
  const std::size_t head = memory_bytes(parse_request_head(kHead, kLimits).value().request);
  BodyBudget budget(head + 500);
  RequestReader reader(kLimits, budget);
  ASSERT_FALSE(reader.take(kHead).has_value());
  EXPECT_EQ(budget.used(), head);
  ASSERT_FALSE(reader.take("3e8\r\n" + std::string(400, 'x')).has_value());
  EXPECT_EQ(budget.used(), head + 400);
  const auto refusal = reader.take(std::string(101, 'x'));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 503);
  reader.discard();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(ChunkedBody, IsServedAndTheConnectionGoesOn) {
  auto server = serve(echo);
  RawClient client(server->port());
  client.send(kHead + "3\r\nabc\r\n0\r\n\r\n" + kHead + "1\r\nd\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().body, "abc");
  EXPECT_EQ(client.read_answer().value().body, "d");
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().head, "HTTP/1.1 100 Continue");
  client.send("2\r\nef\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().body, "ef");
  client.send(kHead + "3\r\nabcXX\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().status, 400);
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server->stats().requests, 3u);
}

}  // namespace
}  // namespace hookspool::net
