/* SPDX-License-Identifier: MIT */
#include "api/epoch.h"

void api_epoch_write(struct way_text *out, const uint8_t epoch[static WAY_EPOCH_BYTES])
{
    for (size_t i = 0; i < WAY_EPOCH_BYTES; i++) {
        way_text_printf(out, "%02x", (unsigned)epoch[i]);
    }
}

bool api_epoch_read(struct api_bytes text, uint8_t epoch[static WAY_EPOCH_BYTES])
{
    if (text.len != (size_t)2 * WAY_EPOCH_BYTES) {
        return false;
    }
    for (size_t i = 0; i < WAY_EPOCH_BYTES; i++) {
        int high = way_hex_digit(text.at[2 * i]);
        int low = way_hex_digit(text.at[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        epoch[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}
