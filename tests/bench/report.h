// The rows as a table for a terminal, as JSON and as Markdown.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/bench/row.h"

namespace hookspool::bench {

struct Report {
  std::string date;    // UTC
  bool quick = false;  // short looks, fewer events: figures to compare with each other, not to quote
  std::vector<std::pair<std::string, std::string>> machine;  // name and value, in order
  std::vector<Row> rows;
};

// One line a row under its head, then each row's figures and notes.
std::string table_text(const std::vector<Row>& rows);
std::string detail_text(const Row& row);
std::string json_text(const Report& report);
std::string markdown_text(const Report& report);

}  // namespace hookspool::bench
