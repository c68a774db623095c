is "$(cat body.json)" '{"type":"invoice.paid","amount":100}'
rm body.json
# Sizing, Libraries: all that the binary needs is named, or comes with one that is.
if grep -qx VERSION_CODENAME=bookworm /etc/os-release; then
  # shellcheck disable=SC2016  # backquotes of Markdown
  named=$(sed -n '/^\*\*Libraries\*\*/,/^$/p' OPERATIONS.md | grep -o '`[^`]*`' | tr -d '`')
  # shellcheck disable=SC2086  # one word a package
  apt install $named
  # shellcheck disable=SC2086
  there=$(printf '%s\n' $named libstdc++6 libgcc-s1 libc6 libfmt9)
  for library in $(readelf -d /usr/bin/hookspool | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    package=$(dpkg-query -S "*/x86_64-linux-gnu/$library" "*/aarch64-linux-gnu/$library" 2>/dev/null | head -n 1 | cut -d : -f 1 || true)
    grep -qx -- "$package" <<<"$there" || is "$library is of $package" 'named in OPERATIONS.md'
  done
fi
