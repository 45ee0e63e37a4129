/* The table of suites. */
#include "suites.h"

#define KIB 1024u

const struct suite matrix_suites[] = {
    {"M1", "one cut, every operation, 16 KiB images", 16 * KIB, suite_single, NULL},
    {"M2", "one cut, every operation, 64 KiB images", 64 * KIB, suite_single, NULL},
    {"M3", "one cut, sampled, 1.5 MiB images", 1536 * KIB, suite_single, NULL},
    {"M4", "two cuts, every operation of the recovery", 16 * KIB, suite_double, NULL},
    {"M5", "two cuts in records, all variants", 16 * KIB, suite_double_records, NULL},
    {"M6", "three to ten random faults", 16 * KIB, suite_many, NULL},
    {"M7", "one flipped bit in otadata, every state", 16 * KIB, suite_bit_flips, NULL},
    {"M7p", "two flipped bits in an otadata record", 16 * KIB, suite_bit_pairs, NULL},
    {"M7c", "one flipped bit in otadata, then a cut", 16 * KIB, suite_flip_and_cut, NULL},
    {"M8", "brownout storms: the same operation 1 to 20 times", 16 * KIB, suite_brownout, NULL},
    {"M9", "resets during the self test", 16 * KIB, suite_self_test_resets, NULL},
    {"M10", "flash that fails", 16 * KIB, suite_flash_failures, NULL},
    {"M11", "every bit of the image wrong", 16 * KIB, suite_corrupt_image, NULL},
    {"M12", "reads that differ", 16 * KIB, suite_changing_reads, NULL},
    {"M13", "the n-th call of the port fails", 16 * KIB, suite_failing_calls, NULL},
    {"DC", "1 MiB download, connection cut at random bytes", 1024 * KIB, suite_cut_connections, "S2"},
    {"DP", "1 MiB download, power cut at random moments", 1024 * KIB, suite_cut_downloads, "S2"},
};

const unsigned matrix_suite_count = sizeof matrix_suites / sizeof matrix_suites[0];
