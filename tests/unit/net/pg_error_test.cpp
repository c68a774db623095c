#include <gtest/gtest.h>

#include "net/pg/link/error.h"
#include "net/pg/link/text.h"

namespace hookspool::net {
namespace {

void check(ErrorClass expected, std::initializer_list<const char*> sqlstates) {
  for (const char* sqlstate : sqlstates) EXPECT_EQ(classify_sqlstate(sqlstate), expected) << sqlstate;
}

TEST(PgErrorTest, OutagesAreWaitedFor) {
  check(ErrorClass::kOutage, {"",      "08000", "08001", "08003", "08004", "08006", "08007", "08P01", "57P01",
                              "57P02", "57P03", "57P05", "57000", "25P03", "25006", "40003", "53000", "53100",
                              "53300", "53400", "55P03", "55006", "58000", "58030", "72000"});
}

TEST(PgErrorTest, LimitsAndConflictsMayBeOneEvents) {
  check(ErrorClass::kLimit, {"57014", "53200", "40001", "40P01"});
}

TEST(PgErrorTest, TheEventIsToBlame) {
  check(ErrorClass::kEvent, {"22P02", "22P05", "22001", "22003", "22021", "23502", "23503", "23505", "23514",
                             "23P01", "44000", "54000", "54001", "P0001", "0A000", "XX000"});
}

TEST(PgErrorTest, WhatIsNotKnownIsTriedAsTheEventsFault) {
  check(ErrorClass::kEvent, {"20000", "21000", "27000", "2F002", "38000", "38001", "39004", "3B001", "09000",
                             "0B000", "U0001", "ZZ999", "99", "0", "?"});
}

TEST(PgErrorTest, OneEventOrTheSetup) {
  check(ErrorClass::kUnclear, {"28000", "3D000", "3F000", "42501", "42601", "42703", "42883", "42P01",
                               "55000", "F0000", "0L000", "0P000", "25P02", "26000"});
}

TEST(PgErrorTest, APersonMustLook) {
  check(ErrorClass::kSetup, {"57P04", "XX001", "XX002", "22P04", "2200H"});
}

TEST(PgErrorTest, OurOwnStatementsNeverBlameTheEvent) {
  EXPECT_EQ(not_the_event({.error_class = ErrorClass::kEvent}).error_class, ErrorClass::kSetup);
  EXPECT_EQ(not_the_event({.error_class = ErrorClass::kUnclear}).error_class, ErrorClass::kSetup);
  EXPECT_EQ(not_the_event({.error_class = ErrorClass::kLimit}).error_class, ErrorClass::kOutage);
  EXPECT_EQ(not_the_event({.error_class = ErrorClass::kOutage}).error_class, ErrorClass::kOutage);
}

TEST(PgErrorTest, OnlyPostgresItselfNamesATableWithoutAConstraint) {
  EXPECT_TRUE(is_missing_partition("23514", "", "events"));
  EXPECT_FALSE(is_missing_partition("23514", "no_bad", "events"));
  EXPECT_FALSE(is_missing_partition("23514", "", "")) << "RAISE in a trigger";
  EXPECT_FALSE(is_missing_partition("23502", "", "events"));
}

TEST(PgErrorTest, TextsAreOneLine) {
  EXPECT_EQ(one_line("connection failed:\n\tIs the server\r\n\trunning?\n\n"),
            "connection failed: Is the server; running?");
  EXPECT_EQ(one_line(""), "");
}

}  // namespace
}  // namespace hookspool::net
