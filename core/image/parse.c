/*
 * The bounded walk over an ESP app image: header, segments, app descriptor. Nothing is hashed here.
 *
 * Stricter than the vendor's loader in one way: every segment must end inside the slot before its length is used,
 * where the loader only sums lengths and compares at the end. Order of causes otherwise as the loader's.
 */
#include "otaria/bytes.h"
#include "otaria/image.h"

#include <string.h>

#define APP_DESC_MAGIC       0xABCD5432u
#define SEGMENT_HEADER_BYTES 8u
#define PADDING_SEGMENT_BELOW                                                                                \
    0x10000000u /* load addresses below this are padding: mapped and loaded nowhere */
#define LENGTH_ALIGN 16u

struct walk {
    const struct ot_source *src;
    const struct ot_image_limits *limits;
    uint32_t space;
    uint32_t at; /* next unread byte */
};

static enum ot_status check_chip(const struct ot_image_limits *limits, const struct ot_image *image)
{
    if (limits->has_chip && image->chip_id != limits->chip_id)
        return OT_E_IMAGE_CHIP;
    if (!limits->has_revision)
        return OT_OK;
    bool has_max = image->max_revision != 0 && image->max_revision != 65535 && !limits->is_bootloader;
    if (limits->chip_revision < image->min_revision ||
        (has_max && limits->chip_revision > image->max_revision))
        return OT_E_IMAGE_CHIP_REVISION;
    return OT_OK;
}

static enum ot_status read_header(struct walk *w, struct ot_image *out)
{
    uint8_t h[OT_IMAGE_HEADER_BYTES] = {0};
    uint32_t n = w->space < sizeof h ? w->space : sizeof h;
    enum ot_status st = ot_source_read(w->src, 0, h, n);
    if (st != OT_OK)
        return st;
    if (n > 0 && h[0] != OT_IMAGE_MAGIC) /* before the length: a short text file is not a truncated image */
        return OT_E_IMAGE_MAGIC;
    if (n < sizeof h)
        return OT_E_IMAGE_TRUNCATED;
    out->segment_count = h[1];
    out->spi_mode = h[2];
    out->flash_speed_size = h[3];
    out->entry_addr = ot_load32(h + 4);
    out->chip_id = ot_load16(h + 12);
    out->min_revision = ot_load16(h + 15);
    out->max_revision = ot_load16(h + 17);
    out->has_digest = h[23] == 1;
    st = check_chip(w->limits, out);
    if (st != OT_OK)
        return st;
    if (h[1] == 0 || h[1] > OT_IMAGE_SEGMENTS_MAX)
        return OT_E_IMAGE_SEGMENTS;
    w->at = sizeof h;
    return OT_OK;
}

/* A descriptor string fills its field without a NUL where it wants to. */
static void copy_text(char *to, const uint8_t *from, uint32_t len)
{
    memcpy(to, from, len);
    to[len] = '\0';
}

static enum ot_status read_app_desc(struct walk *w, struct ot_image *out)
{
    uint8_t d[OT_APP_DESC_BYTES];
    if (out->segments[0].length < sizeof d)
        return OT_E_IMAGE_APP_DESC;
    enum ot_status st = ot_source_read(w->src, out->segments[0].offset, d, sizeof d);
    if (st != OT_OK)
        return st;
    if (ot_load32(d) != APP_DESC_MAGIC)
        return OT_E_IMAGE_APP_DESC;
    struct ot_app_desc *app = &out->app;
    app->secure_version = ot_load32(d + 4);
    copy_text(app->version, d + 16, 32);
    copy_text(app->project, d + 48, 32);
    copy_text(app->time, d + 80, 16);
    copy_text(app->date, d + 96, 16);
    copy_text(app->idf, d + 112, 32);
    memcpy(app->elf_sha256, d + 144, 32);
    app->min_efuse_revision = ot_load16(d + 176);
    app->max_efuse_revision = ot_load16(d + 178);
    app->mmu_page_log2 = d[180];
    app->spi_flash_mode = d[181];
    out->has_app_desc = true;
    return OT_OK;
}

static enum ot_status check_alignment(const struct walk *w, const struct ot_image *image,
                                      const struct ot_segment *segment)
{
    const struct ot_chip *chip = ot_chip_by_id(image->chip_id);
    if (chip == NULL || segment->load_addr < PADDING_SEGMENT_BELOW)
        return OT_OK;
    uint32_t page = ot_chip_page(chip, image->app.mmu_page_log2); /* 0 in a bootloader: the default */
    if (!ot_chip_maps(chip, page, segment->load_addr))
        return OT_OK;
    /* App slots start on 64 KiB, so the offset in the file will do; a bootloader starts where the chip says. */
    uint32_t offset = segment->offset + (w->limits->is_bootloader ? chip->bootloader_offset : 0);
    return offset % page == segment->load_addr % page ? OT_OK : OT_E_IMAGE_SEGMENT_ALIGN;
}

static enum ot_status read_segment(struct walk *w, struct ot_image *out, uint32_t index)
{
    uint8_t h[SEGMENT_HEADER_BYTES];
    struct ot_segment *segment = &out->segments[index];
    if (w->space - w->at < sizeof h)
        return OT_E_IMAGE_TRUNCATED;
    enum ot_status st = ot_source_read(w->src, w->at, h, sizeof h);
    if (st != OT_OK)
        return st;
    segment->load_addr = ot_load32(h);
    segment->length = ot_load32(h + 4);
    segment->offset = w->at + SEGMENT_HEADER_BYTES;
    if (segment->length % 4 != 0 || segment->length >= OT_IMAGE_SEGMENT_MAX)
        return OT_E_IMAGE_SEGMENT_LENGTH;
    if (segment->length > w->space - segment->offset)
        return OT_E_IMAGE_TRUNCATED;
    if (segment->length > 0xFFFFFFFFu - segment->load_addr)
        return OT_E_IMAGE_LOAD_RANGE;
    if (index == 0 && !w->limits->is_bootloader) {
        st = read_app_desc(w, out);
        if (st != OT_OK)
            return st;
    }
    w->at = segment->offset + segment->length;
    return check_alignment(w, out, segment);
}

/* Checksum, appended digest, and where a signature sector would stand. */
static enum ot_status place_tail(const struct walk *w, struct ot_image *out)
{
    uint32_t checksummed = w->at + LENGTH_ALIGN - w->at % LENGTH_ALIGN;
    out->digest_offset = checksummed;
    out->length = checksummed + (out->has_digest ? OT_DIGEST_BYTES : 0);
    if (out->length > w->space)
        return OT_E_IMAGE_TRUNCATED;
    out->signature_offset = (out->length + OT_SECTOR_BYTES - 1) / OT_SECTOR_BYTES * OT_SECTOR_BYTES;
    return OT_OK;
}

enum ot_status ot_image_parse(const struct ot_source *src, const struct ot_image_limits *limits,
                              struct ot_image *out)
{
    struct walk w = {.src = src, .limits = limits, .space = src->size};
    memset(out, 0, sizeof *out);
    if (limits->space > OT_IMAGE_SPACE_MAX)
        return OT_E_ARGUMENT;
    if (limits->space != 0 && limits->space < w.space)
        w.space = limits->space;
    if (w.space > OT_IMAGE_SPACE_MAX)
        w.space = OT_IMAGE_SPACE_MAX;
    enum ot_status st = read_header(&w, out);
    for (uint32_t i = 0; st == OT_OK && i < out->segment_count; i++)
        st = read_segment(&w, out, i);
    if (st == OT_OK)
        st = place_tail(&w, out);
    /* What the source itself still holds but the space does not is too large, not truncated. */
    if (st == OT_E_IMAGE_TRUNCATED && w.space < src->size)
        st = OT_E_IMAGE_TOO_LARGE;
    return st;
}

uint32_t ot_image_space_needed(const struct ot_image *image, bool is_signed)
{
    if (!is_signed)
        return image->length;
    /* The whole 64 KiB page behind the image is mapped at run time, so a signed one owns it (and then its sector). */
    const uint32_t page = 0x10000u;
    return (image->length + page - 1) / page * page + OT_SECTOR_BYTES;
}
