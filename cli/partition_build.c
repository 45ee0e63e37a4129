/* otaria partition build: a CSV into the binary that goes to the partition table's sector. */
#include "commands.h"

#include "base/file.h"
#include "base/flash_file.h"
#include "partition_common.h"

#include <stdio.h>

int cmd_partition_build(struct cli *cli, int argc, char **argv)
{
    const char *csv, *out = NULL;
    struct partition_source source = {0};
    struct error err = {0};
    const struct cli_option options[] = {
        {"flash-size", CLI_TEXT, &source.flash_size, "SIZE", "1MB to 128MB; the table must fit"},
        {"out", CLI_TEXT, &out, "BIN", "where the binary goes"},
        {"table-offset", CLI_TEXT, &source.table_offset, "OFFSET", "of the table itself (0x8000)"},
        CLI_OPTIONS_END};
    const struct cli_positional words = {.items = &csv, .min = 1, .max = 1};
    int done = cli_parse(cli, argc, argv, options, &words, NULL);
    if (done >= 0)
        return done;
    if (source.flash_size == NULL || out == NULL)
        return cli_usage(cli, "--flash-size and --out are needed");
    done = partition_source_load(cli, csv, &source);
    if (done >= 0)
        return done;
    if (file_write_atomic(out, source.table, sizeof source.table, 0644, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "write", "%s", err.text);
    if (cli->json)
        return cli_print_json(
            cli, json_pack("{s:o, s:i}", "out", cli_json_foreign(out), "partitions", (int)source.count));
    printf("%u partitions written to ", source.count);
    cli_print_foreign(out);
    putchar('\n');
    return EXIT_OK;
}
