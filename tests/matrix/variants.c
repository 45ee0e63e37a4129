/* The variants: see variants.h. */
#include "variants.h"

#define PREFIX(n)                                                                                            \
    {                                                                                                        \
        NOR_TEAR_PREFIX, (n), 0, false, "prefix-" #n                                                         \
    }
#define PART(n, m)                                                                                           \
    {                                                                                                        \
        NOR_TEAR_PREFIX, (n), (m), false, "part-" #n "/" #m                                                  \
    }
#define WORDS(n, what)                                                                                       \
    {                                                                                                        \
        NOR_TEAR_WORDS, (n), 0, false, "words-" what                                                         \
    }
#define BITS(n)                                                                                              \
    {                                                                                                        \
        NOR_TEAR_BITS, (n), 0, false, "bits-" #n                                                             \
    }
#define UNSTABLE(n)                                                                                          \
    {                                                                                                        \
        NOR_TEAR_UNSTABLE, (n), 0, false, "unstable-" #n                                                     \
    }
#define WEAK(n)                                                                                              \
    {                                                                                                        \
        NOR_TEAR_WEAK, (n), 0, false, "weak-" #n                                                             \
    }
#define NOT_DONE                                                                                             \
    {                                                                                                        \
        NOR_TEAR_NOT_DONE, 0, 0, false, "not-done"                                                           \
    }
#define DONE                                                                                                 \
    {                                                                                                        \
        NOR_TEAR_DONE, 0, 0, false, "done"                                                                   \
    }
#define DISTURB                                                                                              \
    {                                                                                                        \
        NOR_TEAR_DISTURB, 0, 0, false, "disturb"                                                             \
    }
#define NO_OP                                                                                                \
    {                                                                                                        \
        NOR_TEAR_NOT_DONE, 0, 0, true, "no-op"                                                               \
    }

static const struct variant record_program[] = {
    NOT_DONE,         DONE,
    PREFIX(1),        PREFIX(4),
    PREFIX(8),        PREFIX(16),
    PREFIX(24),       PREFIX(28),
    PREFIX(30),       PREFIX(31),
    WORDS(0, "last"), WORDS(1, "but-first"),
    WORDS(2, "even"), WORDS(3, "odd"),
    BITS(1),          BITS(2),
    BITS(3),          BITS(4),
    BITS(5),          BITS(6),
    UNSTABLE(1),      UNSTABLE(2),
    DISTURB,          NO_OP,
};
static const struct variant record_erase[] = {
    NOT_DONE, DONE,    PART(1, 128), PART(1, 4), PART(1, 2), PART(127, 128), BITS(1),     BITS(2),
    BITS(3),  BITS(4), BITS(5),      BITS(6),    WEAK(1),    WEAK(2),        UNSTABLE(1), UNSTABLE(2),
};
static const struct variant image_program[] = {
    NOT_DONE, DONE,    PREFIX(1), PART(1, 4), PART(1, 2),  PREFIX(255),
    BITS(1),  BITS(2), BITS(3),   BITS(4),    UNSTABLE(1), NO_OP,
};
static const struct variant image_erase[] = {
    NOT_DONE, DONE, PART(1, 4), PART(1, 2), PART(3, 4), BITS(1), BITS(2), BITS(3), WEAK(1), UNSTABLE(1),
};

static const struct variant burn[] = {
    NOT_DONE, DONE, PART(1, 2), BITS(1), BITS(2), NO_OP,
};

#define COUNT(table) (unsigned)(sizeof(table) / sizeof(table)[0])

static const struct {
    const struct variant *list;
    unsigned count;
    const char *name;
} kinds[OPERATION_KINDS] = {
    [OPERATION_RECORD_PROGRAM] = {record_program, COUNT(record_program), "program of a record"},
    [OPERATION_RECORD_ERASE] = {record_erase, COUNT(record_erase), "erase of a record sector"},
    [OPERATION_IMAGE_PROGRAM] = {image_program, COUNT(image_program), "program of an image page"},
    [OPERATION_IMAGE_ERASE] = {image_erase, COUNT(image_erase), "erase of an image sector"},
    [OPERATION_BURN] = {burn, COUNT(burn), "burn of eFuses"},
};

unsigned variant_count(enum operation_kind kind)
{
    return kinds[kind].count;
}

const struct variant *variant_get(enum operation_kind kind, unsigned index)
{
    return &kinds[kind].list[index];
}

const char *operation_kind_name(enum operation_kind kind)
{
    return kinds[kind].name;
}

void variant_apply(struct nor *nor, const struct nor_command *command, const struct variant *v, uint64_t seed)
{
    uint32_t arg = v->of != 0 ? command->len * v->arg / v->of : v->arg;
    nor_tear(nor, command, v->kind, arg, seed * 977u + v->arg);
}
