rm -rf /etc/hookspool  # a machine on which it is not installed
# The server of the tour, when it is there: a reader does not look within the first second.
ready_in_terminal() {
  if pg_isready -q -h /tmp -p 5544; then wait_until 60 all_delivered; fi
}
