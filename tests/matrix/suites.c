/* The table of suites. */
#include "suites.h"

#define KIB 1024u

const struct suite matrix_suites[] = {
    {"M1", "one cut, every operation, 16 KiB images", 16 * KIB, suite_single},
    {"M2", "one cut, every operation, 64 KiB images", 64 * KIB, suite_single},
    {"M3", "one cut, sampled, 1.5 MiB images", 1536 * KIB, suite_single},
    {"M4", "two cuts, every operation of the recovery", 16 * KIB, suite_double},
    {"M5", "two cuts in records, all variants", 16 * KIB, suite_double_records},
    {"M6", "three to ten random faults", 16 * KIB, suite_many},
    {"M7", "one flipped bit in otadata, every state", 16 * KIB, suite_bit_flips},
    {"M7p", "two flipped bits in an otadata record", 16 * KIB, suite_bit_pairs},
    {"M7c", "one flipped bit in otadata, then a cut", 16 * KIB, suite_flip_and_cut},
    {"M8", "brownout storms: the same operation 1 to 20 times", 16 * KIB, suite_brownout},
    {"M9", "resets during the self test", 16 * KIB, suite_self_test_resets},
    {"M10", "flash that fails", 16 * KIB, suite_flash_failures},
    {"M11", "every bit of the image wrong", 16 * KIB, suite_corrupt_image},
    {"M12", "reads that differ", 16 * KIB, suite_changing_reads},
    {"M13", "the n-th call of the port fails", 16 * KIB, suite_failing_calls},
};

const unsigned matrix_suite_count = sizeof matrix_suites / sizeof matrix_suites[0];
