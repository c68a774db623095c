// A sender's own id of a delivery: where it is, and whether the signature covers it.
#include "net/verify/delivery_id.h"

#include <gtest/gtest.h>

#include "net/verify/providers.h"

namespace hookspool::testing {
namespace {

using net::Scheme;

TEST(DeliveryIds, WhereTheSenderHasThem) {
  const auto id = [](const char* name, const net::HeaderFields& headers, const std::string& body) {
    const auto* provider = net::find_provider(name);
    net::JsonFields fields(body);
    return net::find_delivery_id(provider->delivery_id, provider->scheme, headers, fields).text;
  };
  EXPECT_EQ(id("github", {{"x-request-uuid", "r"}, {"x-github-delivery", "g"}}, "{}"), "g");
  EXPECT_EQ(id("github", {{"webhook-id", "w"}}, "{}"), "") << "not one of its own";
  EXPECT_EQ(id("none", {{"x-request-uuid", "r"}, {"x-github-delivery", "g"}}, ""), "g");
  EXPECT_EQ(id("none", {{"webhook-id", std::string(300, 'x')}}, ""), "");
  EXPECT_EQ(id("stripe", {}, R"({"object":{"id":"no"},"id":"evt_1","id2":"x"})"), "evt_1");
  EXPECT_EQ(id("stripe", {}, R"([{"id":"evt_1"}])"), "");
  EXPECT_EQ(id("stripe", {}, R"({"id":"a\u0000b"})"), "");
  EXPECT_EQ(id("stripe", {}, R"({"id":null})"), "");
  EXPECT_EQ(id("stripe", {}, R"({"id":{"id":"x"}})"), "");
  EXPECT_EQ(id("telegram", {}, R"({"update_id":10000,"message":{})"), "") << "no JSON as a whole";
  EXPECT_EQ(id("telegram", {}, R"({"update_id":10000,"message":{}})"), "10000");
  EXPECT_EQ(id("stripe", {}, R"({"id":"evt_1","id":"evt_2"})"), "evt_2") << "the last one, as in jsonb";
  EXPECT_EQ(id("stripe", {}, R"({"id":"evt_1","\u0069d":"evt_2"})"), "evt_2");
  EXPECT_EQ(id("stripe", {}, "\xef\xbb\xbf{\"id\":\"evt_1\"}"), "evt_1") << "a byte order mark";
  EXPECT_EQ(id("telegram", {}, "{}"), "");
  EXPECT_EQ(id("meta", {}, R"({"id":"x"})"), "");
  EXPECT_EQ(id("stripe", {}, R"({"id":""})"), "");
  EXPECT_EQ(id("none", {{"x-webhook-id", "w"}}, ""), "") << "to many senders the subscription's";
  EXPECT_EQ(id("pagerduty", {{"x-webhook-id", "w"}}, ""), "w");
  EXPECT_EQ(id("shopify", {{"shopify-webhook-id", "w"}}, ""), "w");
  EXPECT_EQ(id("none", {{"shopify-webhook-id", "w"}}, ""), "w");
}

TEST(DeliveryIds, WhatTheSignatureCovers) {
  const auto find = [](const char* name, const net::HeaderFields& headers, const std::string& body = "") {
    const auto* provider = net::find_provider(name);
    net::JsonFields fields(body);
    return net::find_delivery_id(provider->delivery_id, provider->scheme, headers, fields);
  };
  for (const char* name : {"standard-webhooks", "svix", "gitlab-signed"})
    EXPECT_TRUE(find(name, {{"idempotency-key", "k"}, {"webhook-id", "w"}}).is_signed) << name;
  EXPECT_TRUE(find("stripe", {}, R"({"id":"e"})").is_signed);
  EXPECT_TRUE(find("slack", {}, R"({"event_id":"e"})").is_signed);
  EXPECT_TRUE(find("square", {}, R"({"event_id":"e"})").is_signed);
  EXPECT_FALSE(find("telegram", {}, R"({"update_id":7})").is_signed);
  EXPECT_TRUE(find("telegram", {}, R"({"update_id":7})").is_number);
  EXPECT_FALSE(find("github", {{"x-github-delivery", "g"}}).is_signed);
  EXPECT_FALSE(find("svix", {{"svix-id", std::string(300, 'x')}, {"webhook-id", "w"}}).is_signed)
      << "not the one that is signed";
  EXPECT_EQ(find("github", {{"x-github-delivery", "g"}, {"x-github-hook-id", "7"}}).beside,
            std::vector<std::string>{"7"});
  Scheme scheme = net::find_provider("hmac")->scheme;
  scheme.signed_parts = *net::parse_signed("{id}{body}");
  scheme.id_headers = {"x-id"};
  const auto own = [&](const char* value) {
    net::JsonFields fields("{}");
    return net::find_delivery_id(net::find_provider("hmac")->delivery_id, scheme,
                                 {{"x-id", value}, {"idempotency-key", "k"}}, fields);
  };
  EXPECT_EQ(own("i").text, "i");
  EXPECT_TRUE(own("i").is_signed);
  EXPECT_EQ(own("2021-02-25T15:02:10Z").text, "k") << "a time is no id: a second has many deliveries";
  EXPECT_FALSE(own("2021-02-25T15:02:10Z").is_signed);
}

TEST(JsonFields, AreWhatEachPointerFindsByItself) {
  const std::string body = R"({"id":"e","n":7,"a":[{"x":"y"}],"id":"f"})";
  const std::vector<std::string> pointers{"/id", "malformed", "/a/0/x", "/none", "/n"};
  net::JsonFields fields(body, pointers);
  EXPECT_EQ(fields.text("/n"), "7");
  EXPECT_FALSE(fields.scalar("/n")->is_text);
  EXPECT_EQ(fields.text("/id"), "f");
  EXPECT_EQ(fields.text("/a/0/x"), "y");
  EXPECT_EQ(fields.text("/none"), std::nullopt);
  EXPECT_EQ(fields.text("malformed"), std::nullopt);
  EXPECT_EQ(fields.text("/a/0"), std::nullopt) << "no text, and not announced";
  EXPECT_EQ(net::JsonFields(body).text("/id"), "f") << "not announced";
}

}  // namespace
}  // namespace hookspool::testing
