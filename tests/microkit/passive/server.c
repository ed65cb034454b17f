/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

static seL4_Word sum;

void init(void)
{
    say("starts", 0);
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
}

microkit_msginfo protected(microkit_channel channel, microkit_msginfo info)
{
    seL4_Word words = microkit_msginfo_get_count(info);
    say("called on", channel);
    say("  with label", microkit_msginfo_get_label(info));
    for (seL4_Word i = 0; i < words; i++) {
        sum += microkit_mr_get(i);
    }
    microkit_mr_set(0, sum);
    microkit_mr_set(5, words);
    return microkit_msginfo_new(channel, 6);
}
