/* What the fuzz targets share: libFuzzer's entry point, and a check that stays in every build. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(claim) ((claim) ? (void)0 : __builtin_trap())

#endif
