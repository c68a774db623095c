#include "net/pg/link/sqlstate_meaning.h"

#include <array>
#include <cstddef>
#include <utility>

namespace hookspool::net {
namespace {

// The longest prefix that fits decides.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kMeanings{{
    {"08", "a connection failed"},
    {"22", "a value that does not fit its type"},
    {"23", "a constraint"},
    {"25", "the state of the transaction"},
    {"3F", "no such schema"},
    {"40", "a conflict with another transaction"},
    {"42", "a name, a type or a right"},
    {"42501", "a right is missing"},
    {"42703", "no such column"},
    {"42883", "no such function"},
    {"42P01", "no such table"},
    {"53", "a resource of the server"},
    {"54", "a limit of the server"},
    {"55", "the state of an object"},
    {"57", "cancelled, or the server stops"},
    {"57014", "a statement that took too long"},
    {"P0", "raised by a trigger or function"},
}};

}  // namespace

std::string_view sqlstate_meaning(std::string_view sqlstate) {
  std::string_view meaning;
  std::size_t meaning_length = 0;
  for (const auto& [prefix, words] : kMeanings) {
    if (prefix.size() <= meaning_length || !sqlstate.starts_with(prefix)) continue;
    meaning = words;
    meaning_length = prefix.size();
  }
  return meaning;
}

}  // namespace hookspool::net
