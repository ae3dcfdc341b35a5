/* SPDX-License-Identifier: MIT */
#include "api/epoch.h"

#include <string.h>

void api_epoch_write(struct way_text *out, const uint8_t epoch[static WAY_EPOCH_BYTES])
{
    for (size_t i = 0; i < WAY_EPOCH_BYTES; i++) {
        way_text_printf(out, "%02x", (unsigned)epoch[i]);
    }
}

bool api_epoch_read(struct api_bytes text, uint8_t epoch[static WAY_EPOCH_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    if (text.len != (size_t)2 * WAY_EPOCH_BYTES) {
        return false;
    }
    memset(epoch, 0, WAY_EPOCH_BYTES);
    for (size_t i = 0; i < text.len; i++) {
        char byte = way_ascii_lower(text.at[i]);
        const char *digit = byte == '\0' ? NULL : strchr(digits, byte);

        if (digit == NULL) {
            return false;
        }
        epoch[i / 2] = (uint8_t)(epoch[i / 2] * 16 + (digit - digits));
    }
    return true;
}
