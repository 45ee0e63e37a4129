/* See analysis.h. */
#include "analysis.h"

#include "otaria/bytes.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_TEXT 16u /* bytes of a string, code or other data that make a label */
#define LABEL_CODE 12u
#define LABEL_DATA 8u
#define AUIPC_GP   0x197u
#define ADDI_GP_GP 0x18193u

/* Value of gp that the start code sets, or 0. RISC-V only. */
static uint32_t find_gp(const uint8_t *bytes, const struct delta_layout *layout)
{
    if (layout->chip == NULL || layout->chip->arch != DELTA_RISCV)
        return 0;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct delta_segment *s = &layout->segments[i];
        for (uint32_t at = 0; s->exec && at + 8u <= s->length; at += 2) {
            uint32_t x = ot_load32(bytes + s->offset + at), y = ot_load32(bytes + s->offset + at + 4);
            if ((x & 0xFFFu) == AUIPC_GP && (y & 0xFFFFFu) == ADDI_GP_GP)
                return s->addr + at + (x & 0xFFFFF000u) + delta_extend(y >> 20, 12);
        }
    }
    return 0;
}

/* --- masks: a reference's own bits out of the way --- */

static void mask_pointer(const struct delta_layout *l, uint32_t target, uint8_t *m)
{
    uint8_t class =
        (uint8_t)(0x80u | (delta_chip_is_exec(l->chip, target) ? 1u : 0u) | (target >> 23 & 0x7Eu));
    m[0] = class;
    m[1] = 0xA1;
    m[2] = 0xA2;
    m[3] = class;
}

static void mask_unit(const struct delta_layout *l, const struct delta_unit *u, uint8_t *m)
{
    switch (u->kind) {
    case DELTA_POINTER:
        mask_pointer(l, u->target, m);
        break;
    case DELTA_BACKWARD:
        memset(m, 0xC4, 4);
        break;
    case DELTA_RELATIVE:
        memcpy(m, "\xB1\xB2\xB3\xB4", 4);
        break;
    case DELTA_X_CALL:
    case DELTA_X_JUMP:
        m[0] &= 0x3F;
        m[1] = m[2] = 0;
        break;
    case DELTA_X_L32R:
        m[1] = m[2] = 0;
        break;
    case DELTA_X_BRANCH12:
        m[1] &= 0x0F;
        m[2] = 0;
        break;
    case DELTA_X_BRANCH8:
        m[2] = 0;
        break;
    case DELTA_R_JAL:
    case DELTA_R_LUI:
    case DELTA_R_AUIPC:
        m[1] &= 0x0F;
        m[2] = m[3] = 0;
        break;
    case DELTA_R_LOW_I:
        m[2] &= 0x0F;
        m[3] = 0;
        break;
    case DELTA_R_LOW_S:
        m[0] &= 0x7F;
        m[1] &= 0xF0;
        m[3] &= 1;
        break;
    default: /* also short branches: they change little, and tell functions apart */
        break;
    }
}

/* --- labels: a hash of what stands at the target --- */

static uint32_t hash(const uint8_t *p, uint32_t n)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619u;
    return h ^ h >> 15;
}

static uint32_t text_length(const uint8_t *p, uint32_t max)
{
    uint32_t n = 0;
    while (n < max && p[n] >= 9 && p[n] < 127)
        n++;
    return n;
}

static uint32_t label(const struct delta_analysis *a, const uint8_t *masked, uint32_t target)
{
    uint32_t at = delta_layout_offset(&a->layout, target), named = delta_symbol_label(a->symbols, target);
    if (named != 0)
        return named;
    if (at == DELTA_NOWHERE) /* ROM does not move; RAM has no content */
        return target - 0x40000000u < 0x70000u ? target * 0x9E3779B1u >> 7 | 1u : 0x5A;
    const struct delta_segment *s = delta_layout_at(&a->layout, at);
    uint32_t left = s->offset + s->length - at, n = left < LABEL_TEXT ? left : LABEL_TEXT;
    if (s->exec)
        return hash(masked + at, n < LABEL_CODE ? n : LABEL_CODE) | 1u;
    uint32_t text = text_length(a->bytes + at, n);
    if (text >= 3 || text == n)
        return hash(a->bytes + at, text) | 1u;
    return hash(masked + at, n < LABEL_DATA ? n : LABEL_DATA) | 1u;
}

static void label_unit(const struct delta_analysis *a, const uint8_t *masked, uint32_t at, uint8_t *m)
{
    uint32_t target = a->targets[at], l;
    switch (a->kinds[at]) {
    case DELTA_POINTER:
        l = label(a, masked, target);
        m[1] = (uint8_t)(l >> 8);
        m[2] = (uint8_t)(l >> 16);
        break;
    case DELTA_RELATIVE:
        m[1] = (uint8_t)(label(a, masked, target) >> 8);
        break;
    case DELTA_X_CALL:
        m[2] = (uint8_t)(label(a, masked, target) >> 8);
        break;
    case DELTA_X_L32R: {
        uint32_t from = delta_layout_offset(&a->layout, target);
        if (from == DELTA_NOWHERE || from + 4u > a->size)
            break;
        uint32_t v = ot_load32(a->bytes + from);
        l = delta_chip_is_pointer(a->layout.chip, v) ? label(a, masked, v) : v * 0x9E3779B1u;
        m[2] = (uint8_t)(l >> 9);
        break;
    }
    case DELTA_R_JAL:
    case DELTA_R_LUI:
    case DELTA_R_AUIPC:
        m[3] = (uint8_t)(label(a, masked, target) >> 8);
        break;
    case DELTA_R_LOW_I:
        m[3] = (uint8_t)(label(a, masked, target) >> 10);
        break;
    default:
        break;
    }
}

static bool label_all(struct delta_analysis *a)
{
    uint8_t *masked = malloc(a->size + 1u);
    if (masked == NULL)
        return false;
    memcpy(masked, a->masked, a->size);
    for (uint32_t at = 0; at < a->size; at++) {
        if (a->kinds[at] != DELTA_NO_UNIT && a->kinds[at] >= DELTA_POINTER)
            label_unit(a, masked, at, a->masked + at);
    }
    free(masked);
    return true;
}

static void cut_segment(struct delta_analysis *a, struct delta_parser *parser, const struct delta_segment *s)
{
    delta_parser_moved(parser);
    parser->segment = s;
    parser->place = DELTA_BEHIND_JUMP;
    for (uint32_t at = s->offset, end = s->offset + s->length; at < end;) {
        struct delta_unit u = delta_parse(parser, at);
        a->kinds[at] = u.kind;
        a->targets[at] = u.target;
        mask_unit(&a->layout, &u, a->masked + at);
        at += u.length;
    }
}

static enum ot_status read_memory(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    memcpy(buf, (const uint8_t *)ctx + offset, len);
    return OT_OK;
}

bool delta_analyse(struct delta_analysis *a, const uint8_t *bytes, uint32_t size,
                   const struct delta_layout *layout, const struct delta_symbol_list *symbols)
{
    *a = (struct delta_analysis){
        .bytes = bytes, .size = size, .layout = *layout, .gp = find_gp(bytes, layout), .symbols = symbols};
    a->kinds = malloc(size + 1u);
    a->masked = malloc(size + 4u);
    a->targets = calloc(size + 1u, sizeof *a->targets);
    struct delta_reader *reader = malloc(sizeof *reader);
    bool ok = a->kinds != NULL && a->masked != NULL && a->targets != NULL && reader != NULL;
    if (ok) {
        union {
            const uint8_t *in;
            void *ctx;
        } memory = {.in = bytes};
        struct ot_source source = {.ctx = memory.ctx, .size = size, .read = read_memory};
        struct delta_parser parser;
        memset(a->kinds, DELTA_NO_UNIT, size + 1u);
        memcpy(a->masked, bytes, size);
        memset(a->masked + size, 0, 4);
        delta_reader_start(reader, &source);
        delta_parser_start(&parser, &a->layout, reader, a->gp);
        for (uint32_t i = 0; i < a->layout.count && a->layout.chip != NULL; i++)
            cut_segment(a, &parser, &a->layout.segments[i]);
        ok = label_all(a);
    }
    free(reader);
    if (!ok)
        delta_analysis_free(a);
    return ok;
}

void delta_analysis_free(struct delta_analysis *a)
{
    free(a->kinds);
    free(a->targets);
    free(a->masked);
    *a = (struct delta_analysis){0};
}
