/*
 * Two functions that the linker puts in the place of crypto_openssl() and ot_crc32() in the program of suites
 * (CMakeLists.txt): most of a case's time goes into checks of the same few signatures, by the bootloader too, and into a
 * CRC of every record at every start. Their answers are those of the originals.
 */
#include "crypto_memo.h"
#include "otaria/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

const struct ot_crypto *__real_crypto_openssl(void);
const struct ot_crypto *__wrap_crypto_openssl(void);
uint32_t __real_ot_crc32(uint32_t init, const uint8_t *bytes, size_t len);
uint32_t __wrap_ot_crc32(uint32_t init, const uint8_t *bytes, size_t len);

const struct ot_crypto *__wrap_crypto_openssl(void)
{
    return crypto_memo_of(__real_crypto_openssl());
}

/* table[k][b]: what byte b does to the register, k bytes later */
static uint32_t table[4][256];

static uint32_t by_table(uint32_t init, const uint8_t *bytes, size_t len)
{
    uint32_t crc = ~init;
    for (; len >= 4; len -= 4, bytes += 4) {
        crc ^= ot_load32(bytes);
        crc = table[3][crc & 255u] ^ table[2][crc >> 8 & 255u] ^ table[1][crc >> 16 & 255u] ^
              table[0][crc >> 24];
    }
    for (; len > 0; len--, bytes++)
        crc = crc >> 8 ^ table[0][(crc ^ *bytes) & 255u];
    return ~crc;
}

/* The register after one byte, from the original: it is the same with any register whose low byte is 0. */
static void make_table(void)
{
    uint8_t bytes[300];
    for (uint32_t b = 0; b < 256; b++) {
        bytes[0] = (uint8_t)b;
        table[0][b] = ~__real_ot_crc32(0xFFFFFFFFu, bytes, 1);
    }
    for (uint32_t k = 1; k < 4; k++) {
        for (uint32_t b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255u];
    }
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * i * 31u + 7u);
        if (by_table(i * 2654435761u, bytes, i) != __real_ot_crc32(i * 2654435761u, bytes, i))
            abort(); /* a matrix with a CRC of its own would prove nothing */
    }
}

uint32_t __wrap_ot_crc32(uint32_t init, const uint8_t *bytes, size_t len)
{
    static bool made;
    if (!made) {
        made = true;
        make_table();
    }
    return by_table(init, bytes, len);
}
