/**
 * The hash chain of the audit log: each entry's hash covers the one before, so an edit or a deletion breaks the chain from
 * there on. The server makes it, `otaria audit verify` checks it from outside.
 *
 * hash = SHA-256(hash before (32 bytes; zeros before the first) ‖ "SEQ|AT_MS" 0 ‖ who 0 ‖ action 0 ‖ object 0 ‖ detail 0),
 * numbers in decimal, texts in UTF-8. A zero byte cannot stand in a text, so no two entries give the same bytes.
 */
#ifndef BASE_AUDIT_CHAIN_H
#define BASE_AUDIT_CHAIN_H

#include "otaria/crypto.h"

#include <stdint.h>

struct audit_entry {
    int64_t seq;   /* 1, 2, 3 ... */
    int64_t at_ms; /* wall clock, milliseconds since 1970 */
    const char *who, *action, *object, *detail;
};

/** `hash`: of the entry before; becomes this entry's. */
void audit_chain_add(const struct audit_entry *entry, struct ot_digest *hash);

#endif
