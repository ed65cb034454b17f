/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

/* Set by the tool. The other core counts up in it. */
seL4_Word page;

static void spin_until(seL4_Word count)
{
    volatile seL4_Word *word = (void *)page;
    while (*word < count) {
    }
}

void init(void)
{
    /* With one core the other domain would never run: its priority is the lower one. */
    spin_until(1);
    print("the other core runs\n");
    spin_until(2);
    print("and has its interrupt\n");
    microkit_notify(0);
    spin_until(3);
    print("and is notified from here\n");
}

void notified(microkit_channel channel)
{
    say("notified from there on", channel);
    print("done\n");
}
