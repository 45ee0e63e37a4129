/**
 * The boot decision on a flash file: what a genuine bootloader would do with it, and why.
 *
 *     struct flash_boot_options o = {.config = {.rollback = true}};
 *     st = flash_boot(&layout, &o, &result);      // OT_OK or OT_E_NO_BOOT
 *
 * Without `write` nothing is changed: otadata afterwards is in the result all the same.
 */
#ifndef TOOLS_FLASH_BOOT_H
#define TOOLS_FLASH_BOOT_H

#include "base/flash_layout.h"
#include "otaria/boot.h"

struct flash_boot_options {
    struct ot_boot_config config;
    struct efuses *fuses;   /* NULL: a chip with nothing burned. Its anti-rollback version may be raised */
    const char *efuse_path; /* where a raised version is saved at once, if `write`; NULL: nowhere */
    const struct ot_trust_set *trust; /* NULL: signatures are looked at only if the eFuses ask for it */
    bool write;
};

enum ot_status flash_boot(const struct flash_layout *layout, const struct flash_boot_options *options,
                          struct ot_boot_result *out);

/** What flash_boot() asks of an image before it boots it. */
enum ot_status flash_boot_verify(const struct flash_layout *layout, const struct flash_boot_options *options,
                                 int slot);

#endif
