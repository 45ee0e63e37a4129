# The core's files, listed once: used by the host build, the rv32 check and the ESP-IDF component.
set(OTARIA_CORE_SOURCES
  bytes.c
  digest.c
  source.c
  status.c
)
