// What the listener's loop admits itself, on a real journal: nothing that is long or needs a file, and nothing of a request
// that it leaves to a worker has happened.
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/random.h"
#include "agent/intake/admission.h"
#include "agent/intake/short_request.h"
#include "net/verify/providers.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

constexpr const char* kSigned = "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3";
constexpr const char* kBody = R"({"foo":"bar"})";  // signed with "mysecret"

SourceConfig github(const std::string& secret) {
  SourceConfig source;
  source.name = "g";
  source.path = "/hooks/g";
  source.verify = "github";
  source.scheme = net::find_provider("github")->scheme;
  source.secrets = {secret};
  return source;
}

net::HttpRequest request_of(const std::string& delivery = "d1") {
  net::HttpRequest request;
  request.method = "POST";
  request.path = "/hooks/g";
  request.remote_addr = "192.0.2.1";
  request.headers = {{"x-hub-signature-256", kSigned}, {"x-github-delivery", delivery}};
  request.body = kBody;
  return request;
}

class AdmissionInLoop : public ::testing::Test {
 protected:
  AdmissionInLoop() {
    storage::JournalOptions options;
    options.folder = folder_ / "journal";
    options.random_bytes = random_bytes;
    options.free_bytes_min = 0;
    options.on_committing = [this](std::span<const EventPtr>) {
      if (hold_) hold_->wait();
    };
    options.on_committed = [this](std::span<const EventPtr> events) { deduplicator_->committed(events); };
    auto opened = storage::Journal::open(std::move(options));
    if (!opened) throw std::runtime_error(opened.error().text);
    journal_ = std::move(opened->journal);
    auto store = storage::QuarantineStore::open(folder_ / "journal", {.free_bytes_min = 0});
    if (!store) throw std::runtime_error(store.error().text);
    quarantine_ = std::make_unique<Quarantine>(served_, config_, *journal_, std::move(store->store));
    open_index();
  }
  ~AdmissionInLoop() override { journal_.reset(); }

  void open_index() {
    deduplicator_.reset();
    index_.reset();
    index_ = storage::DedupeIndex::open({folder_ / "dedupe"}, storage::DedupeIndex::Clock::now()).index;
    deduplicator_ = std::make_unique<Deduplicator>(*index_);
    admission_ = std::make_unique<Admission>(served_, *journal_, quarantine_.get(), deduplicator_.get());
  }
  void serve(const std::vector<SourceConfig>& sources) {
    served_.set(std::make_shared<const SourceSet>(sources));
  }

  struct Receiver final : net::HttpReply::Receiver {
    std::promise<net::HttpAnswer> answer;
    void take(net::HttpAnswer&& given) override { answer.set_value(std::move(given)); }
  };
  // Nothing: it was left to a worker.
  std::optional<std::future<net::HttpAnswer>> try_post(net::HttpRequest& request) {
    const auto receiver = std::make_shared<Receiver>();
    if (!admission_->try_handle(request, net::HttpReply(receiver))) return std::nullopt;
    return receiver->answer.get_future();
  }
  std::future<net::HttpAnswer> post_by_worker(net::HttpRequest request) {
    const auto receiver = std::make_shared<Receiver>();
    admission_->handle(std::move(request), net::HttpReply(receiver));
    return receiver->answer.get_future();
  }

  testing::TempFolder folder_;
  std::unique_ptr<std::latch> hold_;  // of the journal's writer, before it writes
  Current<SourceSet> served_{
      std::make_shared<const SourceSet>(std::vector<SourceConfig>{github("mysecret")})};
  Current<QuarantineConfig> config_{QuarantineConfig{}};
  std::unique_ptr<storage::DedupeIndex> index_;
  std::unique_ptr<Deduplicator> deduplicator_;
  std::unique_ptr<storage::Journal> journal_;
  std::unique_ptr<Quarantine> quarantine_;
  std::unique_ptr<Admission> admission_;
};

TEST_F(AdmissionInLoop, ShortIsWhatIsLinearInFewBytes) {
  SourceConfig source = github("a");
  net::HttpRequest request = request_of();
  request.body.assign(kShortBytesMax, ' ');
  EXPECT_TRUE(is_short(request, source));
  request.body += ' ';
  EXPECT_FALSE(is_short(request, source));
  request.body.resize(kShortBytesMax / 2);
  source.secrets = {"a", "b"};
  EXPECT_TRUE(is_short(request, source));
  source.secrets.emplace_back("c");
  EXPECT_FALSE(is_short(request, source)) << "each secret is another digest of the body";

  request.body = "a=b";
  source.secrets.clear();
  EXPECT_TRUE(is_short(request, source));
  SourceConfig changed = source;
  changed.form.emplace();
  EXPECT_FALSE(is_short(request, changed));
  changed = source;
  changed.redact_journal = true;
  EXPECT_FALSE(is_short(request, changed));
  changed = source;
  changed.scheme = net::find_provider("twilio")->scheme;
  EXPECT_FALSE(is_short(request, changed)) << "its fields are sorted";
}

TEST_F(AdmissionInLoop, AnEventIsAnsweredWhenItIsDurable) {
  hold_ = std::make_unique<std::latch>(1);
  net::HttpRequest request = request_of();
  auto answer = try_post(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  hold_->count_down();
  EXPECT_EQ(answer->get().status, 200);
  EXPECT_EQ(admission_->figures().accepted, 1u);
}

// Between the look at a request and the answer to it the configuration changes: the request keeps the one it began with.
TEST_F(AdmissionInLoop, AReloadBetweenChangesNothingOfARequestThatIsOnItsWay) {
  SourceConfig source = github("mysecret");
  source.response = SourceResponse{.status = 202, .body = "thanks"};
  serve({source});
  hold_ = std::make_unique<std::latch>(1);
  net::HttpRequest before = request_of("before");
  auto answer = try_post(before);
  ASSERT_TRUE(answer);
  SourceConfig other = github("another");
  other.name = "other";
  other.path = "/hooks/other";
  serve({other});
  net::HttpRequest after = request_of("after");
  EXPECT_FALSE(try_post(after)) << "an unknown path is a worker's";
  EXPECT_EQ(post_by_worker(after).get().status, 404);
  hold_->count_down();
  const net::HttpAnswer given = answer->get();
  EXPECT_EQ(given.status, 202);
  EXPECT_EQ(given.body, "thanks");
}

TEST_F(AdmissionInLoop, WhatIsForTheQuarantineIsAWorkers) {
  SourceConfig source = github("wrong");
  serve({source});
  net::HttpRequest request = request_of();
  auto answer = try_post(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->get().status, 401);
  source.quarantine = true;
  serve({source});
  EXPECT_FALSE(try_post(request));
  EXPECT_EQ(quarantine_->count(), 0u);
  EXPECT_EQ(admission_->figures().refused_signature, 1u);
  EXPECT_EQ(request.body, kBody);
  EXPECT_EQ(post_by_worker(request).get().status, 401);
  EXPECT_EQ(quarantine_->count(), 1u);
}

TEST_F(AdmissionInLoop, ARepeatThatIsLookedUpInAFileIsAWorkersAndTakesNothingOfTheRate) {
  SourceConfig source = github("mysecret");
  source.rate_max = 1;
  source.burst_max = 2;
  serve({source});
  net::HttpRequest first = request_of();
  auto answer = try_post(first);
  ASSERT_TRUE(answer);
  const std::string body = answer->get().body;
  // A log of keys becomes a file of sorted ones when it is full.
  std::vector<storage::DedupeIndex::Entry> others(storage::DedupeIndex::kLogKeysMax);
  for (auto& entry : others) entry.key = entry.event_id = random_uuid(random_bytes);
  ASSERT_TRUE(deduplicator_->catch_up(journal_->admin()));
  ASSERT_TRUE(index_->put(others, storage::DedupeIndex::Clock::now()));
  ASSERT_TRUE(index_->find_reads_disk(others.front().key));

  net::HttpRequest repeat = request_of();
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(try_post(repeat)) << "it would have to read";
  EXPECT_EQ(repeat.body, kBody);
  const std::string again = post_by_worker(repeat).get().body;
  EXPECT_EQ(again.substr(0, again.find(',')), body.substr(0, body.find('}')));
  net::HttpRequest second = request_of("d2");
  auto taken = try_post(second);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->get().status, 200) << "two of them may come at once";
}

}  // namespace
}  // namespace hookspool::agent
