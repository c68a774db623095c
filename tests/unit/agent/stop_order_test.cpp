// The order in which the agent's parts stop.
#include "agent/app/stop_order.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace hookspool::agent {
namespace {

class StopOrderTest : public ::testing::Test {
 protected:
  // `late`: the step that outlasts its grace.
  bool stop(const std::string& late = "") {
    const auto step = [this, late](const std::string& name) {
      return [this, late, name] {
        called_.push_back(name);
        return name != late;
      };
    };
    const auto quiet = [this](const std::string& name) { return [this, name] { called_.push_back(name); }; };
    return stop_in_order({.reloads = step("reloads"),
                          .alerts = step("alerts"),
                          .intake = step("intake"),
                          .deliveries =
                              [this, late](bool patient) {
                                called_.emplace_back("deliveries");
                                patient_ = patient;
                                return late != "deliveries";
                              },
                          .admin = step("admin"),
                          .upkeep = quiet("upkeep"),
                          .logs = quiet("logs"),
                          .journal = step("journal")});
  }

  const std::vector<std::string> all_{"reloads", "alerts", "intake", "deliveries",
                                      "admin",   "upkeep", "logs",   "journal"};
  std::vector<std::string> called_;
  std::optional<bool> patient_;
};

TEST_F(StopOrderTest, IsAgainstTheWayOfTheData) {
  EXPECT_TRUE(stop());
  EXPECT_EQ(called_, all_);
  EXPECT_EQ(patient_, true);
}

TEST_F(StopOrderTest, OneThatOutlastsItsGraceKeepsNoOtherFromItsStop) {
  for (const std::string late : {"reloads", "alerts", "intake", "deliveries", "admin", "journal"}) {
    called_.clear();
    EXPECT_FALSE(stop(late)) << late;
    EXPECT_EQ(called_, all_) << late;
  }
}

TEST_F(StopOrderTest, AReceiverOfAlertsThatDoesNotAnswerTakesNoTimeFromDeliveries) {
  EXPECT_FALSE(stop("alerts"));
  EXPECT_EQ(patient_, true);
}

TEST_F(StopOrderTest, DeliveriesHaveNoTimeLeftWhereTheIntakeTookItAll) {
  EXPECT_FALSE(stop("intake"));
  EXPECT_EQ(patient_, false);
}

}  // namespace
}  // namespace hookspool::agent
