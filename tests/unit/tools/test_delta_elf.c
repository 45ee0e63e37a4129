/* Patches made with the names of ELF files: never larger, smaller where names tell what content does not; and each ELF file that is refused. */
#include "elf_support.h"
#include "tools/delta.h"

#include "otaria/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTIONS_AT 32u /* in the ELF header */

struct pair {
    struct firmware old, new;
    struct delta_file base, target;
};

static struct pair make_pair(void)
{
    struct pair p = {.old = firmware_make(1), .new = firmware_make(2)};
    p.base = (struct delta_file){.bytes = p.old.image, .size = p.old.image_bytes};
    p.target = (struct delta_file){.bytes = p.new.image, .size = p.new.image_bytes};
    return p;
}

static void drop_pair(struct pair *p)
{
    firmware_free(&p->old);
    firmware_free(&p->new);
}

static int load(const struct pair *p, struct delta_symbols **symbols, struct error *err)
{
    static const char *const images[2] = {"old.bin", "new.bin"};
    const struct delta_named elf[2] = {{"old.elf", p->old.elf, p->old.elf_bytes},
                                       {"new.elf", p->new.elf, p->new.elf_bytes}};
    err->text[0] = '\0';
    return delta_symbols_load(&p->base, &p->target, elf, images, symbols, err);
}

static void expect_refusal(const struct pair *p, const char *what)
{
    struct delta_symbols *symbols;
    struct error err;
    assert_int_equal(load(p, &symbols, &err), -1);
    assert_null(symbols);
    if (strstr(err.text, what) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, what);
}

/* With what names there are; its size, and that of one without. */
static uint32_t there_and_back(const struct pair *p, const struct delta_symbols *symbols, uint32_t *without)
{
    struct delta_patch patch, plain;
    uint8_t *result;
    uint32_t size;
    assert_int_equal(delta_make_named(&p->base, &p->target, symbols, NULL, &patch), OT_OK);
    assert_int_equal(delta_make(&p->base, &p->target, &plain), OT_OK);
    assert_int_equal(patch.without_symbols, plain.size);
    struct delta_file made = {.bytes = patch.bytes, .size = patch.size};
    assert_int_equal(delta_apply(&p->base, &made, &result, &size), OT_OK);
    assert_int_equal(size, p->target.size);
    assert_memory_equal(result, p->target.bytes, size);
    size = patch.size;
    *without = plain.size;
    free(result);
    delta_patch_free(&patch);
    delta_patch_free(&plain);
    return size;
}

static void test_names_make_patches_smaller(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct delta_symbols *symbols;
    struct error err;
    uint32_t without;
    assert_int_equal(load(&p, &symbols, &err), 0);
    assert_int_equal(delta_symbols_count(symbols), 240 + 180);
    uint32_t with = there_and_back(&p, symbols, &without);
    print_message("%u bytes with names, %u without\n", with, without);
    assert_true(with < without - without / 10u);
    delta_symbols_drop(symbols);
    drop_pair(&p);
}

static uint8_t *symbol_at(struct firmware *f, uint32_t i)
{
    uint32_t sections = ot_load32(f->elf + SECTIONS_AT);
    return f->elf + ot_load32(f->elf + sections + 40u + 16u) + 16u * i;
}

/* A file that fits the image and lies about every name. */
static void test_wrong_names_do_no_harm(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct delta_symbols *symbols;
    struct error err;
    uint32_t without;
    for (uint32_t i = 2; i < 2u + 240u + 180u; i++) {
        ot_store32(symbol_at(&p.new, i) + 4, i % 3u == 0 ? i * 0x9E3779B1u : 0x42000020u + i * 52u % 9000u);
        ot_store32(symbol_at(&p.new, i) + 8, i % 2u == 0 ? 0 : 64);
    }
    assert_int_equal(load(&p, &symbols, &err), 0);
    assert_true(there_and_back(&p, symbols, &without) <= without);
    delta_symbols_drop(symbols);
    drop_pair(&p);
}

static void test_files_of_other_builds_are_refused(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct firmware kept = p.old;
    p.old.elf = p.new.elf;
    p.old.elf_bytes = p.new.elf_bytes;
    expect_refusal(&p, "old.elf: not what old.bin was made from: segment ");
    expect_refusal(&p, "Give the ELF file of the same build");
    p.old = kept;
    ot_store32(p.new.elf + 52 + 8, 0x50000000);
    ot_store32(p.new.elf + 52 + 32 + 8, 0x60000000);
    expect_refusal(&p, "new.elf: not what new.bin was made from: it loads nothing");
    ot_store16(p.new.elf + 18, 94);
    expect_refusal(&p, "new.elf: of another architecture than new.bin");
    ot_store16(p.new.elf + 18, 62);
    expect_refusal(&p, "new.elf: not of a 32-bit Xtensa or RISC-V machine");
    p.target.size = 20;
    expect_refusal(&p, "no app image of a known chip");
    drop_pair(&p);
}

static void test_damaged_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t at; /* in the ELF header, or 1000 and more: in the section header of symbols */
        uint32_t value;
        const char *what;
    } cases[] = {
        {0, 0, "no ELF file"},
        {16, 0x00F30001, "not linked"},
        {28, 0xFFFFFFF0, "table of program headers: outside the file"},
        {44, 0x00280041, "more than 64 program headers"},
        {32, 0x7FFFFFFF, "table of sections: outside the file"},
        {52 + 4, 0x7FFFFFFF, "program header 0: outside the file"},
        {52 + 16, 0xFFFFFFFF, "program header 0: outside the file"},
        {1000 + 4, 8, "no symbols"},
        {1000 + 20, 32, "no symbols"},
        {1000 + 16, 0xFFFFFF00, "section 1: no table of symbols"},
        {1000 + 24, 70000, "section 1: no table of symbols"},
        {1000 + 36, 24, "section 1: no table of symbols"},
        {1040 + 16, 0xFFFFFF00, "section 2: names outside the file"},
        {1040 + 20, 0, "section 2: names outside the file"},
        {1040 + 20, 5, "section 2: names outside the file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair p = make_pair();
        uint32_t at = cases[i].at, sections = ot_load32(p.new.elf + SECTIONS_AT);
        ot_store32(p.new.elf + (at >= 1000 ? sections + 40u + (at - 1000u) : at), cases[i].value);
        expect_refusal(&p, cases[i].what);
        drop_pair(&p);
    }
    struct pair p = make_pair();
    ot_store32(symbol_at(&p.old, 9), 0xFFFFFF);
    expect_refusal(&p, "old.elf: symbol 9: name or place outside");
    drop_pair(&p);
}

/* Cut anywhere, or with a few bytes changed: refused with a message, or names that do no harm; never a bad read. */
static void test_mutated_files(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct delta_symbols *symbols;
    struct error err;
    uint32_t whole = p.new.elf_bytes, taken = 0;
    uint8_t *kept = malloc(whole), *cut = NULL;
    assert_non_null(kept);
    memcpy(kept, p.new.elf, whole);
    srand(1);
    for (unsigned i = 0; i < 4000; i++) {
        uint32_t size = i % 4u == 0 ? (uint32_t)rand() % whole : whole,
                 sections = ot_load32(kept + SECTIONS_AT);
        cut = malloc(size + 1u);
        assert_non_null(cut);
        memcpy(cut, kept, size);
        for (unsigned k = 0; k < i % 4u && size == whole; k++) { /* headers and symbols, mostly */
            uint32_t in = (uint32_t)rand() % 3u == 0   ? (uint32_t)rand() % 116u
                          : (uint32_t)rand() % 2u == 0 ? sections + (uint32_t)rand() % 120u
                                                       : (uint32_t)rand() % whole;
            cut[in] = (uint8_t)rand();
        }
        struct pair q = p;
        q.new.elf = cut;
        q.new.elf_bytes = size;
        int failed = load(&q, &symbols, &err);
        assert_int_equal(failed == 0, symbols != NULL);
        assert_int_equal(failed == 0, err.text[0] == '\0');
        taken += failed == 0;
        delta_symbols_drop(symbols);
        free(cut);
    }
    assert_true(taken > 100 && taken < 3000);
    free(kept);
    drop_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_make_patches_smaller),
        cmocka_unit_test(test_wrong_names_do_no_harm),
        cmocka_unit_test(test_files_of_other_builds_are_refused),
        cmocka_unit_test(test_damaged_files_are_refused),
        cmocka_unit_test(test_mutated_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
