/**
 * Units: an image cut into instructions and words, each with the address it refers to, if any. Private.
 *
 * Maker and device cut the base image with the same code. A wrong cut costs bits, never correctness.
 * Rules: docs/patch-format.md "Units". Work: at most DELTA_UNIT_STEPS instructions are looked at for one unit.
 */
#ifndef OTARIA_DELTA_UNIT_H
#define OTARIA_DELTA_UNIT_H

#include "otaria/delta/layout.h"
#include "otaria/delta/reader.h"

#define DELTA_UNIT_BYTES 4u /* the longest */

enum delta_kind {
    DELTA_BYTE,
    DELTA_WORD, /* four bytes of data */
    DELTA_OP2,  /* instructions without a reference, by length */
    DELTA_OP3,
    DELTA_OP4,
    /* from here on: with a reference */
    DELTA_POINTER,
    DELTA_RELATIVE, /* data: target minus own address */
    DELTA_BACKWARD, /* data: own address minus target (unwind tables) */
    DELTA_X_CALL,
    DELTA_X_JUMP,
    DELTA_X_L32R,
    DELTA_X_BRANCH8,
    DELTA_X_BRANCH12,
    DELTA_R_JAL,
    DELTA_R_BRANCH,
    DELTA_R_CJ,
    DELTA_R_CB,
    DELTA_R_LUI,
    DELTA_R_AUIPC,
    DELTA_R_LOW_I, /* the low 12 bits, in a load, jump or add */
    DELTA_R_LOW_S, /* ... in a store */
    DELTA_KINDS
};

struct delta_unit {
    uint8_t kind; /* enum delta_kind */
    uint8_t length;
    uint32_t target; /* address referred to */
};

/** Models have one place for each kind that an architecture can have. */
#define DELTA_KIND_SLOTS 16u
static inline unsigned delta_kind_slot(unsigned kind)
{
    return kind >= DELTA_R_JAL ? kind - (DELTA_R_JAL - DELTA_X_CALL) : kind;
}
_Static_assert(DELTA_R_LOW_S - (DELTA_R_JAL - DELTA_X_CALL) < DELTA_KIND_SLOTS, "kinds");

static inline bool delta_unit_refers(const struct delta_unit *u)
{
    return u->kind >= DELTA_POINTER;
}

/** What is known of RISC-V registers: values that LUI and AUIPC put there. */
struct delta_registers {
    uint32_t value[32];
    uint32_t known;    /* bit r: value[r] holds */
    uint32_t relative; /* bit r: it came from AUIPC or is gp: any address is meant */
};

enum delta_place { DELTA_IN_CODE, DELTA_BEHIND_JUMP, DELTA_IN_POOL };

/** Where the unit parser stands. Start anew at each jump in the base. */
struct delta_parser {
    const struct delta_layout *layout;
    struct delta_reader *reader;
    const struct delta_segment *segment; /* that of the last unit */
    uint32_t word;                       /* the last unit's bytes and what follows, the first lowest */
    enum delta_place place;              /* Xtensa */
    uint32_t pool_seen, pool_start,
        pool_end; /* words of [pool_start, pool_end) are literals, of [pool_seen, pool_start) not */
    struct delta_registers regs;
    uint32_t gp;
    uint32_t steps; /* instructions looked at, ever */
};

void delta_parser_start(struct delta_parser *p, const struct delta_layout *layout,
                        struct delta_reader *reader, uint32_t gp);
/** The parser has been moved: forget what the neighbourhood told. */
void delta_parser_moved(struct delta_parser *p);
/** The unit at file offset `at`; afterwards the state is that behind it. */
struct delta_unit delta_parse(struct delta_parser *p, uint32_t at);

/**
 * The unit with its reference going to `target`, for a place at address `at`. `x` is the unit as it stands in the base, the
 * first byte lowest; bytes behind the unit say nothing. `regs`: what is known of registers in the new image.
 */
uint32_t delta_unit_point(const struct delta_unit *u, uint32_t x, uint32_t at, uint32_t target,
                          const struct delta_registers *regs);

void delta_registers_start(struct delta_registers *r, uint32_t gp);
/** Instruction `x` of `length` bytes at address `at` has been passed. */
void delta_registers_pass(struct delta_registers *r, uint32_t x, unsigned length, uint32_t at);

/* By architecture (xtensa.c, riscv.c); `bytes` as delta_reader_at() gives them, `left` bytes of the segment from there. */
struct delta_unit delta_xtensa_parse(struct delta_parser *p, const uint8_t *bytes, uint32_t addr,
                                     uint32_t left);
struct delta_unit delta_riscv_parse(struct delta_parser *p, const uint8_t *bytes, uint32_t addr,
                                    uint32_t left);
uint32_t delta_xtensa_point(const struct delta_unit *u, uint32_t x, uint32_t at, uint32_t target);
uint32_t delta_riscv_point(const struct delta_unit *u, uint32_t x, uint32_t at, uint32_t target,
                           const struct delta_registers *regs);

/** Where an L32R loads from. */
static inline uint32_t delta_xtensa_literal(uint32_t x, uint32_t addr)
{
    return ((addr + 3u) & ~3u) + (0xFFFC0000u | (x >> 8 & 0xFFFFu) << 2);
}

/** Offset of a JAL. */
uint32_t delta_riscv_jump(uint32_t x);
/** Where a unit of the new image that should be like `u` refers to; 0 when it is of another kind. */
uint32_t delta_unit_target(const struct delta_unit *u, uint32_t x, uint32_t at);

/** Sign-extend the low `bits` of v. */
static inline uint32_t delta_extend(uint32_t v, unsigned bits)
{
    uint32_t sign = 1u << (bits - 1u);
    v &= (sign << 1) - 1u;
    return (v ^ sign) - sign;
}

#endif
