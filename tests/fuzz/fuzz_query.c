/*
 * Any bytes as a filter: refused with a place inside the text and a message, or read; then what is printed reads back,
 * prints the same, and matches the same devices. A refused filter matches nothing.
 */
#include "fuzz.h"
#include "query/device.h"

#include <stdio.h>
#include <string.h>

#define DEVICES 4u

static bool is_attribute(const void *of, const char *name)
{
    (void)of;
    return name[0] == 's';
}

static const char *tag_at(const void *of, unsigned index)
{
    (void)of;
    return index < 2 ? index == 0 ? "lab" : "x" : NULL;
}

/* One that never checked in, and three that differ in everything. */
static struct ot_wire_check_in facts_of(unsigned i)
{
    static const char *const versions[] = {"", "1.2.0-rc.1", "1.10", "banana"};
    struct ot_wire_check_in f = {.chip_id = (uint16_t)(i * 4), .hardware_revision = (uint8_t)i};
    f.running = (struct ot_wire_slot){.present = i > 0, .slot = (int8_t)i, .release = i, .state = i};
    snprintf(f.running.version, sizeof f.running.version, "%s", versions[i]);
    memset(f.running.digest.bytes, (int)(i * 0x5A), sizeof f.running.digest.bytes);
    f.key_count = f.revoked_count = (uint8_t)i;
    f.health.uptime_s = (uint64_t)i * 86400u;
    f.attribute_count = (uint8_t)(i % 2);
    f.attributes[0] = (struct ot_wire_attribute){.name = "site", .value = "a *b"};
    f.metric_count = (uint8_t)(i / 2);
    f.metrics[0] = (struct ot_wire_metric){.name = "rssi", .value = 1 - (int64_t)i};
    return f;
}

static unsigned matching(const struct query *q)
{
    unsigned found = 0;
    for (unsigned i = 0; i < DEVICES; i++) {
        struct ot_wire_check_in facts = facts_of(i);
        struct query_device d = {.id = "lamp-1",
                                 .facts = &facts,
                                 .has_checked_in = i > 0,
                                 .first_seen_ms = 1000,
                                 .last_seen_ms = (uint64_t)i * 86400000u,
                                 .tag_at = i == 2 ? tag_at : NULL};
        struct query_subject s = query_device(&d);
        found |= (unsigned)query_matches(q, &s, 200000000u) << i;
    }
    return found;
}

static void check_refusal(const struct query *q, const struct query_error *e, size_t size)
{
    HOLDS(e->at <= size && e->message[0] != '\0' && memchr(e->message, '\0', sizeof e->message) != NULL);
    HOLDS(matching(q) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct query_attributes known = {.is_known = is_attribute};
    struct query q, again;
    struct query_error e;
    char text[QUERY_TEXT_MAX + 1], twice[QUERY_TEXT_MAX + 1];
    if (query_parse((const char *)data, size, &known, &q, &e) != 0) {
        check_refusal(&q, &e, size);
        return 0;
    }
    HOLDS(q.node_count <= QUERY_NODES_MAX && q.term_count <= QUERY_TERMS_MAX);
    query_print(&q, text);
    HOLDS(query_parse(text, strlen(text), NULL, &again, &e) == 0);
    query_print(&again, twice);
    HOLDS(strcmp(text, twice) == 0);
    HOLDS(matching(&q) == matching(&again));
    return 0;
}
