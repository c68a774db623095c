// A history, looked up every way the invariants need it, and what was found wrong with it. Refers to the Result, which
// must outlive it. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/history/checker.h"
#include "tests/history/result.h"

namespace hookspool::history {

using LaneKey = std::pair<std::string, std::string>;  // epoch, lane

struct Facts {
  explicit Facts(const Result& result);

  // Was refused by the table at some time, so that it may have been put back under a later number.
  bool was_dead(const std::string& id) const { return ever_dead.contains(id) || again.contains(id); }

  const Result& result;
  std::vector<const Landed*> all;                                    // rows and dead letters by id
  std::unordered_map<std::string, std::vector<const Send*>> by_key;  // a delivery and its repeats
  std::unordered_map<std::string, std::vector<const Send*>> by_source;
  std::unordered_map<std::string, const Send*> by_answered_id;  // the first that was answered it
  std::unordered_map<std::string, std::vector<const Landed*>> by_id;
  std::unordered_map<std::string, std::set<std::string>> ids_by_key;  // of what landed
  std::unordered_set<std::string> ever_dead, again;
};

class Violations {
 public:
  explicit Violations(Verdict& verdict) : verdict_(verdict) {}
  void add(const char* invariant, std::string text);

 private:
  Verdict& verdict_;
  std::map<std::string, std::size_t> examples_;
};

std::string name_of(const Send& send);
std::string name_of(const Landed& landed);
std::string name_of(const LaneKey& lane);

// The invariants of checker.h, each by itself.
void check_acknowledged_once(const Facts& facts, Violations& violations);                      // I1
void check_others_at_most_once(const Facts& facts, Verdict& verdict, Violations& violations);  // I2
void check_nothing_else(const Facts& facts, Violations& violations);                           // I3
void check_content(const Facts& facts, Violations& violations);                                // I4
void check_order(const Facts& facts, Violations& violations);                                  // I5
void check_numbers(const Facts& facts, Violations& violations);                                // I6
void check_journal(const Facts& facts, Violations& violations);                                // I7
void check_dead_letters(const Facts& facts, Violations& violations);                           // I8
void check_monotone(const Facts& facts, Violations& violations);                               // I9
void check_progress(const Facts& facts, Violations& violations);                               // I10
void check_repeats(const Facts& facts, Verdict& verdict, Violations& violations);              // I11
void check_feeds(const Facts& facts, Violations& violations);                                  // I12

}  // namespace hookspool::history
