// The bench's own arithmetic and words: a wrong median would make every verdict worthless.
#include "tests/bench/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/bench/figures.h"

namespace hookspool::bench {
namespace {

Row ratio_row(std::vector<double> values) {
  Row row;
  row.key = "intake";
  row.what = "ours | theirs";
  row.goal = 0.75;
  row.unit = "x";
  row.value = spread_of(values);
  row.figures = {{"hookspool", "events/s", spread_of({20717})}};
  return row;
}

TEST(BenchFigures, TheMedianIsTheMiddleWhateverTheOrder) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({9, 1, 5, 7}), 6);
}

TEST(BenchFigures, AQuantileIsAValueThatWasMeasured) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(quantile(values, 0.5), 50);
  EXPECT_EQ(quantile(values, 0.99), 99);
  EXPECT_EQ(quantile(values, 1.0), 100);
  EXPECT_EQ(quantile(values, 0.0), 1);
  EXPECT_EQ(quantile({3}, 0.99), 3);
  EXPECT_EQ(quantile({}, 0.99), 0);
}

TEST(BenchFigures, ASpreadHasTheLeastAndTheMost) {
  const Spread spread = spread_of({3, 1, 2});
  EXPECT_EQ(spread.median, 2);
  EXPECT_EQ(spread.least, 1);
  EXPECT_EQ(spread.most, 3);
  EXPECT_EQ(spread.count, 3u);
  EXPECT_EQ(spread_of({}).count, 0u);
}

TEST(BenchFigures, RoundsAreComparedWithTheirOwnRound) {
  // The medians' ratio would be 20 / 20: the machine became slower, and ours was the better one each time.
  EXPECT_EQ(ratios({40, 20, 10}, {20, 10, 5}), (std::vector<double>{2, 2, 2}));
  EXPECT_EQ(ratios({40, 20}, {20}), (std::vector<double>{2}));
  EXPECT_EQ(ratios({40, 20}, {0, 10}), (std::vector<double>{2}));
}

TEST(BenchFigures, ABacklogGrowsOnlyBeyondWhatIsOnItsWay) {
  EXPECT_FALSE(grows({100, 5000, 200, 4000}, 100'000, 0.01, 8192));
  EXPECT_FALSE(grows({0, 9000}, 1'000'000, 0.01, 8192));
  EXPECT_TRUE(grows({0, 11'000}, 1'000'000, 0.01, 8192));
  EXPECT_TRUE(grows({0, 9000}, 100'000, 0.01, 8192));
  EXPECT_FALSE(grows({1'000'000, 0}, 100'000, 0.01, 8192));
  EXPECT_FALSE(grows({1'000'000}, 1, 0.01, 0));
}

TEST(BenchRow, AGoalIsMetAtItsVeryValueAndMissedBesideIt) {
  EXPECT_TRUE(ratio_row({0.75}).met());
  EXPECT_FALSE(ratio_row({0.7499}).met());
  EXPECT_FALSE(ratio_row({0.9, 0.74, 0.74}).met()) << "the median counts, not the best round";
  Row limit = ratio_row({3});
  limit.bound = Bound::kAtMost;
  limit.goal = 3;
  EXPECT_TRUE(limit.met());
  limit.value = spread_of({3.001});
  EXPECT_FALSE(limit.met());
  EXPECT_EQ(verdict(limit), "NOT MET");
}

TEST(BenchRow, WhatWasNotMeasuredIsNeverMet) {
  Row none = ratio_row({});
  none.bound = Bound::kAtMost;
  EXPECT_FALSE(none.met());
  EXPECT_EQ(verdict(none), "FAILED");
  Row failed = ratio_row({0.9});
  failed.failed = "12 requests were not answered with a 2xx";
  EXPECT_FALSE(failed.met());
  EXPECT_EQ(verdict(failed), "FAILED");
  Row left_out = ratio_row({});
  left_out.left_out = "there are no payloads";
  EXPECT_FALSE(left_out.met());
  EXPECT_EQ(verdict(left_out), "left out");
  EXPECT_NE(table_text({left_out, ratio_row({0.8})}).find("1 of 1 goals met, 1 left out"), std::string::npos);
}

TEST(BenchRow, NumbersAreShortAndKeepWhatCounts) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(0.0664), "0.066");
  EXPECT_EQ(number_text(3.526), "3.53");
  EXPECT_EQ(number_text(42.46), "42.5");
  EXPECT_EQ(number_text(999.4), "999");
  EXPECT_EQ(number_text(20717.3), "20,717");
  EXPECT_EQ(number_text(1234567), "1,234,567");
  EXPECT_EQ(number_text(-1234), "-1,234");
  EXPECT_EQ(spread_text(spread_of({2, 1, 3})), "2.00 (1.00..3.00)");
  EXPECT_EQ(spread_text(spread_of({2, 1, 3}), "ms"), "2.00 ms (1.00..3.00)");
  EXPECT_EQ(spread_text(spread_of({}), "ms"), "-");
  EXPECT_EQ(goal_text(ratio_row({1})), ">= 0.75 x");
}

TEST(BenchReport, TheTableSaysGoalVerdictAndCommand) {
  const std::string table = table_text({ratio_row({0.66}), ratio_row({0.8})});
  for (const char* text :
       {"ours | theirs", ">= 0.75 x", "0.660 x", "NOT MET", "./dev bench intake", "1 of 2 goals met"})
    EXPECT_NE(table.find(text), std::string::npos) << text << "\n" << table;
}

TEST(BenchReport, JsonHoldsWhatTheTableHolds) {
  Report report{.date = "2026-11-23 12:00 UTC",
                .quick = true,
                .machine = {{"memory", "23 GiB"}},
                .rows = {ratio_row({0.5, 0.7, 0.6})}};
  const auto json = nlohmann::json::parse(json_text(report));
  EXPECT_EQ(json.at("quick"), true);
  EXPECT_EQ(json.at("machine").at("memory"), "23 GiB");
  const auto& row = json.at("rows").at(0);
  EXPECT_EQ(row.at("measured").at("median"), 0.6);
  EXPECT_EQ(row.at("measured").at("min"), 0.5);
  EXPECT_EQ(row.at("measured").at("max"), 0.7);
  EXPECT_EQ(row.at("goal").at("bound"), "at_least");
  EXPECT_EQ(row.at("met"), false);
  EXPECT_EQ(row.at("command"), "./dev bench intake");
  EXPECT_EQ(row.at("figures").at(0).at("median"), 20717);
}

TEST(BenchReport, MarkdownIsATableThatABarDoesNotBreak) {
  Report report{.date = "2026-11-23 12:00 UTC", .quick = false, .machine = {}, .rows = {ratio_row({0.66})}};
  const std::string text = markdown_text(report);
  EXPECT_NE(text.find("| ours \\| theirs | >= 0.75 x | 0.660 x | **NOT MET** | `./dev bench intake` |"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n- hookspool: 20,717 events/s\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace hookspool::bench
