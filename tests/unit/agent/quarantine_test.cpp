// The quarantine on a real journal and a real file: what is kept, what is admitted, and that an admission that was
// interrupted anywhere is neither lost nor done twice.
#include "agent/intake/quarantine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "agent/base/random.h"
#include "agent/intake/admission.h"
#include "net/verify/providers.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

constexpr const char* kSigned = "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3";
constexpr const char* kBody = R"({"foo":"bar"})";  // signed with "mysecret"

class QuarantineTest : public ::testing::Test {
 protected:
  QuarantineTest() {
    SourceConfig source;
    source.name = "g";
    source.path = "/hooks/g";
    source.verify = "github";
    source.scheme = net::find_provider("github")->scheme;
    source.secrets = {"wrong"};
    source.quarantine = true;
    sources_.push_back(source);
    serve();
    open();
  }
  void close() {
    admission_.reset();
    quarantine_.reset();
    journal_.reset();
  }
  void open() {
    close();
    storage::JournalOptions options;
    options.folder = folder_.path();
    options.random_bytes = random_bytes;
    options.free_bytes_min = 0;
    auto opened = storage::Journal::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text;
    journal_ = std::move(opened->journal);
    auto store = storage::QuarantineStore::open(folder_.path(), {.free_bytes_min = 0});
    ASSERT_TRUE(store) << store.error().text;
    store_ = store->store.get();
    quarantine_ = std::make_unique<Quarantine>(served_, config_, *journal_, std::move(store->store));
    admission_ = std::make_unique<Admission>(served_, *journal_, quarantine_.get(), nullptr);
  }
  void serve() { served_.set(std::make_shared<const SourceSet>(sources_)); }
  static net::HttpRequest request(const std::string& signature = kSigned) {
    net::HttpRequest request;
    request.method = "POST";
    request.path = "/hooks/g";
    request.remote_addr = "192.0.2.1";
    request.headers = {{"x-hub-signature-256", signature}, {"x-github-delivery", "d1"}};
    request.body = kBody;
    return request;
  }
  struct StatusReceiver final : net::HttpReply::Receiver {
    std::promise<int> status;
    void take(net::HttpAnswer&& answer) override { status.set_value(answer.status); }
  };
  // As the intake does it: by the admission.
  int post(const net::HttpRequest& request) {
    const auto receiver = std::make_shared<StatusReceiver>();
    admission_->handle(net::HttpRequest(request), net::HttpReply(receiver));
    return receiver->status.get_future().get();
  }
  Quarantine::Verified verify() {
    const auto verified = quarantine_->verify(
        "", {}, Quarantine::Clock::now() + std::chrono::minutes(1),
        [&](net::HttpRequest&& http, const SourceConfig& source, std::int64_t received_at_us,
            const Uuid& id) -> storage::JournalResult<void> {
          const auto taken = admission_->admit(std::move(http), source, received_at_us, id);
          if (!taken) return fail(taken.error());
          return {};
        });
    EXPECT_TRUE(verified);
    return verified ? *verified : Quarantine::Verified{};
  }
  std::vector<EventPtr> events() const {
    std::vector<EventPtr> all;
    for (const auto& run : journal_->runs("g")) {
      if (run.last_seq < run.first_seq) continue;
      auto some = journal_->read("g", run.epoch, run.first_seq, 1'000, 1u << 20);
      EXPECT_TRUE(some);
      all.insert(all.end(), some->begin(), some->end());
    }
    return all;
  }
  Quarantined only() const {
    const auto list = quarantine_->list("", {}, 10);
    EXPECT_TRUE(list && list->size() == 1);
    return list && !list->empty() ? list->front() : Quarantined{};
  }

  void interrupt_and_hide(bool appended, bool known);

  testing::TempFolder folder_;
  std::vector<SourceConfig> sources_;
  Current<SourceSet> served_{std::make_shared<const SourceSet>(sources_)};
  Current<QuarantineConfig> config_{QuarantineConfig{}};
  std::unique_ptr<storage::Journal> journal_;
  storage::QuarantineStore* store_ = nullptr;
  std::unique_ptr<Quarantine> quarantine_;
  std::unique_ptr<Admission> admission_;
};

TEST_F(QuarantineTest, KeepsOnlyWhatIsSignedInTheSendersWay) {
  EXPECT_EQ(post(request()), 401);
  EXPECT_EQ(quarantine_->count(), 1u);
  EXPECT_EQ(post(request("sha256=00")), 401);
  EXPECT_EQ(post(request("nonsense")), 401);
  net::HttpRequest bare = request();
  bare.headers.clear();
  EXPECT_EQ(post(bare), 401);
  EXPECT_EQ(quarantine_->count(), 1u) << "clients that send anything";
  sources_[0].quarantine = false;
  serve();
  EXPECT_EQ(post(request()), 401);
  EXPECT_EQ(quarantine_->count(), 1u);
  EXPECT_TRUE(events().empty());
}

TEST_F(QuarantineTest, AdmitsWhatIsGenuineOnceUnderItsIdAndTime) {
  post(request());
  net::HttpRequest forged = request();
  forged.body += " ";
  post(forged);
  EXPECT_EQ(verify().not_genuine, 2u);
  const auto before = *quarantine_->list("", {}, 10);
  sources_[0].secrets.push_back("mysecret");
  serve();
  const auto verified = verify();
  EXPECT_EQ(verified.admitted, 1u);
  EXPECT_EQ(verified.not_genuine, 1u);
  EXPECT_EQ(verify().admitted, 0u);
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]->id, before[0].id);
  EXPECT_EQ(all[0]->event.received_at_us, before[0].received_at_us);
  EXPECT_EQ(all[0]->event.body, kBody);
  EXPECT_EQ(all[0]->event.delivery_id, "d1");
  EXPECT_EQ(quarantine_->count(), 1u);
}

TEST_F(QuarantineTest, ACrashBeforeTheJournalLosesNothing) {
  post(request());
  const Quarantined kept = only();
  sources_[0].secrets = {"mysecret"};
  serve();
  ASSERT_TRUE(store_->begin_admission(kept.id, journal_->epoch(), 0));
  open();
  quarantine_->resolve();
  EXPECT_FALSE(only().admitting);
  EXPECT_EQ(verify().admitted, 1u);
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(QuarantineTest, ACrashAfterTheJournalDoublesNothing) {
  post(request());
  const Quarantined kept = only();
  sources_[0].secrets = {"mysecret"};
  serve();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(post(request()), 200) << "others, before and after it";
  ASSERT_TRUE(store_->begin_admission(kept.id, journal_->epoch(), 3));
  EXPECT_EQ(post(request()), 200);
  ASSERT_TRUE(admission_->admit(request(), sources_[0], kept.received_at_us, kept.id));
  EXPECT_EQ(post(request()), 200);
  open();
  quarantine_->resolve();
  EXPECT_EQ(quarantine_->count(), 0u);
  EXPECT_EQ(verify().admitted, 0u);
  EXPECT_EQ(events().size(), 6u);
}

// A segment that cannot be read at the moment may hold the event: it is neither there nor absent. `appended`: it does.
// `known`: there is a record of what the segment holds.
void QuarantineTest::interrupt_and_hide(bool appended, bool known) {
  post(request());
  const Quarantined kept = only();
  sources_[0].secrets = {"mysecret"};
  serve();
  EXPECT_EQ(post(request()), 200) << "another one, so that there is a segment";
  ASSERT_TRUE(store_->begin_admission(kept.id, journal_->epoch(), 1));
  if (appended) {
    ASSERT_TRUE(admission_->admit(request(), sources_[0], kept.received_at_us, kept.id));
  }
  close();
  if (!known) std::filesystem::remove(folder_.path() / "segment-00000001.acked");
  const auto segment = folder_.path() / "segment-00000001.db";
  std::filesystem::rename(segment, folder_.path() / "away");
  std::filesystem::create_directory(segment);
  open();
  quarantine_->resolve();
  EXPECT_TRUE(only().admitting) << "it is not known";
  const auto verified = verify();
  EXPECT_EQ(verified.admitted, 0u);
  EXPECT_EQ(verified.in_doubt, 1u);
  std::filesystem::remove(segment);
  std::filesystem::rename(folder_.path() / "away", segment);
  ASSERT_TRUE(journal_->admin().try_unreadable().found);
  quarantine_->resolve_undecided();
}

TEST_F(QuarantineTest, WhatMayBeInASegmentThatCannotBeReadIsNotAdmittedTwice) {
  interrupt_and_hide(true, true);
  EXPECT_EQ(quarantine_->count(), 0u);
  EXPECT_EQ(events().size(), 2u);
}

TEST_F(QuarantineTest, WhatMayBeInASegmentWithoutARecordIsNotAdmittedTwice) {
  interrupt_and_hide(true, false);
  EXPECT_EQ(quarantine_->count(), 0u);
  EXPECT_EQ(events().size(), 2u);
}

TEST_F(QuarantineTest, WhatWasNotInASegmentThatCouldNotBeReadIsAdmittedLater) {
  interrupt_and_hide(false, true);
  EXPECT_FALSE(only().admitting);
  EXPECT_EQ(verify().admitted, 1u);
  EXPECT_EQ(events().size(), 2u);
}

// As after a failure of the disk: the row may be there, which only the next opening tells.
TEST_F(QuarantineTest, WhatIsInDoubtWaitsForTheNextStart) {
  post(request());
  const Quarantined kept = only();
  sources_[0].secrets = {"mysecret"};
  serve();
  ASSERT_TRUE(store_->begin_admission(kept.id, journal_->epoch(), 0));
  EXPECT_EQ(verify().in_doubt, 1u);
  EXPECT_TRUE(events().empty());
  open();
  quarantine_->resolve();
  EXPECT_EQ(verify().admitted, 1u);
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(QuarantineTest, AFullJournalKeepsThemQuarantined) {
  post(request());
  sources_[0].secrets = {"mysecret"};
  serve();
  const auto refused =
      quarantine_->verify("", {}, Quarantine::Clock::now() + std::chrono::minutes(1),
                          [](net::HttpRequest&&, const SourceConfig&, std::int64_t, const Uuid&) {
                            return storage::JournalResult<void>(
                                fail(storage::JournalError{storage::JournalError::Kind::kFull, "full"}));
                          });
  EXPECT_FALSE(refused);
  EXPECT_FALSE(only().admitting);
  EXPECT_EQ(verify().admitted, 1u);
}

TEST_F(QuarantineTest, AtMostSoManyASecond) {
  for (int i = 0; i < 400; ++i) post(request());
  const auto& figures = quarantine_->figures();
  EXPECT_GE(figures.kept.load(), 200u);
  EXPECT_EQ(figures.kept.load() + figures.not_kept.load(), 400u);
}

// Eviction is by the heaviest peer: an abusive address evicts its own entries first.
TEST_F(QuarantineTest, AnAddressThatFloodsDoesNotShutOutAnother) {
  net::HttpRequest genuine = request();
  genuine.remote_addr = "2001:db8:1:2::1";
  for (int i = 0; i < 1'000; ++i) {
    post(request());
    if (i % 100 == 99) post(genuine);
  }
  const auto kept = quarantine_->list("g", {}, 1'000);
  ASSERT_TRUE(kept);
  EXPECT_EQ(std::count_if(kept->begin(), kept->end(),
                          [](const Quarantined& one) { return one.peer == "2001:db8:1:2::/64"; }),
            10);
}

TEST_F(QuarantineTest, TimeAndSecretsAreThoseOfTheSource) {
  SourceConfig& source = sources_[0];
  source.verify = "slack";
  source.scheme = net::find_provider("slack")->scheme;
  net::HttpRequest slack = request("v0=" + std::string(64, 'a'));
  slack.headers = {{"x-slack-signature", "v0=" + std::string(64, 'a')},
                   {"x-slack-request-timestamp", "1531420618"}};
  serve();
  EXPECT_EQ(post(slack), 401);
  EXPECT_EQ(quarantine_->count(), 0u) << "years old";
}

}  // namespace
}  // namespace hookspool::agent
