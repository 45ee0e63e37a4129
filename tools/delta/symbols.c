/* See symbols.h. */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const struct delta_elf_symbol *x = a, *y = b;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int by_addr(const void *a, const void *b)
{
    const struct delta_symbol *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static struct delta_elf_symbol *sorted(const struct delta_elf *elf)
{
    struct delta_elf_symbol *list = malloc((elf->symbol_count + 1u) * sizeof *list);
    if (list == NULL)
        return NULL;
    memcpy(list, elf->symbols, elf->symbol_count * sizeof *list);
    qsort(list, elf->symbol_count, sizeof *list, by_name);
    return list;
}

static uint32_t run_length(const struct delta_elf_symbol *list, uint32_t at, uint32_t count)
{
    uint32_t n = 1;
    while (at + n < count && list[at + n].name == list[at].name)
        n++;
    return n;
}

static void add(struct delta_symbols *s, const struct delta_elf_symbol *old,
                const struct delta_elf_symbol *now)
{
    uint32_t id = s->old.count++;
    s->now.count++;
    s->pairs[0][id] = (struct delta_symbol){.addr = old->addr, .size = old->size, .id = id};
    s->pairs[1][id] = (struct delta_symbol){.addr = now->addr, .size = now->size, .id = id};
}

/* A name that stands several times means the same ones, in their order, only while there are as many. */
static void pair(struct delta_symbols *s, const struct delta_elf_symbol *old, uint32_t old_count,
                 const struct delta_elf_symbol *now, uint32_t now_count)
{
    for (uint32_t i = 0, j = 0; i < old_count && j < now_count;) {
        uint32_t n = run_length(old, i, old_count), m = run_length(now, j, now_count);
        if (old[i].name == now[j].name) {
            for (uint32_t k = 0; n == m && k < n; k++)
                add(s, &old[i + k], &now[j + k]);
            i += n;
            j += m;
        } else if (old[i].name < now[j].name) {
            i += n;
        } else {
            j += m;
        }
    }
}

static bool sort_list(struct delta_symbol_list *l, const struct delta_symbol *pairs)
{
    l->list = malloc((l->count + 1u) * sizeof *l->list);
    if (l->list == NULL)
        return false;
    memcpy(l->list, pairs, l->count * sizeof *l->list);
    qsort(l->list, l->count, sizeof *l->list, by_addr);
    return true;
}

bool delta_symbols_pair(struct delta_symbols *s, const struct delta_elf *old, const struct delta_elf *now)
{
    uint32_t most = old->symbol_count < now->symbol_count ? old->symbol_count : now->symbol_count;
    struct delta_elf_symbol *a = sorted(old), *b = sorted(now);
    *s = (struct delta_symbols){0};
    s->pairs[0] = malloc((most + 1u) * sizeof *s->pairs[0]);
    s->pairs[1] = malloc((most + 1u) * sizeof *s->pairs[1]);
    bool ok = a != NULL && b != NULL && s->pairs[0] != NULL && s->pairs[1] != NULL;
    if (ok) {
        pair(s, a, old->symbol_count, b, now->symbol_count);
        ok = sort_list(&s->old, s->pairs[0]) && sort_list(&s->now, s->pairs[1]);
    }
    free(a);
    free(b);
    if (!ok)
        delta_symbols_free(s);
    return ok;
}

void delta_symbols_free(struct delta_symbols *s)
{
    free(s->old.list);
    free(s->now.list);
    free(s->pairs[0]);
    free(s->pairs[1]);
    *s = (struct delta_symbols){0};
}

static int by_place(const void *a, const void *b)
{
    const struct delta_anchor *x = a, *y = b;
    if (x->now != y->now)
        return x->now < y->now ? -1 : 1;
    return x->old < y->old ? -1 : x->old > y->old;
}

bool delta_symbols_anchors(const struct delta_symbols *s, const struct delta_layout *old,
                           const struct delta_layout *now, struct delta_anchors *out)
{
    *out = (struct delta_anchors){0};
    if (s == NULL)
        return true;
    out->list = malloc((s->old.count + 1u) * sizeof *out->list);
    if (out->list == NULL)
        return false;
    for (uint32_t i = 0; i < s->old.count; i++) {
        struct delta_anchor a = {.old = delta_layout_offset(old, s->pairs[0][i].addr),
                                 .now = delta_layout_offset(now, s->pairs[1][i].addr)};
        if (a.old != DELTA_NOWHERE && a.now != DELTA_NOWHERE)
            out->list[out->count++] = a;
    }
    qsort(out->list, out->count, sizeof *out->list, by_place);
    return true;
}

uint32_t delta_symbol_label(const struct delta_symbol_list *l, uint32_t addr)
{
    uint32_t low = 0, high = l != NULL ? l->count : 0;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (l->list[mid].addr <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == 0)
        return 0;
    uint32_t into = addr - l->list[low - 1].addr;
    while (low > 1 &&
           l->list[low - 2].addr == l->list[low - 1].addr) /* of several names of a place the first */
        low--;
    if (into != 0 && into >= l->list[low - 1].size)
        return 0;
    uint32_t h = (l->list[low - 1].id + 1u) * 0x9E3779B1u ^ (into + 1u) * 0x85EBCA6Bu;
    h ^= h >> 15;
    return h * 0x2C1B3C6Du | 1u;
}
