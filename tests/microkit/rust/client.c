/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

seL4_Word servant;
static seL4_Word notifications;

void init(void)
{
    for (seL4_Word i = 0; i < 7; i++) {
        microkit_mr_set(i, i + 1);
    }
    microkit_msginfo answer = microkit_ppcall(servant, microkit_msginfo_new(0x70, 7));
    say("answer's label", microkit_msginfo_get_label(answer));
    for (seL4_Word i = 0; i < microkit_msginfo_get_count(answer); i++) {
        say("  word", microkit_mr_get(i));
    }
    microkit_notify(servant);
}

/* First the answer to its own notification, then the news of the crasher. */
void notified(microkit_channel channel)
{
    say("notified on", channel);
    if (++notifications == 2) {
        print("done\n");
    }
}
