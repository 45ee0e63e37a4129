/* Whole-flash images: judged first, then written under a temporary name and renamed. */
#include "tools/flash_image.h"

#include "base/flash_file.h"
#include "base/flash_layout.h"
#include "base/nvs_page.h"
#include "otaria/bytes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMESPACE    "otaria"
#define HW_REV_MAX   63u
#define CHIP_ID_AT   12u
#define HEADER_BYTES 24u

static uint32_t table_offset(const struct flash_image_spec *spec)
{
    return spec->table_offset != 0 ? spec->table_offset : OT_TABLE_OFFSET_DEFAULT;
}

int flash_image_add_slot(struct flash_image_spec *spec, const char *slot, const uint8_t *bytes, size_t len,
                         struct error *err)
{
    struct ot_slots slots;
    int number = ot_slot_from_name(slot);
    ot_table_slots(spec->table, spec->table_count, &slots);
    const struct ot_partition *p = number != OT_SLOT_NONE ? ot_slots_partition(&slots, number) : NULL;
    if (p == NULL)
        return error_set(err, "slot %s: the partition table has no such slot", slot);
    for (unsigned i = 0; i < spec->slot_count; i++) {
        if (spec->slots[i].slot == number)
            return error_set(err, "slot %s: given twice", slot);
    }
    if (len == 0 || len > p->size)
        return error_set(err, "slot %s: the image has %zu bytes, the slot 0x%x (%u)", slot, len, p->size,
                         p->size);
    spec->slots[spec->slot_count++] = (struct flash_slot_content){.slot = number, .bytes = bytes, .len = len};
    return 0;
}

/* --- factory data --- */

bool flash_factory_is_empty(const struct flash_factory *f)
{
    return f->device_id == NULL && f->product == NULL && !f->has_hw_rev && f->trust_count == 0 &&
           !f->refuses_undescribed;
}

static int check_factory(const struct flash_factory *f, struct error *err)
{
    if (f->device_id != NULL &&
        (strlen(f->device_id) > OT_DEVICE_ID_MAX || !ot_wire_is_device_id(f->device_id)))
        return error_set(err, "device id \"%s\": 1 to %u of A-Z a-z 0-9 . _ : -", f->device_id,
                         OT_DEVICE_ID_MAX);
    if (f->product != NULL && (*f->product == '\0' || strlen(f->product) > OT_PRODUCT_MAX))
        return error_set(err, "product \"%s\": 1 to %u bytes", f->product, OT_PRODUCT_MAX);
    if (f->has_hw_rev && f->hw_rev > HW_REV_MAX)
        return error_set(err, "hardware revision %u: 0 to %u", f->hw_rev, HW_REV_MAX);
    if (f->trust_count > OT_WIRE_KEYS_MAX)
        return error_set(err, "%u trusted keys: a device holds %u", f->trust_count, OT_WIRE_KEYS_MAX);
    return 0;
}

static int format_factory(const struct flash_factory *f, struct nvs_page *page)
{
    int failed = 0;
    nvs_page_start(page, NAMESPACE);
    if (f->device_id != NULL)
        failed |= nvs_page_put_string(page, "device_id", f->device_id);
    if (f->has_hw_rev)
        failed |= nvs_page_put_u8(page, "hw_rev", f->hw_rev);
    if (f->product != NULL)
        failed |= nvs_page_put_string(page, "product", f->product);
    if (f->trust_count > 0)
        failed |= nvs_page_put_blob(page, "trust", f->trust[0].bytes, f->trust_count * sizeof f->trust[0]);
    if (f->refuses_undescribed)
        failed |= nvs_page_put_u8(page, "undescribed", 0);
    return failed;
}

/* --- judged before anything is written --- */

static int check_bootloader(const struct flash_image_spec *spec, struct error *err)
{
    const uint8_t *b = spec->bootloader;
    if (b == NULL)
        return 0;
    if (spec->chip == NULL)
        return error_set(err, "a bootloader needs a chip: where it lies depends on it");
    if (spec->bootloader_len < HEADER_BYTES || b[0] != OT_IMAGE_MAGIC)
        return error_set(err, "bootloader: %s", ot_status_text(OT_E_IMAGE_MAGIC));
    if (ot_load16(b + CHIP_ID_AT) != spec->chip->id)
        return error_set(err, "bootloader: made for chip 0x%04x, not for %s", ot_load16(b + CHIP_ID_AT),
                         spec->chip->name);
    uint32_t room = table_offset(spec) - spec->chip->bootloader_offset;
    if (table_offset(spec) < spec->chip->bootloader_offset || spec->bootloader_len > room)
        return error_set(err, "bootloader: %zu bytes at 0x%x run into the partition table at 0x%x",
                         spec->bootloader_len, spec->chip->bootloader_offset, table_offset(spec));
    return 0;
}

static int check_table(const struct flash_image_spec *spec, struct error *err)
{
    uint32_t at = table_offset(spec), end = at + FLASH_SECTOR_BYTES, count;
    enum ot_status st = ot_table_parse(spec->table, spec->flash_bytes, &count);
    if (st != OT_OK)
        return error_set(err, "partition table: %s", ot_status_text(st));
    if (at % FLASH_SECTOR_BYTES != 0 || at >= spec->flash_bytes)
        return error_set(err, "partition table offset 0x%x: must be a sector of the flash", at);
    for (uint32_t i = 0; i < spec->table_count; i++) {
        struct ot_partition p = ot_table_entry(spec->table, i);
        if (p.type != OT_PART_BOOTLOADER && p.type != OT_PART_TABLE && p.offset < end)
            return error_set(err, "partition %s at 0x%x lies on or below the partition table at 0x%x",
                             p.label, p.offset, at);
    }
    return 0;
}

static int check_otadata(const struct flash_image_spec *spec, struct error *err)
{
    struct ot_slots slots;
    ot_table_slots(spec->table, spec->table_count, &slots);
    if (!spec->has_otadata)
        return 0;
    if (!slots.has_otadata || slots.otadata.size < OT_OTADATA_BYTES)
        return error_set(err, "otadata: %s", ot_status_text(OT_E_TABLE_OTADATA));
    return 0;
}

static int check(const struct flash_image_spec *spec, struct error *err)
{
    struct ot_partition place;
    if (check_table(spec, err) != 0 || check_bootloader(spec, err) != 0 || check_otadata(spec, err) != 0 ||
        check_factory(&spec->factory, err) != 0)
        return -1;
    if (!flash_factory_is_empty(&spec->factory) &&
        flash_factory_place(spec->table, spec->table_count, &place) != 0)
        return error_set(err,
                         "factory data: the table has no NVS partition `fctry`, nor `nvs` of 0x3000 bytes");
    return 0;
}

/* --- writing --- */

static bool is_erased(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0xFF)
            return false;
    }
    return true;
}

/* Sectors of FF stay holes. */
static int put(const struct flash *f, uint32_t offset, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += FLASH_SECTOR_BYTES) {
        size_t n = len - at < FLASH_SECTOR_BYTES ? len - at : FLASH_SECTOR_BYTES;
        if (!is_erased(bytes + at, n) &&
            flash_program(f, offset + (uint32_t)at, bytes + at, (uint32_t)n) != 0)
            return -1;
    }
    return 0;
}

static int put_slots(const struct flash *f, const struct flash_image_spec *spec, const struct ot_slots *slots)
{
    for (unsigned i = 0; i < spec->slot_count; i++) {
        const struct flash_slot_content *c = &spec->slots[i];
        if (put(f, ot_slots_partition(slots, c->slot)->offset, c->bytes, c->len) != 0)
            return -1;
    }
    return 0;
}

static int put_otadata(const struct flash *f, const struct flash_image_spec *spec,
                       const struct ot_slots *slots)
{
    uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
    for (unsigned i = 0; spec->has_otadata && i < 2; i++) {
        ot_otadata_format(&spec->otadata[i], bytes);
        if (put(f, slots->otadata.offset + i * FLASH_SECTOR_BYTES, bytes, sizeof bytes) != 0)
            return -1;
    }
    return 0;
}

static int put_factory(const struct flash *f, const struct flash_image_spec *spec)
{
    struct nvs_page page;
    struct ot_partition place;
    if (flash_factory_is_empty(&spec->factory))
        return 0;
    if (format_factory(&spec->factory, &page) != 0 ||
        flash_factory_place(spec->table, spec->table_count, &place) != 0)
        return -1;
    return put(f, place.offset, page.bytes, sizeof page.bytes);
}

static int put_all(const struct flash *f, const struct flash_image_spec *spec)
{
    struct ot_slots slots;
    ot_table_slots(spec->table, spec->table_count, &slots);
    if (spec->bootloader != NULL &&
        put(f, spec->chip->bootloader_offset, spec->bootloader, spec->bootloader_len) != 0)
        return -1;
    if (put(f, table_offset(spec), spec->table, OT_TABLE_BYTES) != 0 || put_slots(f, spec, &slots) != 0 ||
        put_otadata(f, spec, &slots) != 0)
        return -1;
    return put_factory(f, spec);
}

int flash_image_create(const char *path, const struct flash_image_spec *spec, struct error *err)
{
    char tmp[PATH_MAX];
    struct flash_file f;
    int n = snprintf(tmp, sizeof tmp, "%s.tmp.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof tmp)
        return error_set(err, "%s: path too long", path);
    if (check(spec, err) != 0)
        return -1;
    unlink(tmp);
    if (flash_file_create(&f, tmp, spec->flash_bytes, err) != 0)
        return -1;
    errno = 0;
    bool failed = put_all(&f.flash, spec) != 0 || fsync(f.fd) != 0;
    int cause = errno;
    flash_file_close(&f);
    if (!failed && rename(tmp, path) == 0)
        return 0;
    cause = failed ? cause : errno;
    unlink(tmp);
    return error_set(err, "%s: cannot be written: %s", path,
                     cause != 0 ? strerror(cause) : "parts of it overlap");
}
