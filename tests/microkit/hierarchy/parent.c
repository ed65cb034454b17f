/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

/* Microkit's linker script puts every program's first instruction here. */
#define ENTRY 0x200000

/* Set by the tool to the identifier of the child "middle". */
seL4_Word middle;
static seL4_Word restarts;

void init(void)
{
    say("starts; middle is child", middle);
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
}

seL4_Bool fault(microkit_child child, microkit_msginfo info, microkit_msginfo *reply)
{
    say("fault of child", child);
    say("  of kind", microkit_msginfo_get_label(info));
    say("  at address", microkit_mr_get(seL4_VMFault_Addr));
    if (child == middle) {
        /* Repairing needs no program counter: the child goes on with what it is told in the reply. */
        microkit_pd_stop(child);
        say("stopped for good", child);
        print("done\n");
        return seL4_False;
    }
    restarts++;
    if (restarts < 3) {
        microkit_pd_restart(child, ENTRY);
        say("restarted", restarts);
    } else {
        microkit_pd_stop(child);
        say("stopped", child);
    }
    return seL4_False;
}
