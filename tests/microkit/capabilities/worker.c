/* SPDX-License-Identifier: BSD-2-Clause */
#include <microkit.h>

seL4_Word count;

void init(void)
{
    for (;;) {
        (*(volatile seL4_Word *)count)++;
    }
}

void notified(microkit_channel channel)
{
}
