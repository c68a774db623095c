#include "agent/command_line.h"

int main(int argc, char** argv) { return hookspool::agent::command_line(argc, argv); }
