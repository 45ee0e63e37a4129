/*
 * RISC-V, RV32IMC: jumps, branches, and addresses built in two halves (LUI or AUIPC, then a load, store, add or jump).
 *
 * Source: RISC-V unprivileged ISA, formats I, S, B, U, J, CJ, CB.
 */
#include "otaria/bytes.h"
#include "otaria/delta/unit.h"

#define PAIR_LOOK 12u /* instructions looked at for the second half of an address */
#define GP        3u

#define OPCODE(x) ((x)&0x7Fu)
#define RD(x)     ((x) >> 7 & 31u)
#define RS1(x)    ((x) >> 15 & 31u)

enum {
    OP_LOAD = 0x03,
    OP_LOAD_FP = 0x07,
    OP_ADDI = 0x13,
    OP_AUIPC = 0x17,
    OP_STORE = 0x23,
    OP_STORE_FP = 0x27,
    OP_LUI = 0x37,
    OP_BRANCH = 0x63,
    OP_JALR = 0x67,
    OP_JAL = 0x6F
};

static unsigned length_of(uint32_t x)
{
    return (x & 3u) == 3 ? 4 : 2;
}

static bool is_store(uint32_t x)
{
    return OPCODE(x) == OP_STORE || OPCODE(x) == OP_STORE_FP;
}

static bool is_immediate(uint32_t x)
{
    unsigned op = OPCODE(x);
    return op == OP_ADDI || op == OP_LOAD || op == OP_LOAD_FP || op == OP_JALR;
}

static uint32_t i_offset(uint32_t x)
{
    return delta_extend(x >> 20, 12);
}

static uint32_t s_offset(uint32_t x)
{
    return delta_extend((x >> 20 & 0xFE0u) | (x >> 7 & 0x1Fu), 12);
}

static uint32_t j_offset(uint32_t x)
{
    return delta_extend((x >> 11 & 0x100000u) | (x & 0xFF000u) | (x >> 9 & 0x800u) | (x >> 20 & 0x7FEu), 21);
}

uint32_t delta_riscv_jump(uint32_t x)
{
    return j_offset(x);
}

static uint32_t j_place(uint32_t x, uint32_t d)
{
    return (x & 0xFFFu) | (d & 0x100000u) << 11 | (d & 0x7FEu) << 20 | (d & 0x800u) << 9 | (d & 0xFF000u);
}

static uint32_t b_offset(uint32_t x)
{
    return delta_extend((x >> 19 & 0x1000u) | (x << 4 & 0x800u) | (x >> 20 & 0x7E0u) | (x >> 7 & 0x1Eu), 13);
}

static uint32_t b_place(uint32_t x, uint32_t d)
{
    return (x & 0x01FFF07Fu) | (d & 0x1000u) << 19 | (d & 0x7E0u) << 20 | (d & 0x1Eu) << 7 |
           (d & 0x800u) >> 4;
}

static uint32_t cj_offset(uint32_t x)
{
    return delta_extend((x >> 1 & 0x800u) | (x << 2 & 0x400u) | (x >> 1 & 0x300u) | (x << 1 & 0x80u) |
                            (x >> 1 & 0x40u) | (x << 3 & 0x20u) | (x >> 7 & 0x10u) | (x >> 2 & 0xEu),
                        12);
}

static uint32_t cj_place(uint32_t x, uint32_t d)
{
    return (x & 0xE003u) | (d & 0x800u) << 1 | (d & 0x400u) >> 2 | (d & 0x300u) << 1 | (d & 0x80u) >> 1 |
           (d & 0x40u) << 1 | (d & 0x20u) >> 3 | (d & 0x10u) << 7 | (d & 0xEu) << 2;
}

static uint32_t cb_offset(uint32_t x)
{
    return delta_extend(
        (x >> 4 & 0x100u) | (x << 1 & 0xC0u) | (x << 3 & 0x20u) | (x >> 7 & 0x18u) | (x >> 2 & 6u), 9);
}

static uint32_t cb_place(uint32_t x, uint32_t d)
{
    return (x & 0xE383u) | (d & 0x100u) << 4 | (d & 0xC0u) >> 1 | (d & 0x20u) >> 3 | (d & 0x18u) << 7 |
           (d & 6u) << 2;
}

/* --- registers --- */

void delta_registers_start(struct delta_registers *r, uint32_t gp)
{
    r->known = gp != 0 ? 1u << GP : 0;
    r->relative = r->known;
    r->value[GP] = gp;
}

static void forget(struct delta_registers *r, unsigned reg)
{
    r->known &= ~(1u << reg);
}

static void pass_compressed(struct delta_registers *r, uint32_t x)
{
    unsigned quadrant = x & 3u, f = x >> 13 & 7u, rd = RD(x);
    if (quadrant == 1 && f == 3 && rd != 2 && rd != 0) { /* c.lui */
        r->value[rd] = delta_extend((x >> 7 & 0x20u) | (x >> 2 & 0x1Fu), 6) << 12;
        r->known |= 1u << rd;
        r->relative &= ~(1u << rd);
    } else if (quadrant == 1) {
        if (f == 0 || f == 2 || f == 3)
            forget(r, rd);
        else if (f == 1) /* c.jal */
            forget(r, 1);
        else if (f == 4)
            forget(r, 8u + (x >> 7 & 7u));
    } else if (quadrant == 2) {
        if (f <= 4)
            forget(r, rd);
    } else if (f <= 3) {
        forget(r, 8u + (x >> 2 & 7u));
    }
}

void delta_registers_pass(struct delta_registers *r, uint32_t x, unsigned length, uint32_t at)
{
    if (length == 2) {
        pass_compressed(r, x);
        return;
    }
    unsigned op = OPCODE(x), rd = RD(x);
    if (op == OP_LUI || op == OP_AUIPC) {
        r->value[rd] = (x & 0xFFFFF000u) + (op == OP_AUIPC ? at : 0u);
        r->known |= 1u << rd;
        r->relative = op == OP_AUIPC ? r->relative | 1u << rd : r->relative & ~(1u << rd);
    } else if (op != OP_BRANCH && !is_store(x)) {
        forget(r, rd);
    }
}

/* --- units --- */

/* Where the address begun by `x` leads: the first instruction that uses its register tells the low half. */
static uint32_t pair_target(struct delta_parser *p, const uint8_t *bytes, uint32_t base, unsigned rd,
                            uint32_t left)
{
    uint32_t at = 4;
    for (unsigned i = 0; i < PAIR_LOOK && at + 4u <= left && at + 4u <= DELTA_AHEAD; i++, p->steps++) {
        uint32_t y = ot_load32(bytes + at);
        if (length_of(y) == 2) {
            unsigned quadrant = y & 3u, f = y >> 13 & 7u;
            if ((quadrant == 1 && f == 5) || (quadrant == 2 && f == 4 && (y >> 2 & 31u) == 0)) /* c.j, c.jr */
                break;
            at += 2;
            continue;
        }
        if (RS1(y) == rd && is_immediate(y))
            return base + i_offset(y);
        if (RS1(y) == rd && is_store(y))
            return base + s_offset(y);
        unsigned op = OPCODE(y);
        if ((op != OP_STORE && op != OP_BRANCH && RD(y) == rd) || op == OP_JAL)
            break;
        at += 4;
    }
    return base;
}

static void upper_half(struct delta_parser *p, const uint8_t *bytes, uint32_t x, uint32_t addr, uint32_t left,
                       struct delta_unit *u)
{
    bool is_lui = OPCODE(x) == OP_LUI;
    uint32_t base = (is_lui ? 0 : addr) + (x & 0xFFFFF000u);
    uint32_t target = pair_target(p, bytes, base, RD(x), left);
    if (is_lui && !delta_chip_is_pointer(p->layout->chip, target))
        return; /* a number */
    u->kind = is_lui ? DELTA_R_LUI : DELTA_R_AUIPC;
    u->target = target;
}

static void lower_half(const struct delta_parser *p, uint32_t x, struct delta_unit *u)
{
    unsigned rs1 = RS1(x);
    if ((p->regs.known >> rs1 & 1u) == 0)
        return;
    uint32_t target = p->regs.value[rs1] + (is_store(x) ? s_offset(x) : i_offset(x));
    if ((p->regs.relative >> rs1 & 1u) == 0 && !delta_chip_is_pointer(p->layout->chip, target))
        return;
    u->kind = is_store(x) ? DELTA_R_LOW_S : DELTA_R_LOW_I;
    u->target = target;
}

static void compressed(uint32_t x, uint32_t addr, struct delta_unit *u)
{
    unsigned f = x >> 13 & 7u;
    u->length = 2;
    u->kind = DELTA_OP2;
    if ((x & 3u) != 1)
        return;
    if (f == 1 || f == 5) {
        u->kind = DELTA_R_CJ;
        u->target = addr + cj_offset(x);
    } else if (f == 6 || f == 7) {
        u->kind = DELTA_R_CB;
        u->target = addr + cb_offset(x);
    }
}

struct delta_unit delta_riscv_parse(struct delta_parser *p, const uint8_t *bytes, uint32_t addr,
                                    uint32_t left)
{
    uint32_t x = p->word;
    unsigned length = length_of(x);
    struct delta_unit u = {.kind = DELTA_BYTE, .length = 1};
    if ((addr & 1u) != 0 || length > left)
        return u;
    if (length == 2) {
        compressed(x & 0xFFFFu, addr, &u);
    } else {
        u.length = 4;
        u.kind = DELTA_OP4;
        unsigned op = OPCODE(x);
        if (op == OP_JAL) {
            u.kind = DELTA_R_JAL;
            u.target = addr + j_offset(x);
        } else if (op == OP_BRANCH) {
            u.kind = DELTA_R_BRANCH;
            u.target = addr + b_offset(x);
        } else if (op == OP_LUI || op == OP_AUIPC) {
            upper_half(p, bytes, x, addr, left, &u);
        } else if (is_immediate(x) || is_store(x)) {
            lower_half(p, x, &u);
        }
    }
    delta_registers_pass(&p->regs, x, length, addr);
    return u;
}

uint32_t delta_riscv_point(const struct delta_unit *u, uint32_t x, uint32_t at, uint32_t target,
                           const struct delta_registers *regs)
{
    if (u->length == 2)
        return u->kind == DELTA_R_CJ ? cj_place(x, target - at) : cb_place(x, target - at);
    uint32_t low = target - regs->value[RS1(x)];
    bool known = (regs->known >> RS1(x) & 1u) != 0;
    if (u->kind == DELTA_R_JAL)
        x = j_place(x, target - at);
    else if (u->kind == DELTA_R_BRANCH)
        x = b_place(x, target - at);
    else if (u->kind == DELTA_R_LUI)
        x = (x & 0xFFFu) | ((target + 0x800u) & 0xFFFFF000u);
    else if (u->kind == DELTA_R_AUIPC)
        x = (x & 0xFFFu) | ((target - at + 0x800u) & 0xFFFFF000u);
    else if (u->kind == DELTA_R_LOW_I && known)
        x = (x & 0xFFFFFu) | low << 20;
    else if (u->kind == DELTA_R_LOW_S && known)
        x = (x & 0x01FFF07Fu) | (low & 0xFE0u) << 20 | (low & 0x1Fu) << 7;
    return x;
}
