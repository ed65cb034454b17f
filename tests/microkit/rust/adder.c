/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

void init(void)
{
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
}

/* Word 0 of the answer is the sum of the words, word 1 how many they were. */
microkit_msginfo protected(microkit_channel channel, microkit_msginfo info)
{
    seL4_Word words = microkit_msginfo_get_count(info), sum = 0;
    say("called on", channel);
    for (seL4_Word i = 0; i < words; i++) {
        sum += microkit_mr_get(i);
    }
    microkit_mr_set(0, sum);
    microkit_mr_set(1, words);
    return microkit_msginfo_new(microkit_msginfo_get_label(info) + 1, 2);
}
