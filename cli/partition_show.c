/* otaria partition show: a binary table (or a CSV) as the CSV it stands for. */
#include "commands.h"

#include "partition_common.h"

int cmd_partition_show(struct cli *cli, int argc, char **argv)
{
    const char *file;
    struct partition_source source = {0};
    const struct cli_option options[] = {
        {"flash-size", CLI_TEXT, &source.flash_size, "SIZE", "refuse partitions beyond it"},
        {"table-offset", CLI_TEXT, &source.table_offset, "OFFSET", "of the table itself (0x8000)"},
        CLI_OPTIONS_END};
    const struct cli_positional words = {.items = &file, .min = 1, .max = 1};
    int done = cli_parse(cli, argc, argv, options, &words, NULL);
    if (done < 0)
        done = partition_source_load(cli, file, &source);
    if (done >= 0)
        return done;
    if (cli->json)
        return cli_print_json(
            cli, json_pack("{s:o}", "partitions", partition_table_json(source.table, source.count)));
    partition_print_table(source.table, source.count);
    return EXIT_OK;
}
