/* The chip of the boot tests. */
#include "boot_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- otadata as text --- */

static struct ot_otadata_entry entry_from(const char *text)
{
    static const char *const names[] = {"new", "pending", "valid", "invalid", "aborted"};
    if (strcmp(text, "-") == 0)
        return ot_otadata_blank();
    bool broken = *text == '!';
    char *state;
    uint32_t number = OT_OTA_UNDEFINED;
    uint32_t seq = (uint32_t)strtoul(text + (broken ? 1 : 0), &state, 0);
    if (*state != ':')
        abort();
    state++;
    for (uint32_t i = 0; i < 5; i++) {
        if (strcmp(state, names[i]) == 0)
            number = i;
    }
    if (*state >= '0' && *state <= '9')
        number = (uint32_t)strtoul(state, NULL, 0);
    struct ot_otadata_entry e = ot_otadata_make(seq, number);
    if (broken)
        e.crc ^= 0xFFFFFFFFu;
    return e;
}

void boot_world_set_otadata(struct boot_world *w, const char *text)
{
    char copy[100];
    snprintf(copy, sizeof copy, "%s", text);
    char *comma = strchr(copy, ',');
    if (comma == NULL)
        abort();
    *comma = '\0';
    const struct ot_otadata_entry first = entry_from(copy), second = entry_from(comma + 1);
    ot_otadata_format(&first, w->flash[0]);
    ot_otadata_format(&second, w->flash[1]);
}

static void entry_to(const uint8_t *bytes, char *out, size_t len)
{
    struct ot_otadata_entry e;
    ot_otadata_parse(bytes, &e);
    const struct ot_otadata_entry blank = ot_otadata_blank();
    const char *name = ot_ota_state_name(e.state);
    char number[12];
    snprintf(number, sizeof number, "0x%x", e.state);
    if (memcmp(&e, &blank, sizeof e) == 0)
        snprintf(out, len, "-");
    else
        snprintf(out, len, "%s%u:%s", ot_otadata_crc_ok(&e) ? "" : "!", e.seq,
                 strcmp(name, "unknown") == 0 ? number : name);
}

const char *boot_world_otadata(const struct boot_world *w, char *buf)
{
    char first[40], second[40];
    entry_to(w->flash[0], first, sizeof first);
    entry_to(w->flash[1], second, sizeof second);
    snprintf(buf, 100, "%s,%s", first, second);
    return buf;
}

const char *boot_world_tried(const struct ot_boot_result *r, char *buf)
{
    char name[8];
    buf[0] = '\0';
    for (unsigned i = 0; i < r->tried_count; i++) {
        if (i > 0)
            strcat(buf, " ");
        strcat(buf, ot_slot_name(r->tried[i], name));
    }
    return buf;
}

void boot_world_make(struct boot_world *w, unsigned ota_count, bool factory, const char *otadata)
{
    memset(w, 0, sizeof *w);
    w->bad = "";
    w->cut_after_bytes = WHOLE_WRITES;
    w->slots.has_otadata = true;
    w->slots.otadata =
        (struct ot_partition){.type = OT_PART_DATA, .offset = 0xF000, .size = OT_OTADATA_BYTES};
    w->slots.has_factory = factory;
    w->slots.ota_count = w->slots.contiguous = (uint8_t)ota_count;
    for (unsigned i = 0; i < ota_count; i++) {
        w->slots.ota_present = (uint16_t)(w->slots.ota_present | (1u << i));
        w->slots.ota[i] = (struct ot_partition){.offset = 0x20000 + i * 0x100000, .size = 0x100000};
    }
    boot_world_set_otadata(w, otadata);
}

/* --- the port --- */

static void note(struct boot_world *w, const char *what)
{
    if (strlen(w->log) + strlen(what) + 2 < sizeof w->log) {
        strcat(w->log, what);
        strcat(w->log, " ");
    }
}

static enum ot_status read_entry(void *ctx, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    struct boot_world *w = ctx;
    memcpy(out, w->flash[index], OT_OTADATA_ENTRY_BYTES);
    return w->read_fails ? OT_E_READ : OT_OK;
}

static enum ot_status write_entry(void *ctx, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    struct boot_world *w = ctx;
    size_t len = OT_OTADATA_ENTRY_BYTES;
    note(w, index == 0 ? "w0" : "w1");
    w->writes++;
    if (w->power_lost)
        return OT_OK; /* nobody sees what happens behind a cut */
    if (w->write_fails)
        return OT_E_FLASH_WRITE;
    w->power_lost = w->cut_after_bytes != WHOLE_WRITES;
    if (w->cut_after_bytes == CUT_BEFORE_ERASE)
        return OT_OK;
    if (w->power_lost)
        len = (size_t)w->cut_after_bytes;
    memset(w->flash[index], 0xFF, OT_OTADATA_ENTRY_BYTES);
    memcpy(w->flash[index], bytes, len);
    return OT_OK;
}

void boot_world_write(struct boot_world *w, const struct ot_otadata_write *write)
{
    uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
    ot_otadata_format(&write->entry, bytes);
    if (write->needed)
        (void)!write_entry(w, write->sector, bytes);
}

void boot_world_power_up(struct boot_world *w)
{
    w->power_lost = false;
    w->cut_after_bytes = WHOLE_WRITES;
}

static enum ot_status verify(void *ctx, int slot)
{
    struct boot_world *w = ctx;
    char name[8], text[12];
    snprintf(text, sizeof text, "v:%s", ot_slot_name(slot, name));
    note(w, text);
    return strstr(w->bad, text + 2) != NULL ? OT_E_IMAGE_DIGEST : OT_OK;
}

static enum ot_status image_secure_version(void *ctx, int slot, uint32_t *out)
{
    const struct boot_world *w = ctx;
    int version = w->version[slot < 0 || slot >= 16 ? 16 : slot];
    *out = version < 0 ? 0 : (uint32_t)version;
    return version < 0 ? OT_E_IMAGE_APP_DESC : OT_OK;
}

static uint32_t chip_secure_version(void *ctx)
{
    const struct boot_world *w = ctx;
    return w->chip_version;
}

static enum ot_status burn_secure_version(void *ctx, uint32_t version)
{
    struct boot_world *w = ctx;
    note(w, "burn");
    w->burns++;
    w->chip_version = version;
    return OT_OK;
}

enum ot_status boot_world_boot(struct boot_world *w, struct ot_boot_config config, struct ot_boot_result *out)
{
    const struct ot_boot_port port = {
        w, read_entry, write_entry, verify, image_secure_version, chip_secure_version, burn_secure_version};
    return ot_boot_decide(&w->slots, &config, &port, out);
}
