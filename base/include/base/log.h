/**
 * Log events to standard error, one line each: `time level event key=value ...` (logfmt). Values are escaped.
 *
 *     log_info("artifact.stored", "sha256=%s bytes=%zu", hex, len);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

void log_info(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The system recovered. */
void log_warn(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A person must act. */
void log_error(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
