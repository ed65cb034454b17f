/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

seL4_Word shared, to_reader;

/* More stack than Microkit gives without being asked. */
static seL4_Word on_stack(void)
{
    volatile char much[0x8000];
    much[0] = 'a';
    return much[0];
}

void init(void)
{
    *(volatile seL4_Word *)(shared + 0x2ff8) = 0x1234;
    say("has a large stack", on_stack());
    microkit_notify(to_reader);
}

void notified(microkit_channel channel)
{
}
