/* The words of a partition CSV: types and subtypes. Private to flashimg. */
#ifndef FLASHIMG_PARTITION_NAMES_H
#define FLASHIMG_PARTITION_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/** Case-insensitive. False when the word is not known. */
bool partition_type_from_word(const char *word, uint8_t *out);
bool partition_subtype_from_word(uint8_t type, const char *word, uint8_t *out);

#endif
