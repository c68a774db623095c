// Requests out of bytes, the budget of bodies, the deadlines: the parts of the loop that need no socket.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "net/http/deadlines.h"
#include "net/http/request_reader.h"

namespace hookspool::net {
namespace {

using Phase = RequestReader::Phase;

constexpr HeadLimits kLimits{4096, 16, 256, 1000};

std::string request(const std::string& path, const std::string& body, const std::string& extra = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + extra +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(RequestReader, PutsARequestTogetherWhereverItIsCut) {
  const std::string bytes =
      request("/one", "abc\r\n\r\nPOST") + request("/two", "") + request("/three", "xyz");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    BodyBudget budget(10000);
    RequestReader reader(kLimits, budget);
    std::vector<std::string> seen;
    for (const std::string& part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      ASSERT_FALSE(reader.take(part).has_value()) << cut;
      while (reader.phase() == Phase::kComplete) {
        const WholeRequest whole = reader.take_request();
        seen.push_back(whole.head.request.path + " " + whole.head.request.body);
        ASSERT_FALSE(reader.advance().has_value()) << cut;
      }
    }
    ASSERT_EQ(seen, (std::vector<std::string>{"/one abc\r\n\r\nPOST", "/two ", "/three xyz"})) << cut;
    ASSERT_EQ(reader.phase(), Phase::kIdle);
    ASSERT_EQ(budget.used(), 0u);
  }
}

TEST(RequestReader, TakesItByteByByte) {
  BodyBudget budget(10000);
  RequestReader reader(kLimits, budget);
  const std::string bytes = request("/one", "abc");
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    ASSERT_FALSE(reader.take(bytes.substr(i, 1)).has_value());
    ASSERT_NE(reader.phase(), Phase::kComplete);
  }
  ASSERT_FALSE(reader.take("c").has_value());
  ASSERT_EQ(reader.phase(), Phase::kComplete);
  EXPECT_EQ(reader.take_request().head.request.body, "abc");
}

// RFC 9112 section 2.2. Wherever the bytes are cut, and on a new connection as on a kept one.
TEST(RequestReader, SkipsLineEndsBeforeARequest) {
  const std::string bytes = "\r\n\r\n" + request("/one", "abc") + "\r\n" + request("/two", "") + "\r\n";
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    BodyBudget budget(10000);
    RequestReader reader(kLimits, budget);
    std::vector<std::string> seen;
    for (const std::string& part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      ASSERT_FALSE(reader.take(part).has_value()) << cut;
      while (reader.phase() == Phase::kComplete) {
        const WholeRequest whole = reader.take_request();
        seen.push_back(whole.head.request.path + " " + whole.head.request.body);
        ASSERT_FALSE(reader.advance().has_value()) << cut;
      }
    }
    ASSERT_EQ(seen, (std::vector<std::string>{"/one abc", "/two "})) << cut;
    ASSERT_EQ(reader.phase(), Phase::kIdle) << "line ends begin no request";
    ASSERT_EQ(budget.used(), 0u);
  }
}

int status_of(const std::string& bytes, std::size_t budget_bytes = 10000) {
  BodyBudget budget(budget_bytes);
  RequestReader reader(kLimits, budget);
  const auto refusal = reader.take(bytes);
  return refusal ? refusal->status : 0;
}

TEST(RequestReader, LimitsTheHead) {
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  EXPECT_EQ(status_of(start + std::string(4095 - start.size(), 'a')), 0);
  EXPECT_EQ(status_of(start + std::string(4096 - start.size(), 'a')), 431);
  EXPECT_EQ(status_of(start + std::string(60000, 'a')), 431);
  EXPECT_EQ(status_of("GET /" + std::string(60000, 'a')), 414);
  // A head that is too large and complete is too large all the same.
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'a') + "\r\n\r\n"), 431);
}

// Found by the fuzz target: a fault behind the limit was seen only if it came with what is before it.
TEST(RequestReader, AFaultBeyondTheLimitIsNotLookedAt) {
  const std::string line = "POST /" + std::string(kLimits.head_bytes_max, 'y');
  EXPECT_EQ(status_of(line + "\n"), 414);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nA: " + line + "\n"), 431);
}

TEST(RequestReader, RefusesWhatNoHeadContainsAtOnce) {
  EXPECT_EQ(status_of("\x16\x03\x01"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\n"), 400);
}

TEST(RequestReader, AsksForTheBodyOnceAndOnlyIfItIsNotThere) {
  BodyBudget budget(10000);
  RequestReader waiting(kLimits, budget);
  const std::string bytes = request("/one", "abc", "Expect: 100-continue\r\n");
  ASSERT_FALSE(waiting.take(bytes.substr(0, bytes.size() - 3)).has_value());
  EXPECT_TRUE(waiting.take_continue_due());
  EXPECT_FALSE(waiting.take_continue_due());
  RequestReader complete(kLimits, budget);
  ASSERT_FALSE(complete.take(bytes).has_value());
  EXPECT_FALSE(complete.take_continue_due());
}

TEST(BodyBudget, CountsBytesThatCameAndGivesThemBack) {
  BodyBudget budget(3600);
  RequestReader first(kLimits, budget);
  RequestReader second(kLimits, budget);
  // An announced body takes no room; what came of it does, and the head as it lies in memory.
  ASSERT_FALSE(first.take("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n").has_value());
  const std::size_t head = budget.used();
  EXPECT_GT(head, sizeof(HttpRequest));
  ASSERT_FALSE(second.take(request("/", std::string(800, 'x'))).has_value());
  EXPECT_EQ(budget.used(), 2 * head + 800);
  {
    WholeRequest whole = second.take_request();
    EXPECT_EQ(budget.used(), 2 * head + 800);
    const auto refusal = first.take(std::string(600, 'y'));
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->status, 503);
    WholeRequest moved = std::move(whole);
    EXPECT_EQ(budget.used(), 2 * head + 800);
  }
  EXPECT_EQ(budget.used(), head);
  first.discard();
  EXPECT_EQ(budget.used(), 0u);
}

// 16 KiB on the wire can be a hundred thousand bytes in memory: an entry and two texts for every line.
TEST(BodyBudget, CountsAHeadAsItLiesInMemory) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 15; ++i) bytes += "a-name-of-some-length: and-a-value-of-some-length\r\n";
  const auto head = parse_request_head(bytes + "\r\n", kLimits);
  ASSERT_TRUE(head.ok());
  BodyBudget budget(100'000);
  RequestReader reader(kLimits, budget);
  ASSERT_FALSE(reader.take(bytes + "\r\n").has_value());
  EXPECT_EQ(budget.used(), memory_bytes(head->request));
  EXPECT_GT(budget.used(), 16 * sizeof(std::pair<std::string, std::string>) + 15 * 40);
  {
    const WholeRequest whole = reader.take_request();
    EXPECT_GT(budget.used(), 0u) << "it waits for a worker";
  }
  EXPECT_EQ(budget.used(), 0u);
}

// A body of unknown length has up to twice its size of memory, and a connection that sent one byte not 64 KiB.
TEST(BodyBudget, CountsTheCapacityOfABody) {
  for (const bool chunked : {false, true}) {
    BodyBudget budget(100'000);
    RequestReader reader(kLimits, budget);
    ASSERT_FALSE(reader.take(
        std::string("POST / HTTP/1.1\r\nHost: a\r\n") +
        (chunked ? "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" : "Content-Length: 1000\r\n\r\n")));
    const std::size_t head = budget.used();
    for (int i = 0; i < 999; ++i) ASSERT_FALSE(reader.take("x"));
    EXPECT_LE(budget.used(), head + 2000);
    ASSERT_FALSE(reader.take(chunked ? "x\r\n0\r\n\r\n" : "x"));
    ASSERT_EQ(reader.phase(), Phase::kComplete);
    const WholeRequest whole = reader.take_request();
    EXPECT_EQ(budget.used(), head + whole.head.request.body.capacity()) << chunked;
  }
}

TEST(BodyBudget, CountsUnfinishedHeadsAndSurplus) {
  BodyBudget budget(3000);
  RequestReader dripping(kLimits, budget);
  const std::string start = "GET / HTTP/1.1\r\n";
  ASSERT_FALSE(dripping.take(start).has_value());
  ASSERT_FALSE(dripping.take("X").has_value());
  EXPECT_GT(budget.used(), start.size());
  ASSERT_FALSE(dripping.take(": " + std::string(800, 'x')).has_value());
  RequestReader pipelining(kLimits, budget);
  ASSERT_FALSE(pipelining.take(request("/", "") + std::string(1100, 'A')).has_value());
  // What came too early and found no room is refused in its turn, after the request before it.
  ASSERT_EQ(pipelining.phase(), Phase::kComplete);
  EXPECT_EQ(pipelining.take_request().head.request.path, "/");
  EXPECT_EQ(pipelining.advance().value().status, 503);
  EXPECT_EQ(dripping.take(std::string(2900, 'x')).value().status, 503);
  dripping.discard();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(BodyBudget, RefusesABodyThatCannotFitAnyMore) {
  const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
  const auto head = parse_request_head(bytes, kLimits);
  ASSERT_TRUE(head.ok());
  const std::size_t needed = memory_bytes(head->request) + 900;
  EXPECT_EQ(status_of(bytes, needed - 1), 503);
  EXPECT_EQ(status_of(bytes, needed), 0);
}

using std::chrono::seconds;

TEST(Deadlines, KeepOneEntryHoweverOftenTheyMove) {
  Deadlines deadlines;
  Timer timer;
  const Clock::time_point start{};
  deadlines.set(7, timer, start + seconds(10));
  for (int i = 11; i < 1000; ++i) deadlines.set(7, timer, start + seconds(i));
  EXPECT_EQ(deadlines.next(), start + seconds(10));
  ASSERT_EQ(deadlines.pop(start + seconds(10)), 7u);
  EXPECT_EQ(deadlines.pop(start + seconds(5000)), std::nullopt);
  EXPECT_FALSE(deadlines.settle(7, timer, start + seconds(10)));
  EXPECT_EQ(deadlines.next(), start + seconds(999));
  ASSERT_EQ(deadlines.pop(start + seconds(999)), 7u);
  EXPECT_TRUE(deadlines.settle(7, timer, start + seconds(999)));
  EXPECT_EQ(deadlines.next(), Clock::time_point::max());
}

TEST(Deadlines, CanComeNearerAndGoAway) {
  Deadlines deadlines;
  Timer one;
  Timer two;
  const Clock::time_point start{};
  deadlines.set(1, one, start + seconds(10));
  deadlines.set(2, two, start + seconds(20));
  deadlines.set(2, two, start + seconds(5));
  EXPECT_EQ(deadlines.next(), start + seconds(5));
  deadlines.clear(two);
  ASSERT_EQ(deadlines.pop(start + seconds(6)), 2u);
  EXPECT_FALSE(deadlines.settle(2, two, start + seconds(6)));
  EXPECT_EQ(deadlines.next(), start + seconds(10));
  deadlines.remove(1, one);
  EXPECT_EQ(deadlines.next(), Clock::time_point::max());
}

}  // namespace
}  // namespace hookspool::net
