// Handshakes: what is asked, what is answered, and what is never echoed.
#include "net/verify/handshake.h"

#include <gtest/gtest.h>

#include "net/verify/digest.h"
#include "net/verify/encoding.h"

namespace hookspool::net {
namespace {

std::optional<HandshakeAnswer> open(const char* provider, std::string_view method, std::string_view query,
                                    std::string_view verify_token = "") {
  return open_handshake(find_provider(provider)->handshake, {method, query, {}, ""}, verify_token);
}

int status(const std::optional<HandshakeAnswer>& answer) {
  return answer ? answer->status : 0;
}

TEST(Handshake, Meta) {
  const std::string query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meaty%20hamster";
  const auto answer = open("meta", "GET", query, "meaty hamster");
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->body, "1158201444");
  EXPECT_EQ(answer->content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(status(open("whatsapp", "GET", query, "meaty hamster")), 200);
  EXPECT_EQ(status(open("messenger", "GET", query, "another")), 403);
  EXPECT_EQ(status(open("meta", "GET", query, "")), 403) << "no token was configured";
  EXPECT_EQ(status(open("meta", "GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=", "")), 403);
  EXPECT_EQ(status(open("meta", "GET", "hub.mode=subscribe&hub.challenge=1", "t")), 403);
  EXPECT_EQ(status(open("meta", "GET", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=t", "t")), 400);
  EXPECT_EQ(status(open("meta", "GET",
                        "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=t", "t")),
            400);
  EXPECT_EQ(status(open("meta", "GET", "hub.mode=subscribe&hub.challenge=<script>&hub.verify_token=t", "t")),
            400);
  EXPECT_EQ(status(open("meta", "GET", "hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=t", "t")),
            400);
  EXPECT_FALSE(open("meta", "POST", query, "meaty hamster")) << "a webhook";
  EXPECT_FALSE(open("github", "GET", query, "meaty hamster")) << "not of this provider";
}

TEST(Handshake, Dropbox) {
  const auto answer = open("dropbox", "GET", "challenge=aB3_-x");
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->body, "aB3_-x");
  EXPECT_EQ(answer->content_type, "text/plain; charset=utf-8");
  for (const char* bad :
       {"", "challenge=", "challenge=%3Cscript%3E", "challenge=a%0d%0ab", "challenge=a b", "challenge=%00",
        "challenge=a&challenge=b", "challenge=%zz", "challenge=\xc3\xa9"}) {
    EXPECT_EQ(status(open("dropbox", "GET", bad)), 400) << bad;
  }
  EXPECT_EQ(status(open("dropbox", "GET", "challenge=" + std::string(kChallengeBytesMax, 'x'))), 200);
  EXPECT_EQ(status(open("dropbox", "GET", "challenge=" + std::string(kChallengeBytesMax + 1, 'x'))), 400);
  EXPECT_FALSE(open("dropbox", "POST", "challenge=a"));
}

TEST(Handshake, MicrosoftGraph) {
  const auto answer = open("microsoft-graph", "POST",
                           "validationToken=Validation%3a+Testing+client+application+reachability+for+"
                           "subscription+Request-Id%3a+6b1f");
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->body,
            "Validation: Testing client application reachability for subscription Request-Id: 6b1f");
  EXPECT_EQ(answer->content_type, "text/plain; charset=utf-8");
  for (const char* bad :
       {"validationToken=", "validationToken=%3Cscript%3Ealert(1)%3C/script%3E", "validationToken=a%0ab",
        "validationToken=a%22b", "validationToken=a&validationToken=b"}) {
    EXPECT_EQ(status(open("microsoft-graph", "POST", bad)), 400) << bad;
  }
  EXPECT_EQ(status(open("microsoft-graph", "POST",
                        "validationToken=" + std::string(kValidationTokenBytesMax + 1, 'x'))),
            400);
  EXPECT_EQ(status(open("microsoft-graph", "POST", "validationtoken=a")), 200) << "SharePoint's spelling";
  EXPECT_EQ(status(open("microsoft-graph", "POST", "validationtoken=a&validationToken=b")), 400);
  EXPECT_FALSE(open("microsoft-graph", "POST", "")) << "a notification";
  EXPECT_FALSE(open("microsoft-graph", "GET", "validationToken=a"));
}

// A signed request of a provider whose text is "v0:{timestamp}:{body}".
struct Signed {
  const Provider* provider;
  std::vector<std::string> secrets;
  std::string body;
  HeaderFields headers{};
  std::int64_t now_us = 1'614'265'330'000'000;

  std::optional<HandshakeAnswer> answer() {
    const std::string text = "v0:1614265330:" + body;
    const std::string_view piece = text;
    const auto mac = hmac(Algorithm::kSha256, secrets.back(), std::span(&piece, 1));
    headers = {{provider->scheme.headers.front(), "v0=" + encode_hex(*mac)},
               {provider->scheme.timestamp.headers.front(), "1614265330"}};
    const SignedRequest request{"POST", "", headers, body};
    EXPECT_TRUE(verify(provider->scheme, request, {secrets, "", now_us}).fits());
    JsonFields fields(body, handshake_pointers(provider->handshake));
    return signed_handshake(provider->handshake, provider->scheme, request, {secrets, "", now_us}, fields);
  }
};

TEST(Handshake, Slack) {
  Signed slack{
      find_provider("slack"),
      {"s"},
      R"({"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",)"
      R"("type":"url_verification"})"};
  const auto answer = slack.answer();
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->body, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
  EXPECT_EQ(answer->content_type, "text/plain; charset=utf-8");
  slack.body = R"({"type":"url_verification","challenge":"<script>"})";
  EXPECT_EQ(status(slack.answer()), 400);
  slack.body = R"({"type":"url_verification"})";
  EXPECT_EQ(status(slack.answer()), 400);
  slack.body = R"({"type":"event_callback","challenge":"a","event":{"type":"url_verification"}})";
  EXPECT_FALSE(slack.answer());
}

// A body is read as everywhere else: the last member counts, and a byte order mark is no part of it.
TEST(Handshake, ABodyMeansWhatItMeansInThePayload) {
  const std::string mark = "\xef\xbb\xbf";
  Signed slack{find_provider("slack"), {"s"}, mark + R"({"type":"url_verification","challenge":"abc"})"};
  auto answer = slack.answer();
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->body, "abc");
  slack.body = R"({"type":"url_verification","challenge":"<no>","ch\u0061llenge":"last"})";
  answer = slack.answer();
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->body, "last");
  slack.body = R"({"type":"url_verification","challenge":"abc","type":"event_callback"})";
  EXPECT_FALSE(slack.answer()) << "an event, whose payload says so";
  slack.body = R"({"type":"url_verification","challenge":"abc")";
  EXPECT_FALSE(slack.answer()) << "cut off";
  Signed zoom{
      find_provider("zoom"),
      {"s"},
      mark +
          R"({"event":"endpoint.url_validation","payload":{"plainToken":"a"},"payload":{"plainToken":"b"}})"};
  answer = zoom.answer();
  ASSERT_EQ(status(answer), 200);
  EXPECT_TRUE(answer->body.starts_with(R"({"plainToken":"b")")) << answer->body;
}

TEST(Handshake, Zoom) {
  Signed zoom{find_provider("zoom"),
              {"old", "zoomsecret"},
              R"({"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,)"
              R"("event":"endpoint.url_validation"})"};
  const auto answer = zoom.answer();
  ASSERT_EQ(status(answer), 200);
  EXPECT_EQ(answer->content_type, "application/json");
  EXPECT_EQ(answer->body,
            R"({"plainToken":"qgg8vlvZRS6UYooatFL8Aw",)"
            R"("encryptedToken":"83b2a60d4bbe49dc93763ed9e727a9a7690cbe4c1f8bb0adc0ffccd09ecb1384"})");
  // What is signed must never serve as the signature of a webhook.
  for (const char* bad : {"v0:1614265330:{}", "", "a b", "a\\\"b", "<b>"}) {
    zoom.body = std::string(R"({"event":"endpoint.url_validation","payload":{"plainToken":")") + bad + "\"}}";
    EXPECT_EQ(status(zoom.answer()), 400) << bad;
  }
  zoom.body = R"({"event":"meeting.started","payload":{"plainToken":"a"}})";
  EXPECT_FALSE(zoom.answer());
}

}  // namespace
}  // namespace hookspool::net
