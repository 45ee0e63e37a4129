/* otadata as a person writes it: `1:valid,!2:new`. */
#include "tools/flash_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int word(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return -1;
    unsigned long long n = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    if (*end != '\0' || errno != 0 || n > UINT32_MAX)
        return -1;
    *out = (uint32_t)n;
    return 0;
}

static int state_from(const char *text, uint32_t *out)
{
    static const uint32_t known[] = {OT_OTA_NEW,     OT_OTA_PENDING, OT_OTA_VALID,
                                     OT_OTA_INVALID, OT_OTA_ABORTED, OT_OTA_UNDEFINED};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(text, ot_ota_state_name(known[i])) == 0) {
            *out = known[i];
            return 0;
        }
    }
    return word(text, out);
}

static int entry_from(char *text, struct ot_otadata_entry *out, struct error *err)
{
    uint32_t seq, state;
    bool broken = *text == '!';
    char *body = text + (broken ? 1 : 0);
    *out = ot_otadata_blank();
    if (strcmp(text, "-") == 0)
        return 0;
    char *colon = strchr(body, ':');
    if (colon == NULL)
        return error_set(err, "otadata entry \"%s\": expected seq:state or -", text);
    *colon = '\0';
    if (word(body, &seq) != 0)
        return error_set(err, "otadata entry: \"%s\" is no sequence number of 32 bits", body);
    if (state_from(colon + 1, &state) != 0)
        return error_set(
            err, "otadata entry: state \"%s\" is none of new, pending, valid, invalid, aborted, undefined",
            colon + 1);
    *out = ot_otadata_make(seq, state);
    if (broken)
        out->crc ^= 0xFFFFFFFFu;
    return 0;
}

int flash_otadata_spec(const char *text, struct ot_otadata_entry out[2], struct error *err)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return error_set(err, "out of memory");
    char *comma = strchr(copy, ',');
    int result = -1;
    if (comma == NULL || strchr(comma + 1, ',') != NULL) {
        error_set(err, "otadata \"%s\": two entries with a comma between them, such as 1:valid,2:new", text);
    } else {
        *comma = '\0';
        result = entry_from(copy, &out[0], err) != 0 ? -1 : entry_from(comma + 1, &out[1], err);
    }
    free(copy);
    return result;
}
