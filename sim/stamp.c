/* Stamping a flash: see stamp.h. */
#include "stamp.h"

#include "base/flash_file.h"
#include "base/nvs_page.h"
#include "otaria/partition.h"

#include <string.h>
#include <unistd.h>

#define NAMESPACE "otaria"

static int is_erased(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != 0xFF)
            return 0;
    }
    return 1;
}

/* Sector by sector; erased ones stay holes, and the template's holes are not even read. */
static int copy_flash(const struct flash_file *from, const struct flash *to)
{
    uint8_t sector[FLASH_SECTOR_BYTES];
    for (uint32_t at = 0; (at = flash_file_next_data(from, at)) < from->flash.size;
         at += FLASH_SECTOR_BYTES) {
        if (flash_read(&from->flash, at, sector, sizeof sector) != 0)
            return -1;
        if (!is_erased(sector, sizeof sector) && flash_program(to, at, sector, sizeof sector) != 0)
            return -1;
    }
    return 0;
}

static int find_factory(const struct flash *f, uint32_t *offset)
{
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count = 0;
    struct ot_partition p;
    if (flash_read(f, OT_TABLE_OFFSET_DEFAULT, table, sizeof table) != 0 ||
        ot_table_parse(table, f->size, &count) != OT_OK)
        return -1;
    if (ot_table_find_label(table, count, "fctry", &p) != OT_OK &&
        ot_table_find_label(table, count, "nvs", &p) != OT_OK)
        return -1;
    *offset = p.offset;
    return 0;
}

static int write_identity(const struct flash *f, const char *device_id)
{
    uint8_t old[NVS_PAGE_BYTES], u8 = 0, trust[128];
    char product[64];
    size_t len = 0;
    uint32_t at = 0;
    struct nvs_page page;
    if (find_factory(f, &at) != 0 || flash_read(f, at, old, sizeof old) != 0)
        return -1;
    nvs_page_start(&page, NAMESPACE);
    int bad = nvs_page_put_string(&page, "device_id", device_id);
    if (nvs_page_get_u8(old, NAMESPACE, "hw_rev", &u8) == 0)
        bad |= nvs_page_put_u8(&page, "hw_rev", u8);
    if (nvs_page_get_u8(old, NAMESPACE, "undescribed", &u8) == 0)
        bad |= nvs_page_put_u8(&page, "undescribed", u8);
    if (nvs_page_get_string(old, NAMESPACE, "product", product, sizeof product) == 0)
        bad |= nvs_page_put_string(&page, "product", product);
    if (nvs_page_get_blob(old, NAMESPACE, "trust", trust, sizeof trust, &len) == 0)
        bad |= nvs_page_put_blob(&page, "trust", trust, len);
    if (bad != 0 || flash_erase(f, at, FLASH_SECTOR_BYTES) != 0)
        return -1;
    return flash_program(f, at, page.bytes, sizeof page.bytes);
}

int stamp_flash(const char *template_path, const char *path, const char *device_id, struct error *err)
{
    struct flash_file from, to;
    int result = -1;
    if (flash_file_open(&from, template_path, false, err) != 0)
        return -1;
    if (flash_file_create(&to, path, from.flash.size, err) == 0) {
        result = copy_flash(&from, &to.flash);
        if (result == 0)
            result = write_identity(&to.flash, device_id);
        if (result != 0) {
            error_set(err, "%s: cannot be made from %s (no partition table or no NVS partition in it?)", path,
                      template_path);
            unlink(path);
        }
        flash_file_close(&to);
    }
    flash_file_close(&from);
    return result;
}
