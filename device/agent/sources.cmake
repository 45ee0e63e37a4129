# The agent's files, listed once: used by the host build, the freestanding check and the ESP-IDF component.
set(OTARIA_AGENT_SOURCES
  agent.c
  check_in.c
  download.c
  keys.c
  machine.c
  outbox.c
  patch.c
  probation.c
  proof.c
  records.c
  self_test.c
  start.c
  transfer.c
  update.c
  verify.c
)
