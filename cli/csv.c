/* CSV: see csv.h. */
#include "csv.h"

#include "base/printable.h"

#include <string.h>

#define CELL_MAX 4096u

/* Spreadsheets take these for the beginning of a formula, and the wide forms for the narrow ones. */
static bool is_formula(const char *text)
{
    static const char *const wide[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};
    for (unsigned i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (strncmp(text, wide[i], 3) == 0)
            return true;
    }
    return text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
}

static bool needs_quotes(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && (strpbrk(text, ",\"\r\n;") != NULL || text[0] == ' ' || text[n - 1] == ' ');
}

static void put_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* White space before a formula does not stop a spreadsheet that trims. */
static const char *behind_spaces(const char *text)
{
    return text + strspn(text, " ");
}

void csv_cell(struct csv *csv, const char *text)
{
    char safe[CELL_MAX], marked[CELL_MAX + 1];
    text_printable(text != NULL ? text : "", safe, sizeof safe);
    snprintf(marked, sizeof marked, "%s%s", is_formula(behind_spaces(safe)) ? "'" : "", safe);
    if (csv->has_cell)
        fputc(',', csv->out);
    csv->has_cell = true;
    if (needs_quotes(marked))
        put_quoted(csv->out, marked);
    else
        fputs(marked, csv->out);
}

void csv_end(struct csv *csv)
{
    fputs("\r\n", csv->out);
    csv->has_cell = false;
}
