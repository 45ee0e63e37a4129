/**
 * Little-endian loads and stores, byte order and alignment independent, and the two CRC-32 uses of the ESP formats.
 * Source of the CRC: docs/formats.md, section "CRC-32".
 */
#ifndef OTARIA_BYTES_H
#define OTARIA_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t ot_load16(const uint8_t *p)
{
    return (uint16_t)(p[0] + 256u * p[1]);
}

static inline uint32_t ot_load32(const uint8_t *p)
{
    return (uint32_t)p[0] + 256u * (uint32_t)p[1] + 65536u * (uint32_t)p[2] + 16777216u * (uint32_t)p[3];
}

static inline uint64_t ot_load64(const uint8_t *p)
{
    return (uint64_t)ot_load32(p) + ((uint64_t)ot_load32(p + 4) << 32);
}

static inline void ot_store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v & 0xFFu);
    p[1] = (uint8_t)(v >> 8);
}

static inline void ot_store32(uint8_t *p, uint32_t v)
{
    ot_store16(p, (uint16_t)(v & 0xFFFFu));
    ot_store16(p + 2, (uint16_t)(v >> 16));
}

static inline void ot_store64(uint8_t *p, uint64_t v)
{
    ot_store32(p, (uint32_t)(v & 0xFFFFFFFFu));
    ot_store32(p + 4, (uint32_t)(v >> 32));
}

/**
 * Reflected CRC-32 (polynomial 0xEDB88320), register inverted before and after, as the chips' ROM has it.
 * `init` 0 gives the ordinary IEEE CRC (signature blocks, Otaria's descriptor);
 * `init` 0xFFFFFFFF is what otadata and NVS use.
 */
uint32_t ot_crc32(uint32_t init, const uint8_t *bytes, size_t len);

#endif
