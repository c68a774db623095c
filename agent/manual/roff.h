// A page of the manual in roff, man(7)'s macros: lines within 80 bytes, text escaped, nothing that man or mandoc warns of.
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hookspool::agent {

// Of a page's head and foot.
struct PageHead {
  std::string name;     // "hookspool-status"
  int section = 1;      // 1: commands, 5: files, 8: what runs as a service
  std::string summary;  // one line, without a full stop
  std::string date;     // 2026-11-28
  std::string version;  // 0.1.0
};

class Roff {
 public:
  explicit Roff(const PageHead& head);

  void section(std::string_view title);     // .SH
  void subsection(std::string_view title);  // .SS
  void paragraph(std::string_view text);
  // A line of a synopsis: the name bold, the rest as it is.
  void synopsis(std::string_view name, std::string_view rest);
  // Terms that one text explains; a term is bold up to its first blank.
  void terms(const std::vector<std::string>& terms, std::string_view text);
  // Lines as they are.
  void verbatim(const std::vector<std::string>& lines);
  // "hookspool(8), hookspool.toml(5)"
  void see_also(const std::vector<std::string>& pages);

  const std::string& text() const { return text_; }

 private:
  void line(std::string_view content);
  void filled(std::string_view text);

  std::string text_;
  bool begun_ = false;  // the section has text already: what follows is a new paragraph
};

}  // namespace hookspool::agent
