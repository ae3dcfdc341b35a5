/* SPDX-License-Identifier: MIT */
#include "api/opaque.h"

#include <string.h>

void api_opaque_write(struct way_text *out, const char *line)
{
    for (; *line != '\0'; line++) {
        way_text_printf(out, "%02x", (unsigned)(unsigned char)*line);
    }
}

bool api_opaque_read(struct api_bytes opaque, char line[static API_OPAQUE_MAX])
{
    if (opaque.len == 0 || opaque.len % 2 != 0 || opaque.len / 2 >= API_OPAQUE_MAX) {
        return false;
    }
    for (size_t i = 0; i < opaque.len / 2; i++) {
        int high = way_hex_digit(opaque.at[2 * i]);
        int low = way_hex_digit(opaque.at[2 * i + 1]);

        if (high < 0 || low < 0 || high * 16 + low == 0) {
            return false;
        }
        line[i] = (char)(high * 16 + low);
    }
    line[opaque.len / 2] = '\0';
    return true;
}

bool api_opaque_number(const char **at, uint64_t *out)
{
    size_t len = strcspn(*at, " ");
    bool is_number = way_u64_parse(*at, len, UINT64_MAX, out);

    *at += len;
    *at += **at == ' ';
    return is_number;
}
