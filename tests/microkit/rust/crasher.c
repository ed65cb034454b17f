/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

void init(void)
{
    print("crasher: writes where nothing is mapped\n");
    *(volatile seL4_Word *)0x7000000 = 1;
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
}
