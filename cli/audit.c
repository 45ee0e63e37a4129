/* otaria audit list, verify. */
#include "commands.h"

#include "api_client.h"
#include "base/audit_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_audit(const json_t *reply)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(reply, "entries"), i, e)
    {
        api_print_field(e, "seq", 6);
        api_print_field(e, "at", 20);
        api_print_field(e, "who", 12);
        api_print_field(e, "action", 18);
        api_print_field(e, "object", 20);
        api_print_field(e, "detail", 0);
        printf("\n");
    }
}

int cmd_audit_list(struct cli *cli, int argc, char **argv)
{
    const char *after = "0", *limit = "100";
    unsigned long number;
    struct api_client c;
    json_t *reply = NULL;
    const struct cli_option options[] = {{"after", CLI_TEXT, &after, "SEQ", "entries behind this one (0)"},
                                         {"limit", CLI_TEXT, &limit, "N", "at most so many (100)"},
                                         CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (cli_number(after, INT64_MAX, &number) != 0 || cli_number(limit, 1000, &number) != 0)
        return cli_usage(cli, "--after, --limit: a whole number is wanted");
    done = api_open(&c, cli);
    if (done < 0) {
        char *path = api_path("/api/v1/audit?after=%s&limit=%s", after, limit);
        done = api_call(&c, "GET", path, NULL, &reply);
        free(path);
    }
    if (done < 0 && cli->json) {
        done = cli_print_json(cli, reply);
    } else if (done < 0) {
        print_audit(reply);
        json_decref(reply);
        done = EXIT_OK;
    }
    api_close(&c);
    return done;
}

/* --- verify --- */

struct chain {
    struct ot_digest hash;
    int64_t seq;
    int64_t anchor_seq; /* 0: none */
    struct ot_digest anchor;
    bool anchored; /* seen, and as it was */
};

static int broken(const struct cli *cli, int64_t seq, const char *what)
{
    return cli_fail(cli, EXIT_ERROR, "audit_broken", "entry %" PRId64 ": %s", seq, what);
}

static const char *text_of(const json_t *entry, const char *field)
{
    const char *text = json_string_value(json_object_get(entry, field));
    return text != NULL ? text : "";
}

/* -1 to go on. */
static int check_entry(const struct cli *cli, struct chain *c, const json_t *entry)
{
    struct ot_digest stated;
    struct audit_entry e = {.seq = json_integer_value(json_object_get(entry, "seq")),
                            .at_ms = json_integer_value(json_object_get(entry, "at_ms")),
                            .who = text_of(entry, "who"),
                            .action = text_of(entry, "action"),
                            .object = text_of(entry, "object"),
                            .detail = text_of(entry, "detail")};
    const char *hex = text_of(entry, "hash");
    if (e.seq != c->seq + 1)
        return broken(cli, c->seq + 1, "is missing: it was deleted");
    audit_chain_add(&e, &c->hash);
    if (ot_digest_from_hex(hex, (unsigned)strlen(hex), &stated) != OT_OK ||
        !ot_digest_equal(&stated, &c->hash))
        return broken(cli, e.seq,
                      "its hash is not what it and the entries before give: it, or one before, was changed");
    c->seq = e.seq;
    if (e.seq == c->anchor_seq && !ot_digest_equal(&c->hash, &c->anchor))
        return broken(cli, e.seq, "its hash is not the anchor's: the log was written anew");
    c->anchored = c->anchored || e.seq == c->anchor_seq;
    return -1;
}

static int check_all(struct api_client *client, struct chain *c)
{
    int done = -1;
    bool more = true;
    while (done < 0 && more) {
        char after[24];
        size_t i;
        json_t *reply = NULL, *entry;
        snprintf(after, sizeof after, "%" PRId64, c->seq);
        char *path = api_path("/api/v1/audit?after=%s&limit=%s", after, "1000");
        done = api_call(client, "GET", path, NULL, &reply);
        free(path);
        if (done >= 0)
            return done;
        more = json_array_size(json_object_get(reply, "entries")) > 0;
        json_array_foreach(json_object_get(reply, "entries"), i, entry)
        {
            if (done < 0)
                done = check_entry(client->cli, c, entry);
        }
        json_decref(reply);
    }
    if (done < 0 && c->anchor_seq != 0 && !c->anchored)
        return broken(client->cli, c->anchor_seq,
                      "is the anchor, and the log ends before it: its end was deleted");
    return done;
}

static int answer_chain(struct cli *cli, const struct chain *c)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(&c->hash, hex);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:I,s:o,s:b}", "entries", (json_int_t)c->seq, "anchor",
                                             json_sprintf("%" PRId64 ":%s", c->seq, hex), "anchored",
                                             (int)c->anchored));
    printf("%" PRId64 " entries, the chain is whole%s\n", c->seq,
           c->anchored ? ", and goes on from the anchor" : "");
    printf("anchor %" PRId64 ":%s\n", c->seq, hex);
    return EXIT_OK;
}

static int read_anchor(const char *text, struct chain *c)
{
    const char *colon = strchr(text, ':');
    char number[24];
    unsigned long seq = 0;
    if (colon == NULL || (size_t)(colon - text) >= sizeof number)
        return -1;
    snprintf(number, sizeof number, "%.*s", (int)(colon - text), text);
    if (cli_number(number, INT64_MAX, &seq) != 0 || seq == 0 ||
        ot_digest_from_hex(colon + 1, (unsigned)strlen(colon + 1), &c->anchor) != OT_OK)
        return -1;
    c->anchor_seq = (int64_t)seq;
    return 0;
}

int cmd_audit_verify(struct cli *cli, int argc, char **argv)
{
    const char *anchor = NULL;
    struct chain chain = {.seq = 0};
    struct api_client c;
    const struct cli_option options[] = {{"anchor", CLI_TEXT, &anchor, "SEQ:HASH",
                                          "what an earlier run printed, kept where the server cannot reach"},
                                         CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (anchor != NULL && read_anchor(anchor, &chain) != 0)
        return cli_usage(cli, "--anchor: the SEQ:HASH that an earlier run printed is wanted");
    done = api_open(&c, cli);
    if (done < 0)
        done = check_all(&c, &chain);
    if (done < 0)
        done = answer_chain(cli, &chain);
    api_close(&c);
    return done;
}
