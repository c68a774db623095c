#!/usr/bin/env bash
# unguarded.sh CLANG ROOT: does clang find every mistake of unguarded.cpp.in, in its line, and nothing else?
set -euo pipefail
file=$2/tests/structure/unguarded.cpp.in
expected=$(grep -n 'MISTAKE: ' "$file" | cut -d: -f1)
found=$({ "$1" -x c++ -std=c++20 -I"$2" -fsyntax-only -Wthread-safety -Werror=thread-safety "$file" 2>&1 || true; } |
  sed -nE 's/^[^:]*:([0-9]+):[0-9]+: error: .*/\1/p' | sort -nu)
printf 'mistakes in lines %s\nfound in lines    %s\n' "${expected//$'\n'/ }" "${found//$'\n'/ }"
[[ -n $expected && $expected == "$found" ]]
