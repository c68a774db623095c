#include "agent/manual/config_page.h"

#include <sstream>
#include <vector>

#include "agent/manual/roff.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kTermBytesMax = 70;  // longer: the value stands in the text

// Takes the sample line by line: comments, the keys below them, sections.
class Sample {
 public:
  explicit Sample(Roff& page) : page_(page) {}

  void take(const std::string& line) {
    if (line.empty() || line == "#") {
      flush();
    } else if (line.starts_with("# ")) {
      if (!keys_.empty()) flush();
      text_ += (text_.empty() ? "" : " ") + line.substr(2);
    } else if (const std::string bare = line.substr(line.starts_with('#') ? 1 : 0); bare.starts_with('[')) {
      begin_section(bare);
    } else {
      keys_.push_back(bare);
    }
  }

  void flush() {
    if (!keys_.empty()) {
      write_keys();
    } else if (!text_.empty()) {
      page_.paragraph(text_);
    }
    text_.clear();
    keys_.clear();
  }

 private:
  // A comment straight above a section is the section's.
  void begin_section(const std::string& name) {
    const std::string above = keys_.empty() ? text_ : "";
    if (!keys_.empty()) flush();
    text_.clear();
    if (!in_sections_) page_.section("SECTIONS AND KEYS");
    in_sections_ = true;
    page_.subsection(name);
    if (!above.empty()) page_.paragraph(above);
  }

  void write_keys() {
    std::vector<std::string> terms;
    std::string values;
    for (const auto& key : keys_) {
      if (key.size() <= kTermBytesMax) {
        terms.push_back(key);
        continue;
      }
      const auto equals = key.find(" = ");
      terms.push_back(key.substr(0, equals));
      values += " As in: " + key.substr(equals + 3);
    }
    page_.terms(terms, text_ + values);
  }

  Roff& page_;
  std::string text_;
  std::vector<std::string> keys_;
  bool in_sections_ = false;
};

}  // namespace

Page config_page(const std::string& sample, const Edition& edition) {
  Roff page({"hookspool.toml", 5, "configuration of hookspool", edition.date, edition.version});
  page.section("DESCRIPTION");
  Sample reading(page);
  std::istringstream in(sample);
  for (std::string line; std::getline(in, line);) reading.take(line);
  reading.flush();
  page.see_also({"hookspool(8)", "hookspool-check-config(1)", "hookspool-reload(1)"});
  return {"hookspool.toml.5", page.text()};
}

}  // namespace hookspool::agent
