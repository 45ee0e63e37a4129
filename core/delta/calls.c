/*
 * Code as full images are coded: what refers relative to its own address refers absolute, high bits first.
 *
 * Only fields change, never what tells a unit's kind and length: turning there and back gives the same bytes, whatever
 * they are. Cuts are guesses; a wrong one costs bits.
 */
#include "otaria/bytes.h"
#include "otaria/delta/full.h"
#include "otaria/delta/unit.h"

enum { X_L32R = 1, X_CALL = 5, X_ENTRY = 0x36, R_AUIPC = 0x17, R_JALR = 0x67, R_JAL = 0x6F };

static bool is_xtensa(const struct delta_chip *chip)
{
    return chip->arch == DELTA_XTENSA;
}

unsigned delta_full_length(const struct delta_chip *chip, const uint8_t *b, unsigned have)
{
    if (is_xtensa(chip))
        return (b[0] & 15u) < 8 ? 3 : (b[0] & 15u) < 14 ? 2 : chip->has_wide ? 4 : 3;
    if ((b[0] & 0x7Fu) == R_AUIPC)
        return have <= 4 || (b[4] & 0x7Fu) == R_JALR ? 8 : 4;
    return (b[0] & 3u) == 3 ? 4 : 2;
}

bool delta_full_is_entry(const struct delta_chip *chip, const uint8_t *b, unsigned have, uint8_t byte,
                         uint32_t addr)
{
    if (!is_xtensa(chip) || have == 0 || byte != X_ENTRY || (addr & 3u) != 0)
        return false;
    return (b[0] & 15u) != X_CALL && (b[0] & 15u) != X_L32R; /* as coded these may hold any byte */
}

/* --- fields: CALL and JAL have their upper two or four bits in the first byte that has room, then two bytes --- */

static uint32_t field(const uint8_t *b, unsigned shift)
{
    return (uint32_t)b[0] >> shift << 16 | (uint32_t)b[1] << 8 | b[2];
}

static void set_field(uint8_t *b, unsigned shift, uint32_t v)
{
    b[0] = (uint8_t)((b[0] & ((1u << shift) - 1u)) | (v >> 16) << shift);
    b[1] = (uint8_t)(v >> 8);
    b[2] = (uint8_t)v;
}

static bool is_pair(const uint8_t *b)
{
    uint32_t x = ot_load32(b), y = ot_load32(b + 4);
    return (x & 0x7Fu) == R_AUIPC && (y & 0x7Fu) == R_JALR && (x >> 7 & 31u) == (y >> 15 & 31u);
}

static void pair_to_absolute(uint8_t *b, uint32_t addr)
{
    uint32_t x = ot_load32(b), y = ot_load32(b + 4), v = addr + (x & 0xFFFFF000u) + delta_extend(y >> 20, 12);
    ot_store32(b, (x & 0xFFFu) | v >> 28 << 12 | (v >> 20 & 0xFFu) << 16 | (v >> 12 & 0xFFu) << 24);
    ot_store32(b + 4, (y & 0xFFFFFu) | (v >> 8 & 15u) << 20 | v << 24);
}

static void pair_to_stored(uint8_t *b, uint32_t addr)
{
    uint32_t x = ot_load32(b), y = ot_load32(b + 4);
    uint32_t v =
        (x >> 12 & 15u) << 28 | (x >> 16 & 0xFFu) << 20 | x >> 24 << 12 | (y >> 20 & 15u) << 8 | y >> 24;
    v -= addr;
    ot_store32(b, (x & 0xFFFu) | ((v + 0x800u) & 0xFFFFF000u));
    ot_store32(b + 4, (y & 0xFFFFFu) | v << 20);
}

/* L32R has 16 bits of a word's address behind its first byte, lowest first as it is stored. */
static uint32_t own_word(uint32_t addr)
{
    return (addr + 3u) >> 2;
}

void delta_full_to_absolute(const struct delta_chip *chip, uint8_t *b, uint32_t addr)
{
    const struct delta_unit call = {.kind = DELTA_X_CALL}, jal = {.kind = DELTA_R_JAL};
    if (is_xtensa(chip) && (b[0] & 15u) == X_CALL) {
        set_field(b, 6, delta_unit_target(&call, ot_load32(b), addr) >> 2);
    } else if (is_xtensa(chip) && (b[0] & 15u) == X_L32R) {
        uint32_t v = own_word(addr) + ot_load16(b + 1);
        b[1] = (uint8_t)(v >> 8);
        b[2] = (uint8_t)v;
    } else if (!is_xtensa(chip) && (b[0] & 0x7Fu) == R_JAL) {
        set_field(b + 1, 4, delta_unit_target(&jal, ot_load32(b), addr & ~1u) >> 1);
    } else if (!is_xtensa(chip) && is_pair(b)) {
        pair_to_absolute(b, addr);
    }
}

void delta_full_to_stored(const struct delta_chip *chip, uint8_t *b, uint32_t addr)
{
    static const struct delta_registers none = {0};
    const struct delta_unit call = {.kind = DELTA_X_CALL}, jal = {.kind = DELTA_R_JAL};
    if (is_xtensa(chip) && (b[0] & 15u) == X_CALL)
        ot_store32(b, delta_unit_point(&call, ot_load32(b), addr, field(b, 6) << 2, &none));
    else if (is_xtensa(chip) && (b[0] & 15u) == X_L32R)
        ot_store16(b + 1, (uint16_t)(((uint32_t)b[1] << 8 | b[2]) - own_word(addr)));
    else if (!is_xtensa(chip) && (b[0] & 0x7Fu) == R_JAL)
        ot_store32(b, delta_unit_point(&jal, ot_load32(b), addr & ~1u, field(b + 1, 4) << 1, &none));
    else if (!is_xtensa(chip) && is_pair(b))
        pair_to_stored(b, addr);
}
