/* The functions behind the command table, one file each. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

int cmd_delta_apply(struct cli *cli, int argc, char **argv);
int cmd_delta_create(struct cli *cli, int argc, char **argv);
int cmd_delta_info(struct cli *cli, int argc, char **argv);
int cmd_flash_boot(struct cli *cli, int argc, char **argv);
int cmd_flash_create(struct cli *cli, int argc, char **argv);
int cmd_flash_show(struct cli *cli, int argc, char **argv);
int cmd_image_describe(struct cli *cli, int argc, char **argv);
int cmd_image_info(struct cli *cli, int argc, char **argv);
int cmd_image_make(struct cli *cli, int argc, char **argv);
int cmd_image_sign(struct cli *cli, int argc, char **argv);
int cmd_image_verify(struct cli *cli, int argc, char **argv);
int cmd_key_digest(struct cli *cli, int argc, char **argv);
int cmd_key_generate(struct cli *cli, int argc, char **argv);
int cmd_partition_build(struct cli *cli, int argc, char **argv);
int cmd_partition_check(struct cli *cli, int argc, char **argv);
int cmd_partition_show(struct cli *cli, int argc, char **argv);
/* with a server */
int cmd_audit_list(struct cli *cli, int argc, char **argv);
int cmd_audit_verify(struct cli *cli, int argc, char **argv);
int cmd_device_list(struct cli *cli, int argc, char **argv);
int cmd_device_run(struct cli *cli, int argc, char **argv);
int cmd_device_explain(struct cli *cli, int argc, char **argv);
int cmd_product_show(struct cli *cli, int argc, char **argv);
int cmd_device_export(struct cli *cli, int argc, char **argv);
int cmd_device_history(struct cli *cli, int argc, char **argv);
int cmd_device_show(struct cli *cli, int argc, char **argv);
int cmd_device_tag(struct cli *cli, int argc, char **argv);
int cmd_login(struct cli *cli, int argc, char **argv);
int cmd_product_create(struct cli *cli, int argc, char **argv);
int cmd_product_list(struct cli *cli, int argc, char **argv);
int cmd_product_set(struct cli *cli, int argc, char **argv);
int cmd_release_list(struct cli *cli, int argc, char **argv);
int cmd_release_push(struct cli *cli, int argc, char **argv);
int cmd_release_show(struct cli *cli, int argc, char **argv);
int cmd_rollout_abort(struct cli *cli, int argc, char **argv);
int cmd_rollout_create(struct cli *cli, int argc, char **argv);
int cmd_rollout_explain(struct cli *cli, int argc, char **argv);
int cmd_rollout_list(struct cli *cli, int argc, char **argv);
int cmd_rollout_preview(struct cli *cli, int argc, char **argv);
int cmd_rollout_pause(struct cli *cli, int argc, char **argv);
int cmd_rollout_retry(struct cli *cli, int argc, char **argv);
int cmd_rollout_widen(struct cli *cli, int argc, char **argv);
int cmd_rollout_plan(struct cli *cli, int argc, char **argv);
int cmd_rollout_recall(struct cli *cli, int argc, char **argv);
int cmd_rollout_resume(struct cli *cli, int argc, char **argv);
int cmd_rollout_show(struct cli *cli, int argc, char **argv);
int cmd_rollout_start(struct cli *cli, int argc, char **argv);
int cmd_rollout_watch(struct cli *cli, int argc, char **argv);
int cmd_token_create(struct cli *cli, int argc, char **argv);

#endif
