/* otaria delta create, apply, info: patches between two files. */
#include "commands.h"

#include "base/file.h"
#include "otaria/chip.h"
#include "otaria/image.h"
#include "tools/delta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROFILE "standard"
#define ELF_MAX (256u << 20) /* with all of its debug information */

struct file {
    uint8_t *bytes;
    size_t len;
};

static void drop_files(struct file loaded[2])
{
    free(loaded[0].bytes);
    free(loaded[1].bytes);
}

static int load(const struct cli *cli, const char *path, struct file *out)
{
    struct error err;
    if (file_read(path, OT_IMAGE_SPACE_MAX, &out->bytes, &out->len, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "read", "%s", err.text);
    return -1;
}

static struct delta_file view(const struct file *f)
{
    return (struct delta_file){.bytes = f->bytes, .size = (uint32_t)f->len};
}

static int store(const struct cli *cli, const char *path, const uint8_t *bytes, uint32_t size)
{
    struct error err;
    if (file_write_atomic(path, bytes, size, 0644, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "write", "%s", err.text);
    return EXIT_OK;
}

static const char *chip_of(const struct ot_delta_header *h)
{
    const struct ot_chip *chip = h->has_chip ? ot_chip_by_id(h->chip_id) : NULL;
    return chip != NULL ? chip->name : "none";
}

static const char *method_of(const struct ot_delta_header *h)
{
    if (h->method == OT_DELTA_CODED)
        return h->has_chip ? "image" : "plain";
    return h->method == OT_DELTA_FULL ? "full" : "stored";
}

/* What every verb answers about a patch. */
static json_t *patch_json(const struct ot_delta_header *h, uint32_t bytes)
{
    char base[OT_DIGEST_HEX_BYTES], target[OT_DIGEST_HEX_BYTES];
    bool has_base = h->method == OT_DELTA_CODED;
    ot_digest_to_hex(&h->base_digest, base);
    ot_digest_to_hex(&h->target_digest, target);
    return json_pack("{s:s?,s:I,s:s,s:I,s:I,s:s,s:s,s:s,s:b,s:f}", "base", has_base ? base : NULL,
                     "base_bytes", (json_int_t)h->base_bytes, "target", target, "target_bytes",
                     (json_int_t)h->target_bytes, "bytes", (json_int_t)bytes, "method", method_of(h),
                     "profile", PROFILE, "chip", chip_of(h), "signatures", (int)h->is_signed, "percent",
                     100.0 * bytes / h->target_bytes);
}

static void print_patch(const struct ot_delta_header *h, uint32_t bytes)
{
    char hex[OT_DIGEST_HEX_BYTES];
    bool has_base = h->method == OT_DELTA_CODED;
    ot_digest_to_hex(&h->base_digest, hex);
    if (has_base)
        printf("%-16s%s, %u bytes\n", "from", hex, h->base_bytes);
    ot_digest_to_hex(&h->target_digest, hex);
    printf("%-16s%s, %u bytes\n", "to", hex, h->target_bytes);
    printf("%-16s%s%s%s, profile %s\n", "method",
           has_base                     ? ""
           : h->method == OT_DELTA_FULL ? "full image, "
                                        : "full image as it is, ",
           h->has_chip ? "instructions of " : "plain data", h->has_chip ? chip_of(h) : "", PROFILE);
    printf("%-16s%u bytes, %.2f %% of the target\n", "patch", bytes, 100.0 * bytes / h->target_bytes);
}

static int answer(struct cli *cli, const struct ot_delta_header *h, uint32_t bytes)
{
    if (cli->json)
        return cli_print_json(cli, patch_json(h, bytes));
    print_patch(h, bytes);
    return EXIT_OK;
}

/* What names have done for the patch. */
static json_t *symbols_json(const struct delta_symbols *symbols, const struct delta_patch *patch)
{
    return json_pack("{s:I,s:I}", "names", (json_int_t)delta_symbols_count(symbols), "bytes_without",
                     (json_int_t)patch->without_symbols);
}

static int answer_made(struct cli *cli, const struct delta_symbols *symbols, const struct delta_patch *patch)
{
    if (cli->json) {
        json_t *all = patch_json(&patch->header, patch->size);
        if (symbols != NULL)
            json_object_set_new(all, "symbols", symbols_json(symbols, patch));
        return cli_print_json(cli, all);
    }
    print_patch(&patch->header, patch->size);
    if (symbols != NULL)
        printf("%-16s%u in both ELF files; without them %u bytes\n", "names",
               (unsigned)delta_symbols_count(symbols), (unsigned)patch->without_symbols);
    return EXIT_OK;
}

static void show_progress(void *ctx, unsigned percent)
{
    (void)ctx;
    fprintf(stderr, "\rmaking the patch %3u %%%s", percent, percent == 100 ? "\n" : "");
}

/* `old` NULL: the full image. `symbols` may be NULL. */
static int create(struct cli *cli, const struct file *old, const struct file *new, const char *paths[2],
                  const struct delta_symbols *symbols, const char *out)
{
    struct delta_file base = old != NULL ? view(old) : (struct delta_file){0}, target = view(new);
    struct delta_patch patch;
    const struct delta_listener person = {.progress = show_progress};
    const struct delta_listener *listener = isatty(STDERR_FILENO) != 0 ? &person : NULL;
    enum ot_status st = old == NULL       ? delta_make_full_told(&target, listener, &patch)
                        : symbols != NULL ? delta_make_named(&base, &target, symbols, listener, &patch)
                                          : delta_make_told(&base, &target, listener, &patch);
    if (listener != NULL && st != OT_OK)
        fputc('\n', stderr);
    if (st == OT_E_IMAGE_TOO_LARGE)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: empty",
                        paths[old == NULL || old->len == 0 ? 0 : 1]);
    if (st != OT_OK)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s%s%s: %s", paths[0],
                        old != NULL ? " to " : "", old != NULL ? paths[1] : "", ot_status_text(st));
    int done = store(cli, out, patch.bytes, patch.size);
    if (done == EXIT_OK)
        done = answer_made(cli, symbols, &patch);
    delta_patch_free(&patch);
    return done;
}

/* Names from two ELF files; -1 to go on. */
static int load_symbols(const struct cli *cli, const struct cli_list *elf, const char *paths[2],
                        const struct file images[2], struct delta_symbols **out)
{
    struct delta_file base = view(&images[0]), target = view(&images[1]);
    struct file files[2] = {{0}};
    struct delta_named named[2] = {{0}};
    struct error err;
    int done = -1;
    for (unsigned i = 0; i < 2 && done < 0; i++) {
        if (file_read(elf->items[i], ELF_MAX, &files[i].bytes, &files[i].len, &err) != 0)
            done = cli_fail(cli, EXIT_ERROR, "read", "%s", err.text);
        named[i] = (struct delta_named){elf->items[i], files[i].bytes, files[i].len};
    }
    if (done < 0 && delta_symbols_load(&base, &target, named, paths, out, &err) != 0)
        done = cli_fail(cli, EXIT_ERROR, "elf", "%s", err.text);
    drop_files(files);
    return done;
}

/* One file with --full, two without; `loaded` borrows nothing. */
static int load_files(const struct cli *cli, const char *paths[2], unsigned count, bool is_full,
                      struct file loaded[2])
{
    if (count != (is_full ? 1u : 2u))
        return cli_usage(cli, is_full ? "--full takes one file" : "two files are needed, or --full and one");
    int done = -1;
    for (unsigned i = 0; i < count && done < 0; i++)
        done = load(cli, paths[i], &loaded[i]);
    return done;
}

int cmd_delta_create(struct cli *cli, int argc, char **argv)
{
    const char *paths[2], *out = NULL, *profile = PROFILE;
    struct file files[2] = {{0}};
    bool is_full = false;
    unsigned count;
    struct cli_list elf = {0};
    struct delta_symbols *symbols = NULL;
    const struct cli_option options[] = {
        {"elf", CLI_LIST, &elf, "ELF",
         "OLD.elf NEW.elf, what the images were made from: the names in both may make the patch smaller"},
        {"full", CLI_FLAG, &is_full, NULL, "NEW alone, compressed: for devices with any base or none"},
        {"out", CLI_TEXT, &out, "PATCH", "the patch"},
        {"profile", CLI_TEXT, &profile, "NAME", "what decoder it is for: standard (32 KiB with its buffers)"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = paths, .min = 1, .max = 2}, &count);
    if (done >= 0)
        return done;
    if (out == NULL)
        return cli_usage(cli, "--out is needed");
    if (strcmp(profile, PROFILE) != 0)
        return cli_usage(cli, "--profile: there is only " PROFILE);
    if (elf.count != 0 && (elf.count != 2 || is_full))
        return cli_usage(cli, "--elf takes two files, OLD.elf NEW.elf, behind OLD NEW, and not with --full");
    done = load_files(cli, paths, count, is_full, files);
    if (done < 0 && elf.count != 0)
        done = load_symbols(cli, &elf, paths, files, &symbols);
    if (done < 0)
        done = create(cli, is_full ? NULL : &files[0], &files[is_full ? 0 : 1], paths, symbols, out);
    delta_symbols_drop(symbols);
    drop_files(files);
    return done;
}

static int read_header(const struct cli *cli, const char *path, const struct file *patch,
                       struct ot_delta_header *h)
{
    enum ot_status st =
        patch->len < OT_DELTA_HEADER_BYTES ? OT_E_PATCH_TRUNCATED : ot_delta_header_read(patch->bytes, h);
    if (st != OT_OK)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: %s", path, ot_status_text(st));
    return -1;
}

/* `old` NULL: the full image. */
static int apply(struct cli *cli, const struct file *old, const struct file *file, const char *paths[2],
                 const char *out)
{
    struct delta_file base = old != NULL ? view(old) : (struct delta_file){0}, patch = view(file);
    const char *path = paths[old != NULL ? 1 : 0];
    struct ot_delta_header h;
    struct ot_digest is;
    char wanted[OT_DIGEST_HEX_BYTES], got[OT_DIGEST_HEX_BYTES];
    uint8_t *result;
    uint32_t size;
    int done = read_header(cli, path, file, &h);
    if (done >= 0)
        return done;
    enum ot_status st = delta_apply(old != NULL ? &base : NULL, &patch, &result, &size);
    if (st == OT_E_PATCH_BASE && old == NULL)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: needs its base: no full image", path);
    if (st == OT_E_PATCH_BASE) {
        delta_file_digest(&base, &is);
        ot_digest_to_hex(&is, got);
        ot_digest_to_hex(&h.base_digest, wanted);
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: is %s, the patch was made for %s", paths[0],
                        got, wanted);
    }
    if (st != OT_OK)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: %s", path, ot_status_text(st));
    done = store(cli, out, result, size);
    if (done == EXIT_OK)
        done = answer(cli, &h, patch.size);
    free(result);
    return done;
}

int cmd_delta_apply(struct cli *cli, int argc, char **argv)
{
    const char *paths[2], *out = NULL;
    struct file files[2] = {{0}};
    bool is_full = false;
    unsigned count;
    const struct cli_option options[] = {
        {"full", CLI_FLAG, &is_full, NULL, "PATCH alone: it was made with --full"},
        {"out", CLI_TEXT, &out, "NEW", "the target, verified"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = paths, .min = 1, .max = 2}, &count);
    if (done >= 0)
        return done;
    if (out == NULL)
        return cli_usage(cli, "--out is needed");
    done = load_files(cli, paths, count, is_full, files);
    if (done < 0)
        done = apply(cli, is_full ? NULL : &files[0], &files[is_full ? 0 : 1], paths, out);
    drop_files(files);
    return done;
}

int cmd_delta_info(struct cli *cli, int argc, char **argv)
{
    const char *path;
    struct file patch = {0};
    struct ot_delta_header h;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = &path, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = load(cli, path, &patch);
    if (done < 0)
        done = read_header(cli, path, &patch, &h);
    if (done < 0)
        done = answer(cli, &h, (uint32_t)patch.len);
    free(patch.bytes);
    return done;
}
