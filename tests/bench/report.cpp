#include "tests/bench/report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace hookspool::bench {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::array<std::string, 5>;

std::string command(const Row& row) {
  return "./dev bench " + row.key;
}

Cells cells_of(const Row& row) {
  return {row.what, goal_text(row), spread_text(row.value, row.unit), std::string(verdict(row)),
          command(row)};
}

const Cells kHead{"what", "goal", "measured: median (min..max)", "verdict", "command"};

Json spread_json(const Spread& spread) {
  return {{"median", spread.median}, {"min", spread.least}, {"max", spread.most}, {"count", spread.count}};
}

std::string summary(const std::vector<Row>& rows) {
  const auto met = std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.met(); });
  const auto left_out =
      std::count_if(rows.begin(), rows.end(), [](const Row& row) { return !row.left_out.empty(); });
  return std::to_string(met) + " of " + std::to_string(static_cast<std::ptrdiff_t>(rows.size()) - left_out) +
         " goals met" + (left_out > 0 ? ", " + std::to_string(left_out) + " left out" : "");
}

std::string markdown_cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, "\\");
  return text;
}

}  // namespace

std::string table_text(const std::vector<Row>& rows) {
  std::vector<Cells> lines{kHead};
  for (const Row& row : rows) lines.push_back(cells_of(row));
  std::array<std::size_t, 5> widths{};
  for (const Cells& cells : lines) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const Cells& cells : lines) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - cells[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text + summary(rows) + "\n";
}

std::string detail_text(const Row& row) {
  std::string text;
  const auto line = [&](const std::string& what) { text += "  " + what + "\n"; };
  for (const Figure& figure : row.figures) line(figure.name + ": " + spread_text(figure.spread, figure.unit));
  for (const std::string& note : row.notes) line(note);
  if (!row.left_out.empty()) line("left out: " + row.left_out);
  if (!row.failed.empty()) line("does not count: " + row.failed);
  return text;
}

std::string json_text(const Report& report) {
  Json json{
      {"date", report.date}, {"quick", report.quick}, {"machine", Json::object()}, {"rows", Json::array()}};
  for (const auto& [name, value] : report.machine) json["machine"][name] = value;
  for (const Row& row : report.rows) {
    Json entry{
        {"row", row.key},
        {"what", row.what},
        {"goal", {{"bound", row.bound == Bound::kAtLeast ? "at_least" : "at_most"}, {"value", row.goal}}},
        {"unit", row.unit},
        {"measured", spread_json(row.value)},
        {"met", row.met()},
        {"command", command(row)},
        {"figures", Json::array()},
        {"notes", row.notes}};
    for (const Figure& figure : row.figures) {
      Json part = spread_json(figure.spread);
      part["name"] = figure.name;
      part["unit"] = figure.unit;
      entry["figures"].push_back(std::move(part));
    }
    if (!row.failed.empty()) entry["failed"] = row.failed;
    if (!row.left_out.empty()) entry["left_out"] = row.left_out;
    json["rows"].push_back(std::move(entry));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string markdown_text(const Report& report) {
  std::string text = "# Benchmarks\n\nWritten by `./dev bench" + std::string(report.quick ? " --quick" : "") +
                     " --markdown BENCHMARKS.md` on " + report.date +
                     "; no figure in it was typed. Every row is a ratio (or a limit)\nwhose two sides were "
                     "measured in turn, in one run, on one machine: the "
                     "ratios travel, the absolute figures do not.\nMedians of all rounds, with the least and "
                     "the greatest. What the "
                     "peers are: DECISIONS.md, \"The bench\".\n";
  if (report.quick) {
    text +=
        "\nThis was a short look (`--quick`): rounds of seconds and smaller backlogs, where a row says so.\n";
  }
  text += "\n| machine | |\n|---|---|\n";
  for (const auto& [name, value] : report.machine)
    text += "| " + name + " | " + markdown_cell(value) + " |\n";
  text += "\n" + summary(report.rows) + ".\n\n|";
  for (const std::string& head : kHead) text += " " + head + " |";
  text += "\n|---|---|---|---|---|\n";
  for (const Row& row : report.rows) {
    const Cells cells = cells_of(row);
    text += "| " + markdown_cell(cells[0]) + " | " + cells[1] + " | " + cells[2] + " | " +
            (row.met() ? cells[3] : "**" + cells[3] + "**") + " | `" + cells[4] + "` |\n";
  }
  text += "\n## What went into each row\n";
  for (const Row& row : report.rows) {
    text += "\n**" + row.key + "**: " + row.what + "\n\n";
    std::string details = detail_text(row);
    for (std::size_t at = 0; at < details.size();) {  // each line "  ..." becomes "- ..."
      details.replace(at, 2, "- ");
      const std::size_t end = details.find('\n', at);
      at = end == std::string::npos ? details.size() : end + 1;
    }
    text += details;
  }
  return text;
}

}  // namespace hookspool::bench
