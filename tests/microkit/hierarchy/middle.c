/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

static seL4_Word faults;

void init(void)
{
    say("starts", 0);
}

void notified(microkit_channel channel)
{
}

seL4_Bool fault(microkit_child child, microkit_msginfo info, microkit_msginfo *reply)
{
    say("fault of its own child", child);
    say("  at address", microkit_mr_get(seL4_VMFault_Addr));
    faults++;
    if (faults < 2) {
        /* An empty answer lets the child try again. */
        *reply = microkit_msginfo_new(0, 0);
        return seL4_True;
    }
    /* Its parent hears of this. */
    *(volatile seL4_Word *)0x7000 = 1;
    return seL4_False;
}
