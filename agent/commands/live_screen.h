// One screen of text that is drawn again and again. On a terminal it is the alternate screen, each line is overwritten in its
// place (nothing flickers), and the destructor gives back what was there before; elsewhere each drawing is printed behind
// the one before it. Not thread-safe: one a process.
#pragma once

#include <string>

namespace hookspool::agent {

class LiveScreen {
 public:
  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // `text`: lines, fit for a terminal (printable.h). What does not fit on the screen is cut. False: it could not be written.
  bool draw(const std::string& text);

 private:
  const bool on_terminal_;
};

}  // namespace hookspool::agent
