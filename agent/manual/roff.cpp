#include "agent/manual/roff.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

constexpr std::size_t kLineBytes = 76;  // mandoc wants text lines within 80

// A minus is a minus: as it has to be typed.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else if (c == '`') {
      out += "\\(ga";
    } else if (c == '~') {
      out += "\\(ti";
    } else if (c == '^') {
      out += "\\(ha";
    } else {
      out += c;
    }
  }
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}

}  // namespace

Roff::Roff(const PageHead& head) {
  line(".\\\" Made from the descriptions that the program itself uses. Not to be edited.");
  line(".TH \"" + upper(head.name) + "\" \"" + std::to_string(head.section) + "\" \"" + head.date +
       "\" \"hookspool " + head.version + "\" \"hookspool\"");
  line(".ad l");
  line(".nh");
  section("NAME");
  filled(head.name + " - " + head.summary);
}

void Roff::line(std::string_view content) {
  text_ += content;
  text_ += '\n';
}

void Roff::section(std::string_view title) {
  line(".SH \"" + std::string(title) + "\"");
  begun_ = false;
}

void Roff::subsection(std::string_view title) {
  line(".SS \"" + escaped(title) + "\"");
  begun_ = false;
}

// Words are escaped one by one, so that none is at a line's begin as a request.
void Roff::filled(std::string_view text) {
  std::string row;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" \n", at);
    if (begin == std::string_view::npos) break;
    const auto end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::string word = escaped(text.substr(begin, end - begin));
    if (!row.empty() && row.size() + 1 + word.size() > kLineBytes) {
      line(row);
      row.clear();
    }
    row += (row.empty() ? "" : " ") + word;
    at = end;
  }
  if (!row.empty()) line(row);
}

void Roff::paragraph(std::string_view text) {
  if (begun_) line(".PP");
  filled(text);
  begun_ = true;
}

void Roff::synopsis(std::string_view name, std::string_view rest) {
  if (begun_) line(".br");
  line(bold(name) + (rest.empty() ? "" : " " + escaped(rest)));
  begun_ = true;
}

void Roff::terms(const std::vector<std::string>& terms, std::string_view text) {
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::string_view term = terms[i];
    const auto blank = std::min(term.find(' '), term.size());
    line(i == 0 ? ".TP" : ".TQ");
    line(bold(term.substr(0, blank)) + (blank < term.size() ? " " + escaped(term.substr(blank + 1)) : ""));
  }
  filled(text);
  begun_ = true;
}

void Roff::verbatim(const std::vector<std::string>& lines) {
  if (begun_) line(".PP");
  line(".nf");
  for (const auto& each : lines) line(escaped(each));
  line(".fi");
  begun_ = true;
}

void Roff::see_also(const std::vector<std::string>& pages) {
  section("SEE ALSO");
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const auto bracket = pages[i].find('(');
    line(".BR " + escaped(pages[i].substr(0, bracket)) + " " + pages[i].substr(bracket) +
         (i + 1 < pages.size() ? "," : ""));
  }
}

}  // namespace hookspool::agent
