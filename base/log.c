/* logfmt to standard error. Control characters in values are replaced, so one event is one line. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void write_line(const char *level, const char *event, const char *format, va_list args)
{
    char values[1500], line[1800], stamp[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    vsnprintf(values, sizeof values, format, args);
    for (char *p = values; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p == 0x7F)
            *p = '?';
    }
    int n = snprintf(line, sizeof line, "%s.%03ldZ %s %s %s\n", stamp, now.tv_nsec / 1000000, level, event,
                     values);
    /* One write: lines of different threads do not mix. */
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return;
}

#define LOG(name, level)                                                                                     \
    void name(const char *event, const char *format, ...)                                                    \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, format);                                                                              \
        write_line(level, event, format, args);                                                              \
        va_end(args);                                                                                        \
    }

LOG(log_info, "info")
LOG(log_warn, "warn")
LOG(log_error, "error")
