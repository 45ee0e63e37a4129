/**
 * A port in memory whose every answer a test can script: for what no scenario of a real device provokes.
 *
 *     struct fake_port f;
 *     fake_port_start(&f);                        // two slots, ota_0 runs, journal empty, enrolled nowhere
 *     fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 1, 2);   // after one good call two fail
 *     fake_agent(&f, &agent);                     // an idle agent on it, as after a quiet start
 *
 * Honest where nothing is scripted: slots hold what is put there and take each byte once between erases, the journal holds
 * what was set, otadata is what was asked for, and the refusals P1-P5 and P7 of agent/port.h are there. No NOR semantics
 * beyond that, no signatures, no boot: the matrix has those.
 */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

#include "agent/agent.h"

#define FAKE_SLOT_BYTES 131072u

enum fake_call {
    FAKE_FACTS,
    FAKE_SLOT_READ,
    FAKE_SLOT_ERASE,
    FAKE_SLOT_WRITE,
    FAKE_BOOT_STATE,
    FAKE_FORGET,
    FAKE_SET_BOOT,
    FAKE_MARK_VALID,
    FAKE_MARK_INVALID,
    FAKE_RAISE,
    FAKE_REVOKE,
    FAKE_JOURNAL_GET,
    FAKE_JOURNAL_SET,
    FAKE_POST,
    FAKE_OPEN,
    FAKE_READ,
    FAKE_CALLS
};

struct fake_port {
    struct ot_port port;
    struct ot_facts facts;
    struct ot_boot_state boot;
    uint8_t slots[2][FAKE_SLOT_BYTES];
    uint8_t records[OT_JOURNAL_KEYS][OT_JOURNAL_RECORD_MAX];
    uint32_t record_bytes[OT_JOURNAL_KEYS];
    /* what goes wrong, and how often what was called */
    enum ot_status fails[FAKE_CALLS];
    uint32_t good[FAKE_CALLS], bad[FAKE_CALLS], calls[FAKE_CALLS];
    /* network: replies in turn, the last one again and again */
    const char *replies[4];
    unsigned reply;
    int http_status, open_http_status; /* of posts, of downloads */
    uint8_t posted[4096];              /* the last body that was sent */
    uint32_t posted_bytes;
    const uint8_t *object;                      /* what get_open gives */
    uint32_t object_bytes, object_at, read_max; /* 0: as much as is asked for */
    const char *enrolment_token;
    /* application */
    enum ot_self_test_state self_test;
    enum ot_status self_test_reason;
    const char *failed_check;
    bool may_restart;
    uint32_t metric_count;
    struct ot_wire_metric metrics[OT_WIRE_METRICS_MAX];
    uint64_t now_ms;
    uint32_t random, resets, logged;
};

void fake_port_start(struct fake_port *f);
/** After `good` more good calls the next `bad` return `status`. */
void fake_fail(struct fake_port *f, enum fake_call call, enum ot_status status, uint32_t good, uint32_t bad);
void fake_put_image(struct fake_port *f, int slot, const uint8_t *bytes, uint32_t size);
/** An agent on this port, as ot_agent_start() leaves it; its status. */
enum ot_status fake_agent(struct fake_port *f, struct ot_agent *a);
/** Run until the state changes, or `most` pieces of work are done. Returns the state. */
enum ot_agent_state fake_run(struct fake_port *f, struct ot_agent *a, unsigned most);

#endif
