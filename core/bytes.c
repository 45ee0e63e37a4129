/* CRC-32 as the chips' ROM computes it. Bitwise: 30 bytes of code matter more here than speed. */
#include "otaria/bytes.h"

uint32_t ot_crc32(uint32_t init, const uint8_t *bytes, size_t len)
{
    uint32_t crc = ~init;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0u);
    }
    return ~crc;
}
