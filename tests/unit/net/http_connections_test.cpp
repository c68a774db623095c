// The owner of the connections: what is kept about them agrees with which exist, however one came to leave.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include "net/http/connections.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ConnectionsTest : public ::testing::Test {
 protected:
  ConnectionsTest() : state_(limits()) { state_.now = Clock::time_point(seconds(1000)); }

  static HttpOptions limits() {
    HttpOptions options;
    options.connections_max = 2;
    options.connections_per_address_max = 1;
    return options;
  }

  static IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

  ClientConnection* enter(const char* peer) {
    const auto place = connections_.take_place(address(peer));
    if (place.refusal != nullptr) return nullptr;
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Fd other(ends[1]);
    return &connections_.add(Fd(ends[0]), address(peer), place);
  }

  LoopState state_;
  Counters counters_;
  Connections connections_{state_, counters_};
};

TEST_F(ConnectionsTest, OneThatLeavesGivesUpTheShareOfItsAddress) {
  ClientConnection* const one = enter("192.0.2.1");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(enter("192.0.2.1"), nullptr) << "one connection for each address";
  connections_.remove(*one);
  EXPECT_NE(enter("192.0.2.1"), nullptr);
  EXPECT_EQ(counters_.connections, 1u);
}

TEST_F(ConnectionsTest, ThatThereIsNoPlaceCostsTheAddressNothing) {
  ASSERT_NE(enter("192.0.2.1"), nullptr);
  ASSERT_NE(enter("192.0.2.2"), nullptr);
  EXPECT_EQ(enter("192.0.2.3"), nullptr) << "both have just come, so neither is evicted";
  state_.now += seconds(1);
  EXPECT_NE(enter("192.0.2.3"), nullptr);
  EXPECT_EQ(counters_.connections_evicted, 1u);
  EXPECT_EQ(counters_.connections, 2u);
}

TEST_F(ConnectionsTest, AnEvictedOneMissesNoDeadlineAndHoldsNoHandshake) {
  ClientConnection* const one = enter("192.0.2.1");
  ASSERT_NE(one, nullptr);
  const std::uint64_t id = one->id;
  connections_.set_deadline(*one, state_.now + milliseconds(500));
  connections_.note_handshake_open(*one, true);
  ClientConnection* const two = enter("192.0.2.2");
  ASSERT_NE(two, nullptr);
  connections_.set_deadline(*two, state_.now + milliseconds(500));
  EXPECT_EQ(connections_.handshakes_open(), 1u);
  state_.now += seconds(1);
  ASSERT_TRUE(connections_.make_room());
  EXPECT_EQ(connections_.find(id), nullptr);
  EXPECT_EQ(connections_.handshakes_open(), 0u);
  EXPECT_EQ(connections_.next_expired(), two);
  EXPECT_EQ(connections_.next_expired(), nullptr);
}

TEST_F(ConnectionsTest, TheOneThatNeedsTheRoomIsNotEvictedForIt) {
  ClientConnection* const one = enter("192.0.2.1");
  ClientConnection* const two = enter("192.0.2.2");
  ASSERT_TRUE(one != nullptr && two != nullptr);
  const std::uint64_t second = two->id;
  state_.now += seconds(1);
  connections_.protect(*one);
  const auto any = [](const ClientConnection& /*unused*/) { return true; };
  EXPECT_TRUE(connections_.make_room_where(any));
  EXPECT_EQ(connections_.find(second), nullptr) << "the first is older, but protected";
  EXPECT_FALSE(connections_.make_room_where(any));
}

TEST_F(ConnectionsTest, WhenStoppingNoRequestIsWaitedForBeyondTheLinger) {
  ClientConnection* const one = enter("192.0.2.1");
  ASSERT_NE(one, nullptr);
  state_.linger_until = state_.now + seconds(1);
  connections_.set_deadline_to_come(*one, state_.now + seconds(60));
  EXPECT_EQ(connections_.next_deadline(), state_.linger_until);
}

}  // namespace
}  // namespace hookspool::net
