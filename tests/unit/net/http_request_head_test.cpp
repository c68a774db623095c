// The strict reader of heads: what it lets through, and what it refuses with which status.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "net/http/request_head.h"

namespace hookspool::net {
namespace {

constexpr HeadLimits kLimits{16 * 1024, 64, 1024, 1024 * 1024};

// 0: accepted. -1: the head never ends. Else the status of the refusal.
int judge(const std::string& bytes) {
  std::size_t scanned = 0;
  switch (find_head_end(bytes, scanned)) {
    case HeadScan::kBad:
      return 400;
    case HeadScan::kMore:
      return -1;
    case HeadScan::kEnd:
      break;
  }
  const auto head = parse_request_head(std::string_view(bytes).substr(0, scanned), kLimits);
  return head ? 0 : head.error().status;
}

struct Case {
  const char* name;
  std::string bytes;
  int status;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string with(const std::string& lines) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}
std::string with_length(const std::string& lines) {
  return with("Content-Length: 3\r\n" + lines);
}
std::string many_lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += "X: y\r\n";
  return lines;
}

std::vector<Case> cases() {
  using std::string_literals::operator""s;
  return {
      // Accepted.
      {"get", get("/"), 0},
      {"head", "HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"post", with_length(""), 0},
      {"empty_post", with("Content-Length: 0\r\n"), 0},
      {"http_1_0_without_host", "GET / HTTP/1.0\r\n\r\n", 0},
      {"get_with_length_0", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 0},
      {"unknown_method_goes_to_the_handler", "PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"lower_case_method_is_another_method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"absolute_form", get("http://a/"), 0},
      {"absolute_form_of_https", get("HTTPS://a:8080/x?y"), 0},
      {"two_slashes", get("//a/x"), 0},
      {"chunked", with("Transfer-Encoding: chunked\r\n"), 0},
      {"chunked_in_capitals", with("transfer-encoding: \tCHUNKED \r\n"), 0},
      {"two_question_marks", get("/a?b?c=d"), 0},
      {"percent_sequences_stay", get("/%00%2f%zz?%"), 0},
      {"path_of_the_limit", get("/" + std::string(1023, 'a')), 0},
      {"long_query", get("/?" + std::string(8000, 'a')), 0},
      {"utf8_in_target", get("/caf\xc3\xa9?q=\xe2\x82\xac"), 0},
      {"latin1_in_target", get("/caf\xe9"), 0},
      {"post_without_length", with(""), 0},
      {"post_1_0_without_length", "POST / HTTP/1.0\r\n\r\n", 0},
      {"options", "OPTIONS /hooks/a HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"charset_as_coding", with_length("Content-Encoding: UTF-8\r\n"), 0},
      {"empty_value", with_length("X:\r\n"), 0},
      {"tabs_around_value", with_length("X:\t y \t\r\n"), 0},
      {"latin1_value", with_length("X: caf\xe9\r\n"), 0},
      {"ipv6_host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0},
      {"identity_coding", with_length("Content-Encoding: Identity\r\n"), 0},
      {"expect_continue", with_length("Expect: 100-Continue\r\n"), 0},
      {"leading_zeros_of_length", with("Content-Length: 0000000000000000000003\r\n"), 0},
      {"length_of_the_limit", with("Content-Length: 1048576\r\n"), 0},
      {"lines_of_the_limit", with_length(many_lines(62)), 0},
      // Line ends and control characters.
      {"bare_lf", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"bare_lf_in_headers", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare_cr", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
      {"cr_cr_lf", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400},
      {"empty_line_first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"lf_first", "\nGET / HTTP/1.1\r\n", 400},
      {"nul_in_target", get("/a\0b"s), 400},
      {"nul_in_value", with_length("X: a\0b\r\n"s), 400},
      {"nul_in_name", with_length("X\0: b\r\n"s), 400},
      {"escape_in_value", with_length("X: \x1b[2J\r\n"), 400},
      {"delete_in_value", with_length("X: \x7f\r\n"), 400},
      {"vertical_tab", with_length("X:\x0b y\r\n"), 400},
      {"tls_hello", "\x16\x03\x01\x02", 400},
      // Request line.
      {"no_version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"only_a_word", "GET\r\n\r\n", 400},
      {"two_spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"space_in_target", get("/a b"), 400},
      {"tab_instead_of_space", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"space_at_end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"space_at_start", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"method_is_no_token", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"method_with_colon", "GET: / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"empty_method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"relative_target", get("a"), 400},
      {"absolute_form_of_another_scheme", get("ftp://a/"), 400},
      {"absolute_form_without_path", get("http://a"), 400},
      {"absolute_form_with_query_only", get("http://a?x"), 400},
      {"absolute_form_without_host", get("http:///x"), 400},
      {"absolute_form_with_user", get("http://u@a/"), 400},
      {"absolute_form_without_host_line", "GET http://a/ HTTP/1.1\r\n\r\n", 400},
      {"asterisk_form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"authority_form", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"fragment", get("/a#b"), 400},
      {"delete_in_target", get("/a\x7f"), 400},
      {"escape_in_target", get("/a\x1b[2J"), 400},
      {"tab_in_target", get("/a\tb"), 400},
      {"path_too_long", get("/" + std::string(1024, 'a')), 414},
      {"lower_case_version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"short_version", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400},
      {"long_version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"version_1_2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"http_2_preface", "PRI * HTTP/2.0\r\n\r\n", 505},
      {"http_0_9", "GET / HTTP/0.9\r\n\r\n", 505},
      // Header lines.
      {"folded", with_length("X: a\r\n b\r\n"), 400},
      {"folded_by_tab", with_length("X: a\r\n\tb\r\n"), 400},
      {"folded_first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"space_before_colon", with_length("X : a\r\n"), 400},
      {"space_before_colon_of_length", with("Content-Length : 3\r\n"), 400},
      {"no_colon", with_length("X\r\n"), 400},
      {"no_name", with_length(": a\r\n"), 400},
      {"space_in_name", with_length("X Y: a\r\n"), 400},
      {"slash_in_name", with_length("X/Y: a\r\n"), 400},
      {"latin1_in_name", with_length("X\xe9: a\r\n"), 400},
      {"too_many_lines", with_length(many_lines(63)), 431},
      // Host.
      {"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
      {"two_hosts_in_1_0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"host_with_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host_with_user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      // Where the body ends.
      {"unknown_transfer_coding", with("Transfer-Encoding: xchunked\r\n"), 501},
      {"empty_transfer_coding", with("Transfer-Encoding:\r\n"), 501},
      {"gzip_then_chunked", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked_then_identity", with("Transfer-Encoding: chunked, identity\r\n"), 501},
      {"chunked_twice", with("Transfer-Encoding: chunked, chunked\r\n"), 501},
      {"chunked_in_two_lines", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501},
      {"chunked_with_parameter", with("Transfer-Encoding: chunked;q=1\r\n"), 501},
      {"chunked_quoted", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"chunked_in_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"length_and_chunked", with_length("Transfer-Encoding: chunked\r\n"), 400},
      {"two_lengths", with_length("Content-Length: 4\r\n"), 400},
      {"same_length_twice", with_length("content-length: 3\r\n"), 400},
      {"length_list", with("Content-Length: 3, 3\r\n"), 400},
      {"length_word", with("Content-Length: abc\r\n"), 400},
      {"length_with_tail", with("Content-Length: 12abc\r\n"), 400},
      {"length_negative", with("Content-Length: -1\r\n"), 400},
      {"length_with_plus", with("Content-Length: +3\r\n"), 400},
      {"length_hex", with("Content-Length: 0x3\r\n"), 400},
      {"length_empty", with("Content-Length:\r\n"), 400},
      {"length_with_space_inside", with("Content-Length: 1 2\r\n"), 400},
      {"length_fraction", with("Content-Length: 3.0\r\n"), 400},
      {"bad_length_on_get", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n", 400},
      {"length_over_the_limit", with("Content-Length: 1048577\r\n"), 413},
      {"length_of_10_gb", with("Content-Length: 10000000000\r\n"), 413},
      {"length_of_2_to_64", with("Content-Length: 18446744073709551616\r\n"), 413},
      {"length_beyond_any_number", with("Content-Length: " + std::string(200, '9') + "\r\n"), 413},
      {"get_with_body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 400},
      {"head_with_body", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 400},
      {"get_chunked", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"put_with_body", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 405},
      {"delete_chunked", "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 405},
      // Encoded bodies and expectations.
      {"gzip", with_length("Content-Encoding: gzip\r\n"), 415},
      {"identity_then_gzip", with_length("Content-Encoding: identity, gzip\r\n"), 415},
      {"gzip_in_a_second_line", with_length("Content-Encoding: identity\r\nContent-Encoding: br\r\n"), 415},
      {"unknown_expectation", with_length("Expect: 200-ok\r\n"), 417},
      // Not there yet.
      {"only_a_request_line", "GET / HTTP/1.1\r\n", -1},
      {"one_byte_short", "GET / HTTP/1.1\r\nHost: a\r\n\r", -1},
      {"nothing", "", -1},
  };
}

class HeadTable : public ::testing::TestWithParam<Case> {};

TEST_P(HeadTable, IsJudged) {
  EXPECT_EQ(judge(GetParam().bytes), GetParam().status) << GetParam().bytes;
}

INSTANTIATE_TEST_SUITE_P(Heads, HeadTable, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

RequestHead parse(const std::string& bytes) {
  auto head = parse_request_head(bytes, kLimits);
  if (!head) ADD_FAILURE() << head.error().text;
  return head ? std::move(head).value() : RequestHead();
}

TEST(RequestHead, KeepsEverythingAsItWasSent) {
  const RequestHead head = parse(
      "POST /hooks/%41?x=%20y?z HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\ncontent-length: 17\r\nX-TWO: \t100% "
      "caf\xe9 %0d \r\n\r\n");
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.path, "/hooks/%41");
  EXPECT_EQ(head.request.query, "x=%20y?z");
  EXPECT_EQ(head.content_length, 17u);
  EXPECT_FALSE(head.close);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"host", "a"}, {"x-two", "1"}, {"content-length", "17"}, {"x-two", "100% caf\xe9 %0d"}};
  EXPECT_EQ(head.request.headers, expected);
  ASSERT_NE(head.request.header("x-two"), nullptr);
  EXPECT_EQ(*head.request.header("x-two"), "1");
  EXPECT_EQ(head.request.header("x-three"), nullptr);
}

TEST(RequestHead, KnowsWhenTheConnectionEnds) {
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n").close);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").close);
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo , Close\r\n\r\n").close);
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo\r\nConnection: CLOSE\r\n\r\n").close);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n").close);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").close);
}

TEST(RequestHead, APostWithoutLengthHasNoBodyAndIsTheLastOne) {
  for (const char* head : {"POST /p HTTP/1.1\r\nHost: a\r\n\r\n", "POST /p HTTP/1.0\r\n\r\n"}) {
    EXPECT_TRUE(parse(head).without_length);
    EXPECT_TRUE(parse(head).close);
    EXPECT_EQ(parse(head).content_length, 0u);
  }
  EXPECT_FALSE(parse(with("Content-Length: 0\r\n")).without_length);
  EXPECT_FALSE(parse(with("Content-Length: 0\r\n")).close);
}

TEST(RequestHead, ExpectsContinueOnlyBeforeABody) {
  EXPECT_TRUE(parse(with_length("Expect: 100-continue\r\n")).expects_continue);
  EXPECT_FALSE(parse(with("Content-Length: 0\r\nExpect: 100-continue\r\n")).expects_continue);
  EXPECT_FALSE(
      parse("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

TEST(RequestHead, TakesTheHostOffAnAbsoluteTarget) {
  const RequestHead head = parse("GET http://other.example:80/hooks/a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(head.request.path, "/hooks/a");
  EXPECT_EQ(head.request.query, "b");
  EXPECT_EQ(*head.request.header("host"), "a");
}

TEST(RequestHead, TheScanGoesOnWhereItStopped) {
  const std::string bytes = with_length("X: y\r\n");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    std::size_t scanned = 0;
    ASSERT_EQ(find_head_end(bytes.substr(0, cut), scanned), HeadScan::kMore) << cut;
    ASSERT_EQ(find_head_end(bytes + "abc", scanned), HeadScan::kEnd) << cut;
    ASSERT_EQ(scanned, bytes.size());
  }
}

// Every head one byte away from a proper one is judged without a crash, and never in two ways.
TEST(RequestHead, SurvivesEveryByteAtEveryPlace) {
  const std::string good = with_length("X: y\r\n");
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(value);
      const int status = judge(bytes);
      ASSERT_EQ(status, judge(bytes));
      if (status == 0) ++accepted;
    }
  }
  EXPECT_GT(accepted, good.size());
  EXPECT_LT(accepted, good.size() * 256 / 2);
}

}  // namespace
}  // namespace hookspool::net
