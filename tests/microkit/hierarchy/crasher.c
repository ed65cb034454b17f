/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

static seL4_Word lives = 0x1000;

void init(void)
{
    /* Memory stays as it is over a restart. */
    lives += 8;
    say("starts, writes to", lives);
    *(volatile seL4_Word *)lives = 1;
    say("lives on after writing to", lives);
}

void notified(microkit_channel channel)
{
}
