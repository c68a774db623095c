// The rules of the tree as functions from files to faults. A fault is one line: file, line, what is wrong,
// what would be right. Pure functions, so that each rule is also tried on a small tree that breaks it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/structure/source_tree.h"

namespace hookspool::structure {

using Files = std::vector<SourceFile>;
using Faults = std::vector<std::string>;

inline constexpr std::size_t kFileLinesMax = 500;
inline constexpr std::size_t kFileLinesSoft = 400;
inline constexpr std::size_t kFunctionLinesMax = 100;
inline constexpr std::size_t kTestLinesMax = 150;  // of a function in tests/, where tables of cases stand
inline constexpr std::size_t kFunctionLinesSoft = 70;
inline constexpr std::size_t kReadmeLinesMax = 150;

// A folder is a layer: storage/ knows nothing of net/ or agent/, net/ only storage/model/, the halves of net/
// nothing of each other, the product nothing of tests/. A quoted include names a file from the root.
Faults check_layers(const Files& files);
// The list of the layers itself: no arrow runs back. How many there are.
Faults check_order();
std::size_t layers_count();

// A library is seen only by the layer that wraps it, over however many headers of ours, and what is slow to
// compile is never in a header of ours.
Faults check_libraries(const Files& files);

// No file includes itself, over however many others.
Faults check_cycles(const Files& files);

// One definition of a class, struct or enum of one qualified name, unnamed namespaces apart: two in two files are two
// types that the linker takes for one, and one's destructor is run on the other. `found` counts the definitions.
Faults check_definitions(const Files& files, std::size_t& found);

// Hard limit of lines of a C++ file, and of a function's body.
Faults check_sizes(const Files& files);

// Beyond the soft limits: not a fault, but printed.
Faults note_sizes(const Files& files);

// Words of unfinished work, and paths of one machine.
Faults check_words(const Files& files);

// No std::regex sees what a client sent: cpp-httplib's routes are such, so none is ever set. (<regex> itself is a
// library that only tests may include.)
Faults check_routes(const Files& files);

// The product locks with the types of storage/base/mutex.h only, which clang checks. `found` counts the files that do.
Faults check_locks(const Files& files, std::size_t& found);

// A thread of the product stands in a list with what becomes of an exception that reaches its top, and the list has no
// other. `found` counts them.
Faults check_threads(const Files& files, std::size_t& found);

// A header says what it is for, and is read once.
Faults check_headers(const Files& files);

// The first comment of a product's header says who may use what it declares from which thread: it has one of the words
// "Thread-safe", "Not thread-safe", "Thread-safety", "Pure" or "Plain values". `found` counts the headers.
Faults check_thread_safety(const Files& files, std::size_t& found);

// A relative link of a document names a file that `exists` (a path from the root) and, behind '#', a heading of it.
// `found` counts the links. Text in ``` fences has none.
Faults check_links(const Files& files, const std::function<bool(const std::string&)>& exists,
                   std::size_t& found);

// README.md is short enough to be read.
Faults check_readme(const Files& files);

// A phrase that does not say what a thing is, and how often it may stand still.
struct Phrase {
  std::string text;     // lower case; whole words
  std::string instead;  // what to write
  std::size_t documents_max = 0;
  std::size_t sources_max = 0;
};
struct PhraseCount {
  std::size_t documents = 0, sources = 0;
};
const std::vector<Phrase>& odd_phrases();

// A ratchet: no phrase stands more often than its number. `counts` has what was found, in the order of `phrases`.
Faults check_phrases(const Files& files, const std::vector<Phrase>& phrases,
                     std::vector<PhraseCount>& counts);

}  // namespace hookspool::structure
