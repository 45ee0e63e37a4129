/**
 * otadata: two 32-byte entries, one at the start of each of two sectors. Layout, predicates and what a torn write
 * means: docs/formats.md "otadata". The CRC covers the four sequence bytes only: the state is protected by nothing,
 * which is why the agent's journal, not otadata, decides whether a self test is owed.
 */
#ifndef OTARIA_OTADATA_H
#define OTARIA_OTADATA_H

#include "otaria/status.h"

#include <stdbool.h>
#include <stdint.h>

#define OT_OTADATA_ENTRY_BYTES 32u
#define OT_OTADATA_SEQ_EMPTY   0xFFFFFFFFu
#define OT_OTADATA_SEQ_LIMIT   0xFFFFFFF0u /* the virtual device refuses sequences from here on */

enum ot_ota_state {
    OT_OTA_NEW = 0,
    OT_OTA_PENDING = 1,
    OT_OTA_VALID = 2,
    OT_OTA_INVALID = 3,
    OT_OTA_ABORTED = 4,
};
#define OT_OTA_UNDEFINED 0xFFFFFFFFu

struct ot_otadata_entry {
    uint32_t seq;
    uint8_t label[20]; /* unused by anybody; survives every rewrite */
    uint32_t state;    /* enum ot_ota_state, OT_OTA_UNDEFINED, or anything a torn write left */
    uint32_t crc;
};

void ot_otadata_parse(const uint8_t bytes[OT_OTADATA_ENTRY_BYTES], struct ot_otadata_entry *out);
void ot_otadata_format(const struct ot_otadata_entry *e, uint8_t out[OT_OTADATA_ENTRY_BYTES]);

/** An erased entry. */
struct ot_otadata_entry ot_otadata_blank(void);
/** A fresh entry: label FF, right CRC. */
struct ot_otadata_entry ot_otadata_make(uint32_t seq, uint32_t state);

uint32_t ot_otadata_crc(uint32_t seq);
bool ot_otadata_crc_ok(const struct ot_otadata_entry *e);
/** Sequence empty, or state INVALID or ABORTED. The CRC is not looked at: that is what genuine bootloaders do. */
bool ot_otadata_unusable(const struct ot_otadata_entry *e);
/** Not unusable and CRC right. */
bool ot_otadata_usable(const struct ot_otadata_entry *e);
/** 0 or 1: the usable entry with the larger sequence, entry 0 on a tie; -1 when none is usable. */
int ot_otadata_active(const struct ot_otadata_entry e[2]);
/** (seq - 1) mod ota_count in 32-bit arithmetic; ota_count >= 1. */
uint32_t ot_otadata_slot(const struct ot_otadata_entry *e, uint32_t ota_count);
/** "new", "pending", "valid", "invalid", "aborted", "undefined", "unknown". */
const char *ot_ota_state_name(uint32_t state);

/** One rewrite of an entry: always erase the sector, then program 32 bytes. */
struct ot_otadata_write {
    bool needed;
    uint8_t sector; /* 0 or 1 */
    struct ot_otadata_entry entry;
};

/**
 * What selecting OTA slot `slot` must write (the rules of esp_ota_set_boot_partition, IDF >= 6.0).
 *
 * The caller has verified the image before and performs the write last.
 * @param rollback  Bootloader built with rollback: state NEW, else UNDEFINED.
 * @return OT_OK, OT_E_ARGUMENT (slot >= ota_count), OT_E_OTADATA_SEQ.
 */
OT_CHECKED enum ot_status ot_otadata_select(const struct ot_otadata_entry e[2], uint32_t slot,
                                            uint32_t ota_count, bool rollback, struct ot_otadata_write *out);

/**
 * What marking the *active* entry VALID or INVALID must write. The caller has checked that the running slot is the
 * slot this entry selects: on a fallback boot this would bless the broken slot.
 * @return OT_OK (`needed` false when already so), OT_E_STATE when no entry is active.
 */
OT_CHECKED enum ot_status ot_otadata_mark(const struct ot_otadata_entry e[2], uint32_t state,
                                          struct ot_otadata_write *out);

#endif
