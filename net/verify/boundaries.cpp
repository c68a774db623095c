#include "net/verify/boundaries.h"

#include <algorithm>
#include <cstddef>

namespace hookspool::net {
namespace {

using Kind = SignedPart::Kind;
using Parts = std::vector<SignedPart>;

bool is_word(Kind kind) {
  return kind == Kind::kId || kind == Kind::kUrl;
}
bool is_free(Kind kind) {
  return kind == Kind::kBody || kind == Kind::kForm;
}
bool is_variable(Kind kind) {
  return is_word(kind) || is_free(kind) || kind == Kind::kTimestamp;
}

// RFC 3986: what a query may hold.
bool is_url_character(char c) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/?%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

std::string name_of(const SignedPart& part) {
  return shown_signed({part});
}

// The parts before or after `at` up to the next literal: nothing stands between them.
template <class Visit>
void each_before(const Parts& parts, std::size_t at, const Visit& visit) {
  for (std::size_t i = at; i > 0 && parts[i - 1].kind != Kind::kText; --i) visit(parts[i - 1]);
}
template <class Visit>
void each_after(const Parts& parts, std::size_t at, const Visit& visit) {
  for (std::size_t i = at + 1; i < parts.size() && parts[i].kind != Kind::kText; ++i) visit(parts[i]);
}

bool has_body_beside(const Parts& parts, std::size_t at) {
  bool found = false;
  const auto look = [&](const SignedPart& part) { found = found || part.kind == Kind::kBody; };
  each_before(parts, at, look);
  each_after(parts, at, look);
  return found;
}

bool has_variable_before(const Parts& parts, std::size_t at) {
  return std::any_of(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(at),
                     [](const SignedPart& part) { return is_variable(part.kind); });
}

Failure<std::string> holds_separator(const SignedPart& part, char separator) {
  return fail(name_of(part) + " holds \"" + std::string(1, separator) +
              "\", which is what separates it from its neighbour in the signed text");
}

Result<void, std::string> check_word(const Parts& parts, std::size_t at, std::string_view value) {
  const auto holds = [&](char c) { return value.find(c) != std::string_view::npos; };
  if (at + 1 < parts.size() && parts[at + 1].kind == Kind::kText && holds(parts[at + 1].text.front()))
    return holds_separator(parts[at], parts[at + 1].text.front());
  if (at > 0 && parts[at - 1].kind == Kind::kText && has_variable_before(parts, at) &&
      holds(parts[at - 1].text.back())) {
    return holds_separator(parts[at], parts[at - 1].text.back());
  }
  if (has_body_beside(parts, at) && !std::all_of(value.begin(), value.end(), is_url_character)) {
    return fail(name_of(parts[at]) +
                " holds a character that no URL has, beside a {body} without a separator");
  }
  return {};
}

// `edge`: the body's character next to the words. A URL without a query is our own text, whose end is known.
Result<void, std::string> check_edge(const SignedPart& part, const SignedValues& values, char edge,
                                     bool before) {
  const bool word = part.kind == Kind::kId || (part.kind == Kind::kUrl && !values.query.empty());
  const bool like_a_query = part.kind == Kind::kUrl && before && edge == '?';
  if (!(word && is_url_character(edge)) && !like_a_query) return {};
  return fail("the body " + std::string(before ? "begins" : "ends") + " with a character that " +
              name_of(part) + " may hold, so where one of them ends is unknown");
}

}  // namespace

Result<void, std::string> check_template(const Parts& parts) {
  if (std::count_if(parts.begin(), parts.end(), [](const auto& part) { return is_free(part.kind); }) > 1) {
    return fail(std::string("has the body or the form more than once: where one ends is unknown"));
  }
  for (std::size_t at = 0; at < parts.size(); ++at) {
    if (!is_word(parts[at].kind)) continue;
    std::string other;
    each_after(parts, at, [&](const SignedPart& part) {
      const bool clash = is_word(part.kind) || (part.kind == Kind::kForm && parts[at].kind == Kind::kId);
      if (clash && other.empty()) other = name_of(part);
    });
    each_before(parts, at, [&](const SignedPart& part) {
      if (part.kind == Kind::kForm && other.empty()) other = name_of(part);
    });
    if (!other.empty()) {
      return fail("has nothing between " + name_of(parts[at]) + " and " + other +
                  ": where one ends is unknown; the sender has to sign a separator");
    }
  }
  return {};
}

Result<void, std::string> check_boundaries(const Parts& parts, const SignedValues& values) {
  for (std::size_t at = 0; at < parts.size(); ++at) {
    Result<void, std::string> checked;
    if (is_word(parts[at].kind))
      checked = check_word(parts, at, parts[at].kind == Kind::kId ? values.id : values.query);
    if (parts[at].kind == Kind::kBody) {
      // Of an empty body, its neighbours' other ends are checked by what would come to lie in it: their characters.
      if (values.body.empty()) continue;
      each_before(parts, at, [&](const SignedPart& part) {
        if (checked) checked = check_edge(part, values, values.body.front(), true);
      });
      each_after(parts, at, [&](const SignedPart& part) {
        if (checked) checked = check_edge(part, values, values.body.back(), false);
      });
    }
    if (!checked) return checked;
  }
  return {};
}

}  // namespace hookspool::net
