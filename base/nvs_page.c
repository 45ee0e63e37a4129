/*
 * NVS page: header 32 | bitmap 32 | 126 entries of 32. An entry: ns, type, span, chunk, crc, key[16], data[8].
 * Strings and blobs put their payload into the span-1 entries behind.
 */
#include "base/nvs_page.h"

#include "otaria/bytes.h"

#include <string.h>

#define STATE_ACTIVE 0xFFFFFFFEu
#define VERSION_2    0xFEu
#define ENTRIES      126u
#define ENTRY_BYTES  32u
#define CHUNK_NONE   0xFFu

enum type {
    TYPE_U8 = 0x01,
    TYPE_U32 = 0x04,
    TYPE_I32 = 0x14,
    TYPE_STRING = 0x21,
    TYPE_BLOB_DATA = 0x42,
    TYPE_BLOB_INDEX = 0x48
};

static uint32_t crc(const uint8_t *bytes, size_t len)
{
    return ot_crc32(0xFFFFFFFFu, bytes, len);
}

static uint32_t entry_crc(const uint8_t *e)
{
    return ot_crc32(crc(e, 4), e + 8, ENTRY_BYTES - 8);
}

static uint8_t *entry_at(struct nvs_page *page, unsigned index)
{
    return page->bytes + 64 + index * ENTRY_BYTES;
}

/* Bitmap: two bits per entry, 3 empty, 2 written. */
static void mark_written(struct nvs_page *page, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        page->bytes[32 + i / 4] &= (uint8_t) ~(1u << (i % 4 * 2));
}

static int put(struct nvs_page *page, uint8_t ns, uint8_t type, uint8_t chunk, const char *key,
               const uint8_t data[8], const uint8_t *payload, size_t payload_len)
{
    unsigned span = 1 + (unsigned)((payload_len + ENTRY_BYTES - 1) / ENTRY_BYTES);
    if (strlen(key) > NVS_KEY_MAX || span > ENTRIES - page->used)
        return -1;
    uint8_t *e = entry_at(page, page->used);
    e[0] = ns;
    e[1] = type;
    e[2] = (uint8_t)span;
    e[3] = chunk;
    memset(e + 8, 0, 16);
    memcpy(e + 8, key, strlen(key));
    memcpy(e + 24, data, 8);
    ot_store32(e + 4, entry_crc(e));
    if (payload_len > 0)
        memcpy(e + ENTRY_BYTES, payload, payload_len);
    mark_written(page, page->used, span);
    page->used += span;
    return 0;
}

void nvs_page_start(struct nvs_page *page, const char *namespace_name)
{
    uint8_t data[8] = {1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    memset(page->bytes, 0xFF, sizeof page->bytes);
    page->used = 0;
    ot_store32(page->bytes, STATE_ACTIVE);
    ot_store32(page->bytes + 4, 0);
    page->bytes[8] = VERSION_2;
    ot_store32(page->bytes + 28, crc(page->bytes + 4, 24));
    (void)put(page, 0, TYPE_U8, CHUNK_NONE, namespace_name, data, NULL, 0);
}

int nvs_page_put_u8(struct nvs_page *page, const char *key, uint8_t value)
{
    uint8_t data[8] = {value, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    return put(page, 1, TYPE_U8, CHUNK_NONE, key, data, NULL, 0);
}

static int put_word(struct nvs_page *page, uint8_t type, const char *key, uint32_t value)
{
    uint8_t data[8] = {0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF};
    ot_store32(data, value);
    return put(page, 1, type, CHUNK_NONE, key, data, NULL, 0);
}

int nvs_page_put_u32(struct nvs_page *page, const char *key, uint32_t value)
{
    return put_word(page, TYPE_U32, key, value);
}

int nvs_page_put_i32(struct nvs_page *page, const char *key, int32_t value)
{
    return put_word(page, TYPE_I32, key, (uint32_t)value);
}

static void payload_head(uint8_t data[8], const uint8_t *payload, size_t len)
{
    ot_store16(data, (uint16_t)len);
    ot_store16(data + 2, 0xFFFF);
    ot_store32(data + 4, crc(payload, len));
}

int nvs_page_put_string(struct nvs_page *page, const char *key, const char *value)
{
    uint8_t data[8];
    size_t len = strlen(value) + 1;
    if (len > 4000)
        return -1;
    payload_head(data, (const uint8_t *)value, len);
    return put(page, 1, TYPE_STRING, CHUNK_NONE, key, data, (const uint8_t *)value, len);
}

int nvs_page_put_blob(struct nvs_page *page, const char *key, const uint8_t *bytes, size_t len)
{
    uint8_t data[8], index[8] = {0, 0, 0, 0, 1, 0, 0xFF, 0xFF};
    unsigned before = page->used;
    if (len == 0 || len > 3900)
        return -1;
    payload_head(data, bytes, len);
    ot_store32(index, (uint32_t)len);
    if (put(page, 1, TYPE_BLOB_DATA, 0, key, data, bytes, len) != 0)
        return -1;
    if (put(page, 1, TYPE_BLOB_INDEX, CHUNK_NONE, key, index, NULL, 0) == 0)
        return 0;
    page->used = before;
    return -1;
}

bool nvs_page_valid(const uint8_t b[NVS_PAGE_BYTES])
{
    return (ot_load32(b) == STATE_ACTIVE || ot_load32(b) == 0xFFFFFFFCu) && b[8] == VERSION_2 &&
           ot_load32(b + 28) == crc(b + 4, 24);
}

static bool is_written(const uint8_t *b, unsigned index)
{
    return (b[32 + index / 4] >> (index % 4 * 2) & 3u) == 2;
}

static bool named(const uint8_t *e, const char *key)
{
    char stored[17] = {0};
    memcpy(stored, e + 8, 16);
    return strcmp(stored, key) == 0;
}

/* The entry with this namespace index, type and key, checksums right and span inside the page; NULL if none. */
static const uint8_t *find(const uint8_t *b, uint8_t ns, uint8_t type, const char *key)
{
    for (unsigned i = 0; i < ENTRIES;) {
        const uint8_t *e = b + 64 + i * ENTRY_BYTES;
        if (!is_written(b, i) || ot_load32(e + 4) != entry_crc(e)) {
            i++;
            continue;
        }
        if (e[2] == 0 || e[2] > ENTRIES - i)
            return NULL;
        if (e[0] == ns && e[1] == type && named(e, key))
            return e;
        i += e[2];
    }
    return NULL;
}

static const uint8_t *find_in(const uint8_t *b, const char *namespace_name, uint8_t type, const char *key)
{
    if (!nvs_page_valid(b))
        return NULL;
    const uint8_t *ns = find(b, 0, TYPE_U8, namespace_name);
    return ns != NULL ? find(b, ns[24], type, key) : NULL;
}

int nvs_page_get_u8(const uint8_t b[NVS_PAGE_BYTES], const char *namespace_name, const char *key,
                    uint8_t *out)
{
    const uint8_t *e = find_in(b, namespace_name, TYPE_U8, key);
    if (e == NULL)
        return -1;
    *out = e[24];
    return 0;
}

static int get_payload(const uint8_t *e, uint8_t *out, size_t cap, size_t *len)
{
    if (e == NULL)
        return -1;
    size_t n = ot_load16(e + 24);
    const uint8_t *payload = e + ENTRY_BYTES;
    if (n > cap || n > (size_t)(e[2] - 1u) * ENTRY_BYTES || crc(payload, n) != ot_load32(e + 28))
        return -1;
    memcpy(out, payload, n);
    *len = n;
    return 0;
}

int nvs_page_get_string(const uint8_t b[NVS_PAGE_BYTES], const char *namespace_name, const char *key,
                        char *out, size_t cap)
{
    size_t len = 0;
    if (get_payload(find_in(b, namespace_name, TYPE_STRING, key), (uint8_t *)out, cap, &len) != 0)
        return -1;
    return len > 0 && out[len - 1] == '\0' && strlen(out) == len - 1 ? 0 : -1;
}

int nvs_page_get_blob(const uint8_t b[NVS_PAGE_BYTES], const char *namespace_name, const char *key,
                      uint8_t *out, size_t cap, size_t *len)
{
    return get_payload(find_in(b, namespace_name, TYPE_BLOB_DATA, key), out, cap, len);
}
