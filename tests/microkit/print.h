/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output that does not depend on the kernel's configuration: through the PL011's registers (Arm DDI 0183, 3.3), which
 * each protection domain maps uncached with setvar_vaddr="uart".
 */
#pragma once

#include <microkit.h>

seL4_Word uart;

static inline void put(char c)
{
    volatile seL4_Uint32 *data = (void *)uart;
    volatile seL4_Uint32 *flags = (void *)(uart + 0x18);
    while (*flags & (1 << 5)) {
    }
    *data = c;
}

static inline void print(const char *text)
{
    while (*text) {
        put(*text++);
    }
}

static inline void print_hex(seL4_Word value)
{
    int shift = 60;
    while (shift > 0 && value >> shift == 0) {
        shift -= 4;
    }
    print("0x");
    for (; shift >= 0; shift -= 4) {
        put("0123456789abcdef"[value >> shift & 15]);
    }
}

/* "<name>: <text> <value>" */
static inline void say(const char *text, seL4_Word value)
{
    print(microkit_name);
    print(": ");
    print(text);
    put(' ');
    print_hex(value);
    put('\n');
}
