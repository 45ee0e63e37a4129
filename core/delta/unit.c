/* Units of data, and what both architectures share. See unit.h. */
#include "otaria/delta/unit.h"

#include "otaria/bytes.h"

#define NEAR        0x10000u /* a relative word that reaches less far is a number */
#define CIE_REACH   (1u << 20)
#define UDATA_REACH 4096u

void delta_parser_start(struct delta_parser *p, const struct delta_layout *layout,
                        struct delta_reader *reader, uint32_t gp)
{
    *p = (struct delta_parser){.layout = layout, .reader = reader, .gp = gp};
    delta_parser_moved(p);
}

void delta_parser_moved(struct delta_parser *p)
{
    p->segment = NULL;
    p->place = DELTA_IN_CODE;
    p->pool_end = 0;
    delta_registers_start(&p->regs, p->gp);
}

static bool is_far(uint32_t distance, uint32_t reach)
{
    return distance + reach > 2u * reach; /* outside -reach .. reach */
}

/* A word of an unwind table: how far back its common record (CIE) stands. */
static bool is_cie_distance(struct delta_parser *p, uint32_t at, uint32_t v)
{
    if (v < 4 || v >= CIE_REACH || (v & 3u) != 0 || v > at || at - v < 24)
        return false;
    uint32_t cie = at - v, length = delta_reader_word(p->reader, cie);
    if (length < 8 || length >= 64 || delta_reader_word(p->reader, cie + 4) != 0)
        return false;
    uint32_t head = delta_reader_word(p->reader, cie + 8);
    unsigned version = head & 0xFFu, augmentation = head >> 8 & 0xFFu;
    return (version == 1 || version == 3) && (augmentation == 'z' || augmentation == 0);
}

static bool is_relative(const struct delta_parser *p, uint32_t addr, uint32_t v)
{
    uint32_t target = addr + v;
    if (v == 0 || !is_far(v, NEAR))
        return false;
    if (!delta_chip_is_exec(p->layout->chip, target) &&
        !((addr & 3u) != 0 && delta_chip_is_pointer(p->layout->chip, target)))
        return false;
    return delta_layout_offset(p->layout, target) != DELTA_NOWHERE;
}

static void refer_word(struct delta_unit *u, enum delta_kind kind, uint32_t target)
{
    *u = (struct delta_unit){.kind = (uint8_t)kind, .length = 4, .target = target};
}

/* Behind its length byte 4, one byte off the word grid: where a function's exception table is, by itself or relative. */
static bool is_lsda(const struct delta_parser *p, uint32_t addr, uint32_t v)
{
    return delta_chip_is_pointer(p->layout->chip, v) ||
           (is_far(v, UDATA_REACH) && delta_layout_offset(p->layout, addr + v) != DELTA_NOWHERE);
}

static void unwind_word(struct delta_parser *p, const uint8_t *bytes, uint32_t addr, uint32_t at,
                        uint32_t left, struct delta_unit *u)
{
    uint32_t v = p->word;
    if (left < 4)
        return;
    if ((addr & 3u) == 0 && is_cie_distance(p, at, v)) {
        refer_word(u, DELTA_BACKWARD, addr - v);
        return;
    }
    if ((addr & 3u) == 0 && (v & 0xFFu) == 4 && left >= 5 && is_lsda(p, addr + 1u, ot_load32(bytes + 1))) {
        *u = (struct delta_unit){.kind = DELTA_BYTE, .length = 1};
        return;
    }
    bool lsda = (addr & 3u) == 1 && bytes[-1] == 4 && is_lsda(p, addr, v);
    if (lsda && delta_chip_is_pointer(p->layout->chip, v))
        refer_word(u, DELTA_POINTER, v);
    else if (lsda || is_relative(p, addr, v))
        refer_word(u, DELTA_RELATIVE, addr + v);
}

static struct delta_unit data_unit(struct delta_parser *p, const uint8_t *bytes, uint32_t addr, uint32_t at,
                                   uint32_t left)
{
    bool is_word = (addr & 3u) == 0 && left >= 4;
    struct delta_unit u = {.kind = is_word ? DELTA_WORD : DELTA_BYTE, .length = is_word ? 4 : 1};
    if (is_word && delta_chip_is_pointer(p->layout->chip, p->word))
        refer_word(&u, DELTA_POINTER, p->word);
    else
        unwind_word(p, bytes, addr, at, left, &u);
    return u;
}

struct delta_unit delta_parse(struct delta_parser *p, uint32_t at)
{
    const struct delta_segment *s = p->segment;
    const uint8_t *bytes = delta_reader_at(p->reader, at);
    p->steps++;
    p->word = ot_load32(bytes);
    if (s == NULL || at - s->offset >= s->length) {
        s = p->layout->chip == NULL ? NULL : delta_layout_at(p->layout, at);
        if (s != p->segment)
            delta_parser_moved(p);
        p->segment = s;
        if (s == NULL)
            return (struct delta_unit){.kind = DELTA_BYTE, .length = 1};
    }
    uint32_t in = at - s->offset, left = s->length - in;
    if (!s->exec)
        return data_unit(p, bytes, s->addr + in, at, left);
    if (p->layout->chip->arch == DELTA_XTENSA)
        return delta_xtensa_parse(p, bytes, s->addr + in, left);
    return delta_riscv_parse(p, bytes, s->addr + in, left);
}

uint32_t delta_unit_point(const struct delta_unit *u, uint32_t x, uint32_t at, uint32_t target,
                          const struct delta_registers *regs)
{
    if (u->kind >= DELTA_R_JAL)
        return delta_riscv_point(u, x, at, target, regs);
    if (u->kind >= DELTA_X_CALL)
        return delta_xtensa_point(u, x, at, target);
    return u->kind == DELTA_POINTER ? target : u->kind == DELTA_RELATIVE ? target - at : at - target;
}

uint32_t delta_unit_target(const struct delta_unit *u, uint32_t x, uint32_t at)
{
    if (u->kind == DELTA_POINTER)
        return x;
    if (u->kind == DELTA_X_CALL && (x & 15u) == 5)
        return (at & ~3u) + 4u + (delta_extend(x >> 6, 18) << 2);
    if (u->kind == DELTA_R_JAL && (x & 0x7Fu) == 0x6F)
        return at + delta_riscv_jump(x);
    return 0;
}
