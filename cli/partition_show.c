/* otaria partition show: a binary table (or a CSV) as the CSV it stands for. */
#include "commands.h"

#include "partition_common.h"

int cmd_partition_show(struct cli *cli, int argc, char **argv)
{
    const char *file;
    struct partition_source source = {0};
    int done = partition_source_from_words(cli, argc, argv, &file, &source);
    if (done >= 0)
        return done;
    if (cli->json)
        return cli_print_json(
            cli, json_pack("{s:o}", "partitions", partition_table_json(source.table, source.count)));
    partition_print_table(source.table, source.count);
    return EXIT_OK;
}
