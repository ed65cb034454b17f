/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

void init(void)
{
    for (seL4_Word i = 0; i < 7; i++) {
        microkit_mr_set(i, i + 1);
    }
    microkit_msginfo answer = microkit_ppcall(0, microkit_msginfo_new(0x77, 7));
    say("answer's label", microkit_msginfo_get_label(answer));
    say("answer's words", microkit_msginfo_get_count(answer));
    say("  the first", microkit_mr_get(0));
    say("  the last", microkit_mr_get(5));
    microkit_notify(0);
    say("is through", 0);
    if (microkit_name[0] == 's') {
        print("done\n");
    }
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
}
