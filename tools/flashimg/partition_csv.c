/*
 * CSV to a list of partitions, in three steps: a line into its fields, fields into an entry, entries into a table
 * (offsets that were left open, order, and the rules no single line can break).
 */
#include "tools/partition_csv.h"

#include "partition_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 512u
#define FIELDS         6u
#define TABLE_SECTOR   0x1000u
#define APP_ALIGN      0x10000u
#define DATA_ALIGN     0x1000u
#define NVS_RW_LEAST   0x3000u
#define TEE_OTA        0x90u

/* An entry while its offset or size may still be open. Numbers are wide: a file may say anything. */
struct row {
    unsigned line;
    char name[LINE_MAX_BYTES]; /* uncut */
    bool has_offset, has_size;
    int64_t offset, size;
    struct ot_partition p;
};

struct csv {
    const char *name;
    const struct partition_rules *rules;
    struct row *rows;
    unsigned count;
    struct error *err;
};

static int refuse(const struct csv *c, unsigned line, const char *what, const char *value)
{
    return error_set(c->err, "%s:%u: %s%s%s%s", c->name, line, what, value != NULL ? " \"" : "",
                     value != NULL ? value : "", value != NULL ? "\"" : "");
}

static uint32_t table_offset(const struct csv *c)
{
    return c->rules->table_offset != 0 ? c->rules->table_offset : OT_TABLE_OFFSET_DEFAULT;
}

/* --- a line into fields --- */

/* Copies the variable's name behind a `$`; returns what follows it, or NULL when this is no variable. */
static const char *variable_name(const char *p, char name[64])
{
    bool braced = *p == '{';
    size_t n = 0;
    p += braced ? 1 : 0;
    while ((isalnum((unsigned char)p[n]) || p[n] == '_') && n < 63)
        n++;
    if (n == 0 || isdigit((unsigned char)p[0]) || (braced && p[n] != '}'))
        return NULL;
    memcpy(name, p, n);
    name[n] = '\0';
    return p + n + (braced ? 1 : 0);
}

static int expand(const struct csv *c, unsigned line, const char *in, char out[LINE_MAX_BYTES])
{
    size_t at = 0;
    while (*in != '\0') {
        char name[64], one[2] = {*in, '\0'};
        const char *rest = *in == '$' ? variable_name(in + 1, name) : NULL;
        const char *piece = rest != NULL ? getenv(name) : one;
        if (piece == NULL)
            return refuse(c, line, "unknown environment variable", name);
        size_t len = strlen(piece);
        if (len >= LINE_MAX_BYTES - at)
            return refuse(c, line, "the line is too long", NULL);
        memcpy(out + at, piece, len);
        at += len;
        in = rest != NULL ? rest : in + 1;
    }
    out[at] = '\0';
    return 0;
}

static char *trim(char *s)
{
    char *end = s + strlen(s);
    while (isspace((unsigned char)*s))
        s++;
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return s;
}

/* Cuts at the commas; fields that are not there are empty, those behind the sixth are nobody's. */
static void split(char *line, char *fields[FIELDS])
{
    for (unsigned i = 0; i < FIELDS; i++) {
        char *comma = strchr(line, ',');
        if (comma != NULL)
            *comma = '\0';
        fields[i] = trim(line);
        line = comma != NULL ? comma + 1 : line + strlen(line);
    }
}

/* --- fields into an entry --- */

/* Decimal or 0x, a sign, a suffix K or M. */
static bool number(const char *text, int64_t *out)
{
    char *end;
    bool negative = *text == '-';
    int base = strncasecmp(text + (negative ? 1 : 0), "0x", 2) == 0 ? 16 : 10;
    if (!isdigit((unsigned char)text[negative ? 1 : 0]))
        return false;
    errno = 0;
    long long n = strtoll(text, &end, base);
    int64_t unit = *end == 'k' || *end == 'K' ? 1024 : *end == 'm' || *end == 'M' ? 1024 * 1024 : 1;
    if (unit != 1)
        end++;
    if (*end != '\0' || errno != 0 || n > UINT32_MAX || n < -(long long)UINT32_MAX)
        return false;
    *out = n * unit;
    return true;
}

static bool small_number(const char *text, uint8_t max, uint8_t *out)
{
    int64_t n;
    if (!number(text, &n) || n < 0 || n > max)
        return false;
    *out = (uint8_t)n;
    return true;
}

static int read_types(const struct csv *c, struct row *r, const char *type, const char *subtype)
{
    if (*type == '\0')
        return refuse(c, r->line, "the type is empty", NULL);
    if (!partition_type_from_word(type, &r->p.type) && !small_number(type, 0xFE, &r->p.type))
        return refuse(c, r->line, "unknown type", type);
    if (*subtype == '\0' && r->p.type == OT_PART_APP)
        return refuse(c, r->line, "the subtype of an app partition is empty", NULL);
    if (*subtype == '\0')
        r->p.subtype = OT_DATA_UNDEFINED;
    else if (!partition_subtype_from_word(r->p.type, subtype, &r->p.subtype) &&
             !small_number(subtype, 0xFE, &r->p.subtype))
        return refuse(c, r->line, "unknown subtype", subtype);
    return 0;
}

static int read_flags(const struct csv *c, struct row *r, char *flags)
{
    char *rest = NULL;
    for (char *flag = strtok_r(flags, ":", &rest); flag != NULL; flag = strtok_r(NULL, ":", &rest)) {
        flag = trim(flag);
        if (strcasecmp(flag, "encrypted") == 0)
            r->p.flags |= OT_PARTITION_ENCRYPTED;
        else if (strcasecmp(flag, "readonly") == 0)
            r->p.flags |= OT_PARTITION_READONLY;
        else
            return refuse(c, r->line, "unknown flag", flag);
    }
    return 0;
}

static bool is_primary(const struct row *r)
{
    return (r->p.type == OT_PART_BOOTLOADER || r->p.type == OT_PART_TABLE) && r->p.subtype == 0;
}

static int read_row(const struct csv *c, struct row *r, char *fields[FIELDS])
{
    if (strlen(fields[0]) == 0)
        return refuse(c, r->line, "the name is empty", NULL);
    memcpy(r->name, fields[0], strlen(fields[0]) + 1);
    snprintf(r->p.label, sizeof r->p.label, "%.16s", fields[0]); /* longer labels are cut, as ESP-IDF does */
    if (read_types(c, r, fields[1], fields[2]) != 0)
        return -1;
    r->has_offset = *fields[3] != '\0';
    if (r->has_offset && (!number(fields[3], &r->offset) || r->offset < 0))
        return refuse(c, r->line, "malformed offset", fields[3]);
    r->has_size = *fields[4] != '\0';
    if (!r->has_size && !is_primary(r))
        return refuse(c, r->line, "the size is empty", NULL);
    if (r->has_size && !number(fields[4], &r->size))
        return refuse(c, r->line, "malformed size", fields[4]);
    return read_flags(c, r, fields[5]);
}

static int read_line(struct csv *c, unsigned line, const char *text)
{
    char expanded[LINE_MAX_BYTES];
    char *fields[FIELDS];
    struct row *r = &c->rows[c->count];
    if (expand(c, line, text, expanded) != 0)
        return -1;
    char *trimmed = trim(expanded);
    if (*trimmed == '\0' || *trimmed == '#')
        return 0;
    if (c->count == PARTITION_LIST_MAX)
        return error_set(c->err, "%s:%u: more than the %u partitions a table holds", c->name, line,
                         PARTITION_LIST_MAX);
    memset(r, 0, sizeof *r);
    r->line = line;
    split(trimmed, fields);
    if (read_row(c, r, fields) != 0)
        return -1;
    c->count++;
    return 0;
}

static int read_lines(struct csv *c, const char *text, size_t len)
{
    char line[LINE_MAX_BYTES];
    unsigned n = 1;
    if (memchr(text, '\0', len) != NULL)
        return error_set(c->err, "%s: contains a NUL byte: neither CSV nor a binary partition table",
                         c->name);
    for (const char *end = text + len; text < end; n++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t bytes = (size_t)((stop != NULL ? stop : end) - text);
        if (bytes >= sizeof line)
            return refuse(c, n, "the line is too long", NULL);
        memcpy(line, text, bytes);
        line[bytes] = '\0';
        if (read_line(c, n, line) != 0)
            return -1;
        text += bytes + 1;
    }
    return c->count > 0 ? 0 : error_set(c->err, "%s: no partition in it", c->name);
}

/* --- entries into a table --- */

static int64_t align_of(const struct row *r)
{
    return r->p.type == OT_PART_APP ? APP_ALIGN : DATA_ALIGN;
}

/* The bootloader's and the table's own entries describe regions below; they take no part in the order. */
static int place_primary(const struct csv *c, struct row *r)
{
    int64_t table = table_offset(c);
    if (r->p.type == OT_PART_TABLE) {
        r->offset = r->has_offset ? r->offset : table;
        r->size = r->has_size ? r->size : TABLE_SECTOR;
        if (r->offset == table && r->size == TABLE_SECTOR)
            return 0;
        return error_set(c->err, "%s:%u: %s: the partition table lies at 0x%llx and takes 0x%x bytes",
                         c->name, r->line, r->name, (long long)table, TABLE_SECTOR);
    }
    if (!r->has_offset)
        return error_set(c->err, "%s:%u: %s: the offset of the primary bootloader is the chip's: name it",
                         c->name, r->line, r->name);
    r->size = r->has_size ? r->size : table - r->offset;
    if (r->size > 0 && r->offset + r->size <= table)
        return 0;
    return error_set(c->err, "%s:%u: %s: the bootloader must end at or below the partition table at 0x%llx",
                     c->name, r->line, r->name, (long long)table);
}

static int place(const struct csv *c, struct row *r, int64_t *last_end)
{
    if (is_primary(r))
        return place_primary(c, r);
    if (r->has_offset && r->offset < *last_end)
        return error_set(c->err, "%s:%u: %s: offset 0x%llx is below 0x%llx, where what stands before it ends",
                         c->name, r->line, r->name, (long long)r->offset, (long long)*last_end);
    if (!r->has_offset)
        r->offset = (*last_end + align_of(r) - 1) / align_of(r) * align_of(r);
    if (r->size < 0)
        r->size = -r->size - r->offset;
    if (r->size < 0)
        return error_set(c->err, "%s:%u: %s: the address it should reach lies below its offset 0x%llx",
                         c->name, r->line, r->name, (long long)r->offset);
    *last_end = r->offset + r->size;
    return 0;
}

static int check_alignment(const struct csv *c, const struct row *r)
{
    if (r->offset % align_of(r) != 0)
        return error_set(c->err, "%s:%u: %s: offset 0x%llx is not a multiple of 0x%llx", c->name, r->line,
                         r->name, (long long)r->offset, (long long)align_of(r));
    if (r->p.type == OT_PART_APP && r->size % DATA_ALIGN != 0)
        return error_set(c->err, "%s:%u: %s: app size 0x%llx is not a multiple of 0x%x", c->name, r->line,
                         r->name, (long long)r->size, DATA_ALIGN);
    return 0;
}

static int check_fits(const struct csv *c, const struct row *r)
{
    int64_t end = r->offset + r->size;
    uint32_t flash = c->rules->flash_bytes;
    if (flash != 0 && end > flash)
        return error_set(c->err, "%s:%u: %s: ends at 0x%llx, the flash at 0x%x", c->name, r->line, r->name,
                         (long long)end, flash);
    if (end > UINT32_MAX)
        return error_set(c->err, "%s:%u: %s: ends beyond 4 GiB", c->name, r->line, r->name);
    return 0;
}

static int check_data(const struct csv *c, const struct row *r)
{
    bool readonly = (r->p.flags & OT_PARTITION_READONLY) != 0;
    if (r->p.type != OT_PART_DATA)
        return 0;
    if ((r->p.subtype == OT_DATA_OTADATA || r->p.subtype == TEE_OTA) && r->size != OT_OTADATA_BYTES)
        return error_set(c->err, "%s:%u: %s: otadata must be 0x%x bytes, not 0x%llx", c->name, r->line,
                         r->name, OT_OTADATA_BYTES, (long long)r->size);
    if ((r->p.subtype == OT_DATA_OTADATA || r->p.subtype == OT_DATA_COREDUMP) && readonly)
        return error_set(c->err, "%s:%u: %s: cannot be readonly: the device writes it", c->name, r->line,
                         r->name);
    if (r->p.subtype == OT_DATA_NVS && r->size < NVS_RW_LEAST && !readonly)
        return error_set(c->err, "%s:%u: %s: nvs below 0x%x bytes must be readonly", c->name, r->line,
                         r->name, NVS_RW_LEAST);
    return 0;
}

/* What two lines can only break together. */
static int check_pair(const struct csv *c, const struct row *a, const struct row *b)
{
    bool same = a->p.type == b->p.type && a->p.subtype == b->p.subtype && a->p.type == OT_PART_DATA;
    if (strcmp(a->name, b->name) == 0)
        return error_set(c->err, "%s:%u: %s: the name stands in line %u already", c->name, b->line, b->name,
                         a->line);
    if (same && (a->p.subtype == OT_DATA_OTADATA || a->p.subtype == TEE_OTA))
        return error_set(c->err, "%s:%u: %s: a second otadata; the first is in line %u", c->name, b->line,
                         b->name, a->line);
    return 0;
}

static int judge(const struct csv *c, unsigned index)
{
    const struct row *r = &c->rows[index];
    if (!is_primary(r) && check_alignment(c, r) != 0)
        return -1;
    if (check_fits(c, r) != 0 || check_data(c, r) != 0)
        return -1;
    for (unsigned i = 0; i < index; i++) {
        if (check_pair(c, &c->rows[i], r) != 0)
            return -1;
    }
    return 0;
}

static int resolve(const struct csv *c, struct partition_list *out)
{
    int64_t last_end = (int64_t)table_offset(c) + TABLE_SECTOR;
    out->count = 0;
    for (unsigned i = 0; i < c->count; i++) {
        struct row *r = &c->rows[i];
        if (place(c, r, &last_end) != 0 || judge(c, i) != 0)
            return -1;
        r->p.offset = (uint32_t)r->offset;
        r->p.size = (uint32_t)r->size;
        out->items[out->count++] = r->p;
    }
    return 0;
}

int partition_csv_parse(const char *text, size_t len, const char *name, const struct partition_rules *rules,
                        struct partition_list *out, struct error *err)
{
    struct csv c = {.name = name, .rules = rules, .err = err};
    c.rows = calloc(PARTITION_LIST_MAX + 1, sizeof *c.rows);
    if (c.rows == NULL)
        return error_set(err, "%s: out of memory", name);
    int result = read_lines(&c, text, len);
    if (result == 0)
        result = resolve(&c, out);
    free(c.rows);
    return result;
}
