/**
 * Who is in the fleet: `count` devices, each with a hardware revision, region and link drawn from the scenario's
 * shares. Deterministic: the same seed and shares give the same fleet on every machine, in any thread order.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_CHOICES_MAX 16u
#define PLAN_NAME_MAX    48u

/** A weighted list: "eu" 50, "us" 30 ... */
struct plan_choices {
    unsigned count;
    struct {
        char name[PLAN_NAME_MAX + 1];
        uint32_t weight;
    } choice[PLAN_CHOICES_MAX];
};

struct plan_hardware {
    uint8_t revision;
    uint32_t weight;
    char *flash; /* template flash file, path as written; owned; NULL: none was named */
};

struct plan {
    unsigned count;
    char prefix[33]; /* device ids are PREFIX-0001 ... */
    uint64_t seed;
    bool has_flash;
    unsigned hardware_count;
    struct plan_hardware hardware[PLAN_CHOICES_MAX];
    struct plan_choices regions, links;
    uint32_t start_spread_ms; /* first check-ins are spread over this long */
};

/** One device of the plan. Strings are borrowed from the plan, id excepted. */
struct plan_device {
    char id[48];
    const struct plan_hardware *hardware;
    const char *region, *link; /* NULL when the plan names none */
    uint32_t start_ms;
};

/**
 * Read the scenario's "fleet" object. Unknown keys are refused by name.
 * @param has_flash  devices with flashes of their own: each hardware revision needs a template, and 100,000 are enough
 * @return 0, or -1 with a message naming what and where in `err`. plan_fini() in both cases.
 */
int plan_read(const json_t *fleet, bool has_flash, struct plan *out, char *err, size_t err_len);
void plan_fini(struct plan *plan);

/** Device `index` (0-based, < count). */
struct plan_device plan_device(const struct plan *plan, unsigned index);

#endif
