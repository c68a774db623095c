#include "tests/history/result.h"

#include <charconv>
#include <fstream>
#include <stdexcept>
#include <type_traits>

namespace hookspool::history {
namespace {

class LineWriter {
 public:
  template <class T>
  void operator()(const T& value) {
    line_ += '\t';
    if constexpr (std::is_same_v<T, std::string>) {
      line_ += value;
    } else {
      line_ += std::to_string(static_cast<long long>(value));
    }
  }
  std::string take(char tag) { return tag + std::move(line_); }

 private:
  std::string line_;
};

class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}
  template <class T>
  void operator()(T& value) {
    const std::string_view field = next();
    if constexpr (std::is_same_v<T, std::string>) {
      value = std::string(field);
    } else {
      long long number = 0;
      const auto parsed = std::from_chars(field.data(), field.data() + field.size(), number);
      if (parsed.ec != std::errc()) throw std::runtime_error("no number: " + std::string(field));
      value = static_cast<T>(number);
    }
  }

 private:
  std::string_view next() {
    if (rest_.empty() || rest_.front() != '\t') throw std::runtime_error("a field is missing");
    rest_.remove_prefix(1);
    const std::string_view field = rest_.substr(0, rest_.find('\t'));
    rest_.remove_prefix(field.size());
    return field;
  }
  std::string_view rest_;
};

// Calls `each` with the tag and the list of every kind of record.
template <class R, class Each>
void for_each_list(R& result, Each&& each) {
  each('S', result.sends);
  each('R', result.rows);
  each('D', result.dead_letters);
  each('E', result.ever_dead);
  each('W', result.watermarks);
  each('G', result.gaps);
  each('N', result.numbered);
  each('A', result.feeds);
  each('J', result.journal);
  each('F', result.faults);
  each('P', result.samples);
  each('B', result.went_back);
  each('U', result.unindexed);
}

template <class Record>
std::string line_of_record(char tag, const Record& record) {
  LineWriter writer;
  Record::visit(record, writer);
  return writer.take(tag);
}

}  // namespace

void save(const Result& result, const std::filesystem::path& file) {
  std::ofstream out(file, std::ios::trunc);
  for_each_list(result, [&](char tag, const auto& list) {
    for (const auto& record : list) out << line_of_record(tag, record) << '\n';
  });
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

Result load(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  Result result;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    for_each_list(result, [&](char tag, auto& list) {
      if (tag != line.front()) return;
      LineReader reader(std::string_view(line).substr(1));
      auto& record = list.emplace_back();
      std::decay_t<decltype(record)>::visit(record, reader);
    });
  }
  return result;
}

std::string line_of(const Send& send) {
  return line_of_record('S', send);
}

}  // namespace hookspool::history
