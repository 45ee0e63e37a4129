/* The first 224 bytes of ESP-IDF's "two OTA" table, made by Espressif's generator; the rest of 3072 is FF. */
#ifndef STOCK_TABLE_H
#define STOCK_TABLE_H

static const char stock_table_hex[] = "aa50010200900000004000006e76730000000000000000000000000000000000"
                                      "aa50010000d00000002000006f74616461746100000000000000000000000000"
                                      "aa50010100f00000001000007068795f696e6974000000000000000000000000"
                                      "aa5000000000010000001000666163746f727900000000000000000000000000"
                                      "aa50001000001100000010006f74615f30000000000000000000000000000000"
                                      "aa50001100002100000010006f74615f31000000000000000000000000000000"
                                      "ebebffffffffffffffffffffffffffffbf25822c0fa6d8641bd930251e06b4c4";

#endif
