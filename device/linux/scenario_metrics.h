/** Reading the `metrics` of scenario files. Private to device/linux. */
#ifndef LINUX_SCENARIO_METRICS_H
#define LINUX_SCENARIO_METRICS_H

#include "vdev/scenario.h"

/** `where` names the object in messages. @return 0, or -1 with a message. */
int scenario_read_metrics(const json_t *v, const char *where, struct vdev_metrics *out, struct error *err);

#endif
